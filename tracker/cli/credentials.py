"""Which credentials of a remote the environment holds: names of variables, never values.

The order is that of `syncd`: variables of the remote itself, then those of its platform.
"""

from __future__ import annotations

import os
import re

_PLATFORMS = {
    "mlflow": ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"),
}


def variables(remote: str, kind: str) -> list[str]:
    """Names of the variables that are looked at, first found wins."""
    prefix = own_prefix(remote)
    own = [f"{prefix}_{what}" for what in ("TOKEN", "USERNAME", "PASSWORD")]
    return [*own, *_PLATFORMS.get(kind, ())]


def own_prefix(remote: str) -> str:
    """How the variables of the remote itself begin."""
    return "TRACKER_REMOTE_" + re.sub(r"[^A-Za-z0-9]", "_", remote).upper()


def present(remote: str, kind: str) -> list[str]:
    """Those of the variables that are set."""
    return [name for name in variables(remote, kind) if os.environ.get(name, "").strip()]


def said(remote: str, kind: str) -> str:
    """Whether there are any, in words."""
    found = present(remote, kind)
    return f"credentials from {', '.join(found)}" if found else "no credentials set"
