"""What an agent of a sweep left for the run that it starts: its id, and the config it chose."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tracker.errors import BadInput
from tracker.wandb.configs import from_file
from tracker.wandb.said import notice


def sweep_id() -> str | None:
    """Id of the sweep this process runs for (`WANDB_SWEEP_ID`)."""
    return os.environ.get("WANDB_SWEEP_ID") or None


def chosen() -> dict[str, Any]:
    """The config that the sweep chose (file `WANDB_SWEEP_PARAM_PATH`); said if unreadable."""
    path = os.environ.get("WANDB_SWEEP_PARAM_PATH")
    if not path:
        return {}
    try:
        return from_file(Path(path))
    except BadInput as error:
        notice.warn(f"the sweep's choice is not used: {error}")
        return {}


def defaults() -> dict[str, Any]:
    """The config of the files that `WANDB_CONFIG_PATHS` names, else config-defaults.yaml here."""
    named = os.environ.get("WANDB_CONFIG_PATHS")
    here = Path("config-defaults.yaml")
    paths = [Path(path) for path in named.split(",")] if named else [here] if here.exists() else []
    found: dict[str, Any] = {}
    for path in paths:
        try:
            found.update(from_file(path))
        except BadInput as error:  # noqa: PERF203 - the others are taken
            notice.warn(str(error))
    return found
