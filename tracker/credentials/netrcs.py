"""Credentials in the user's netrc, by host."""

from __future__ import annotations

import netrc
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tracker.credentials import Credentials, Found, readable_by_others, refusal
from tracker.errors import SettingsError

_MOST_BYTES = 2**20


def path(environ: Mapping[str, str] | None = None) -> Path:
    """Where the netrc is, if there is one."""
    env = os.environ if environ is None else environ
    return Path(os.path.expanduser(env.get("NETRC", "") or "~/.netrc"))  # noqa: PTH111 - Path's raises without a home


def find(url: str, environ: Mapping[str, str]) -> Found | None:
    """What the netrc says about the host of `url`.

    A netrc that does not name the host is not ours to complain about.

    Raises:
        SettingsError: it names the host, but others may read it or its lines do not parse.
    """
    file, host = path(environ), urlsplit(url).hostname or ""
    about = _about(file)
    if about is None or not host or not _names(file, host):
        return None
    if readable_by_others(about):
        raise refusal(file, about)
    entry = _entry(file, host)
    if entry is None:
        return None
    username, _, password = entry
    return Found(Credentials(username=username, password=password or "").checked(str(file)),
                 str(file))  # fmt: skip


def _about(file: Path) -> os.stat_result | None:
    try:
        about = file.stat()
    except OSError:
        return None
    plain = stat.S_ISREG(about.st_mode) and about.st_size <= _MOST_BYTES
    return about if plain else None


def _names(file: Path, host: str) -> bool:
    try:
        machine = rb"machine\s+" + re.escape(host.encode()) + rb"(?!\S)"
        return re.search(machine, file.read_bytes().lower()) is not None
    except OSError:
        return False


def _entry(file: Path, host: str) -> tuple[str, str | None, str | None] | None:
    try:
        hosts = netrc.netrc(str(file)).hosts
    except (netrc.NetrcParseError, UnicodeError) as error:
        # The parser's own text quotes what it stumbled over, which may be the password.
        line = f" (line {error.lineno})" if isinstance(error, netrc.NetrcParseError) else ""
        raise SettingsError(
            f"{file} names {host}, but does not parse{line}. Mend it, or set the credentials "
            "elsewhere: tracker remote login NAME"
        ) from None
    except OSError:
        return None
    found = {name.lower(): entry for name, entry in hosts.items() if name != "default"}
    return found.get(host)
