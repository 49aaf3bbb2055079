"""Credentials of remotes: where they come from, and where `tracker remote login` puts them.

The places, first found wins:

    environment  TRACKER_REMOTE_MY_LAB_TOKEN, or TRACKER_REMOTE_MY_LAB_USERNAME and ..._PASSWORD,
                 for the remote `my-lab`; then those of its platform (MLFLOW_TRACKING_TOKEN, ...;
                 WANDB_API_KEY).
                 The name is in capitals, and what is no letter or digit in it is "_"
    keyring      the system's, if the package `keyring` is there and works, for what login put there
    netrc        $NETRC or ~/.netrc, by the host of the remote's address; `default` is not for us
    file         credentials.json in the user's config folder, mode 0600

What login keeps is bound to the remote's name *and* address: a store that somebody else made
cannot have it sent to another address by calling its remote `lab` too. Nothing of it is ever
in a store.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from tracker.errors import SettingsError

MOST_CHARACTERS = 8192
"""Longest token, user or password; what servers take in a header is about that."""

PLATFORMS = {"mlflow": "MLFLOW_TRACKING", "wandb": "WANDB_API_KEY"}
"""By kind of remote, the beginning of the platform's own variables, or the one that has a token."""

_CONTROL_END, _DELETE = 0x20, 0x7F
_SURROGATES = range(0xD800, 0xE000)


@dataclass(frozen=True)
class Credentials:
    """What proves who we are: a token, or a user with a password, or nothing."""

    token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers that carry them."""
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        if self.username:
            return {"Authorization": f"Basic {self._basic}"}
        return {}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be seen in any message, in each form in which it travels or returns."""
        plain = [secret for secret in (self.token, self.password) if secret]
        basic = [self._basic] if self.username else []
        quoted = [form for secret in plain for form in (quote(secret, ""), _in_json(secret))]
        return tuple(dict.fromkeys([*basic, *plain, *quoted]))

    @property
    def _basic(self) -> str:
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    def checked(self, place: str) -> Credentials:
        """Return these if they can be sent.

        Raises:
            SettingsError: they cannot; names `place` and never what they are.
        """
        for what, text in vars(self).items():
            if len(text) > MOST_CHARACTERS:
                raise SettingsError(
                    f"the {what} in {place} is longer than {MOST_CHARACTERS:,} characters. "
                    "Set it again."
                )
            if any(_unsendable(char) for char in text) or (what == "token" and not text.isascii()):
                raise SettingsError(
                    f"the {what} in {place} cannot be used: it holds a line break, a control "
                    "character or one that cannot be sent (a token is ASCII). Set it again."
                )
        if ":" in self.username:
            raise SettingsError(
                f"the username in {place} cannot be used: it holds a colon. Set it again."
            )
        return self


@dataclass(frozen=True)
class Found:
    """Credentials and the place they were found in, in words; no place where there are none."""

    credentials: Credentials = Credentials()
    place: str = ""


def find(remote: str, url: str, platform: str, environ: Mapping[str, str] | None = None) -> Found:
    """Find the credentials of a remote; `platform` begins the variables of its platform, or is "".

    Raises:
        SettingsError: they cannot be used or read; names the place and how to mend it.
    """
    from tracker.credentials import kept, netrcs, variables  # noqa: PLC0415 - they import us

    env = os.environ if environ is None else environ
    return (
        variables.find(remote, platform, env)
        or kept.in_keyring(remote, url)
        or netrcs.find(url, env)
        or kept.in_file(remote, url)
        or Found()
    )


def readable_by_others(about: os.stat_result) -> bool:
    """Whether a file's mode lets anybody but its owner look into it."""
    return os.name == "posix" and bool(about.st_mode & 0o077)


def refusal(path: Path, about: os.stat_result) -> SettingsError:
    """Make the error that refuses a file of secrets which others can read."""
    return SettingsError(
        f"{path} holds secrets and others may read it (mode {about.st_mode & 0o777:04o}), so it is "
        f"not used. Close it: chmod 600 '{path}'"
    )


def _unsendable(char: str) -> bool:
    code = ord(char)
    return code < _CONTROL_END or code == _DELETE or code in _SURROGATES


def _in_json(secret: str) -> str:
    return json.dumps(secret)[1:-1]
