"""Credentials of remotes: from the environment only, never from a file, index or argument.

For the remote `my-lab` the variables are, first found wins:

    TRACKER_REMOTE_MY_LAB_TOKEN                                   a bearer token
    TRACKER_REMOTE_MY_LAB_USERNAME, TRACKER_REMOTE_MY_LAB_PASSWORD
    the platform's own (for MLflow: MLFLOW_TRACKING_TOKEN,
    MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD)

The name is in capitals, and what is no letter or digit in it is "_".
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tracker.errors import SettingsError


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
        """What must not be seen in any message, in each form in which it travels."""
        shown = (self.token, self.password, self._basic if self.username else "")
        return tuple(secret for secret in shown if secret)

    @property
    def _basic(self) -> str:
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


def credentials(
    remote: str, platform: str, environ: Mapping[str, str] | None = None
) -> Credentials:
    """Find the credentials of the remote named `remote`.

    `platform` is the beginning of the platform's own variables, such as "MLFLOW_TRACKING".

    Raises:
        SettingsError: a token that cannot stand in a header; names the variable.
    """
    env = os.environ if environ is None else environ
    for prefix in (_prefix(remote), platform):
        if token := env.get(f"{prefix}_TOKEN", "").strip():
            return Credentials(token=_sendable(f"{prefix}_TOKEN", token))
        if username := env.get(f"{prefix}_USERNAME", ""):
            return Credentials(username=username, password=env.get(f"{prefix}_PASSWORD", ""))
    return Credentials()


def _prefix(remote: str) -> str:
    return "TRACKER_REMOTE_" + re.sub(r"[^A-Za-z0-9]", "_", remote).upper()


def _sendable(variable: str, token: str) -> str:
    if not (token.isascii() and token.isprintable()):
        raise SettingsError(
            f"the value of {variable} cannot be a token: it holds a line break or a character "
            "outside ASCII. Set it again."
        )
    return token
