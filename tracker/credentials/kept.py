"""What `tracker remote login` kept: in the keyring where one works, else in a file of ours.

credentials.json names each remote it was told of by name and address, with the secret or with a
note that the keyring has it. So the keyring is asked for what is there only, and every change
shows on the file: a syncd that runs looks at it (`stamp`) and takes up new credentials.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from tracker.credentials import Credentials, Found, netrcs, readable_by_others, refusal, ring
from tracker.errors import SettingsError
from tracker.settings import locked, user_file
from tracker.store import replace_file

_MOST_BYTES = 2**20
_KEYRING = "the system's keyring"


class _Entry(msgspec.Struct, omit_defaults=True):
    token: str = ""
    username: str = ""
    password: str = ""
    keyring: bool = False

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.token, self.username, self.password)


def path() -> Path:
    """Where the file is; in the user's config folder, in no store."""
    return user_file().with_name("credentials.json")


def in_keyring(remote: str, url: str) -> Found | None:
    """What the keyring keeps for a remote.

    Raises:
        SettingsError: it has it, and cannot be asked now; or the file cannot be used.
    """
    entry = _read().get(_account(remote, url))
    if entry is None or not entry.keyring:
        return None
    answer = ring.ask(ring.Question("get", _account(remote, url)))
    if answer.secret is None:
        raise SettingsError(
            f"the credentials of remote {remote!r} are in {_KEYRING}, which "
            f"{answer.why or 'no longer holds them'}. Unlock or mend it, or give them again: "
            f"tracker remote login {remote}"
        )
    try:
        held = msgspec.json.decode(answer.secret, type=_Entry).credentials
    except msgspec.MsgspecError:
        raise SettingsError(
            f"{_KEYRING} holds something else for remote {remote!r}. Give its credentials again: "
            f"tracker remote login {remote}"
        ) from None
    return Found(held.checked(_KEYRING), _KEYRING)


def in_file(remote: str, url: str) -> Found | None:
    """What our file keeps for a remote.

    Raises:
        SettingsError: the file or what it holds cannot be used.
    """
    entry = _read().get(_account(remote, url))
    if entry is None or entry.keyring:
        return None
    return Found(entry.credentials.checked(str(path())), str(path()))


def keep(remote: str, url: str, credentials: Credentials) -> str:
    """Keep the credentials of a remote in place of those before; returns where, in words.

    Raises:
        SettingsError: they cannot be sent, or the file cannot be read or changed.
    """
    account = _account(remote, url)
    plain = _Entry(**vars(credentials.checked("what was given")))
    secret = msgspec.json.encode(plain).decode()
    _read()  # a file that is refused is so before the keyring has anything
    answer = ring.ask(ring.Question("set", account, secret))
    # One change, and after the secret is there: a syncd that runs looks as soon as it sees it.
    _change(account, plain if answer.why else _Entry(keyring=True))
    if not answer.why:
        return _KEYRING
    return f"{path()}, mode 0600 (the keyring {answer.why})"


def forget(remote: str, url: str) -> str | None:
    """Forget the credentials of a remote; returns where they were, None where there were none.

    Raises:
        SettingsError: the file cannot be read or changed, or the keyring keeps its own.
    """
    account = _account(remote, url)
    entry = _read().get(account)
    if entry is None:
        return None
    if entry.keyring:
        answer = ring.ask(ring.Question("delete", account))
        if answer.why:
            raise SettingsError(
                f"the credentials of remote {remote!r} are in {_KEYRING}, which {answer.why}; they "
                "are still there. Unlock or mend it and try again, or delete there the entry of "
                f"{ring.SERVICE!r} for {account!r}."
            )
    _change(account, None)
    return _KEYRING if entry.keyring else str(path())


def rename(old: str, new: str, url: str) -> str | None:
    """Keep under the name `new` what was kept for the remote `old`: where, None if nothing was.

    Raises:
        SettingsError: it cannot be read or kept; what was kept stays under the old name.
    """
    found = in_keyring(old, url) or in_file(old, url)
    if found is None:
        return None
    place = keep(new, url, found.credentials)
    forget(old, url)
    return place


def stamp() -> object:
    """What changes whenever the credentials in files do, their modes too."""
    return tuple(_stamp(file) for file in (path(), netrcs.path()))


def _stamp(file: Path) -> object:
    try:
        about = file.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_ctime_ns, about.st_ino, about.st_size, about.st_mode


def _account(remote: str, url: str) -> str:
    return f"{remote} {url.rstrip('/')}"


def _change(account: str, entry: _Entry | None) -> None:
    file = path()
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(f"{file.parent} cannot be made: {error.strerror}. Make it.") from None
    with locked(file):
        entries = _read()
        entries.pop(account, None)
        if entry is not None:
            entries[account] = entry
        replace_file(file, msgspec.json.format(msgspec.json.encode(entries)) + b"\n")


def _read() -> dict[str, _Entry]:
    file = path()
    try:
        with file.open("rb") as opened:
            about = os.fstat(opened.fileno())
            if readable_by_others(about):
                raise refusal(file, about)
            content = opened.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise SettingsError(f"{file} is longer than {_MOST_BYTES:,} bytes. Mend or remove it.")
        return msgspec.json.decode(content, type=dict[str, _Entry])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be read: {error.strerror}. Mend its permissions or remove it."
        ) from None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):  # their text may quote a secret
        raise SettingsError(
            f"{file} holds no credentials that can be read. Remove it, then: "
            "tracker remote login NAME"
        ) from None
