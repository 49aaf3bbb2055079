"""Credentials in the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tracker.credentials import Credentials, Found


def find(remote: str, platform: str, environ: Mapping[str, str]) -> Found | None:
    """Those of the remote itself, or those of its platform.

    Raises:
        SettingsError: they cannot be sent; names the variable.
    """
    own = own_prefix(remote)
    for prefix in filter(None, (own, platform)):
        for name in (f"{prefix}_TOKEN", *([prefix] if prefix != own else ())):
            if token := environ.get(name, "").strip():
                return Found(Credentials(token=token).checked(name), name)
        if username := environ.get(f"{prefix}_USERNAME", "").strip():
            place = f"{prefix}_USERNAME, {prefix}_PASSWORD"
            held = Credentials(username=username, password=environ.get(f"{prefix}_PASSWORD", ""))
            return Found(held.checked(place), place)
    return None


def own_prefix(remote: str) -> str:
    """How the variables of the remote itself begin."""
    return "TRACKER_REMOTE_" + re.sub(r"[^A-Za-z0-9]", "_", remote).upper()
