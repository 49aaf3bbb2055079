"""`wandb.Settings`, and what the environment says: WANDB_* below TRACKER_*."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

_FIELDS = {
    "entity": "entity", "project": "project", "dir": "root_dir", "id": "run_id",
    "name": "run_name", "notes": "run_notes", "tags": "run_tags", "group": "run_group",
    "job_type": "run_job_type", "mode": "mode", "resume": "resume", "reinit": "reinit",
}  # fmt: skip
"""Arguments of `wandb.init`, and the setting that stands for each."""

_VARIABLES = {
    "entity": "WANDB_ENTITY", "project": "WANDB_PROJECT", "dir": "WANDB_DIR",
    "id": "WANDB_RUN_ID", "name": "WANDB_NAME", "notes": "WANDB_NOTES", "tags": "WANDB_TAGS",
    "group": "WANDB_RUN_GROUP", "job_type": "WANDB_JOB_TYPE", "mode": "WANDB_MODE",
    "resume": "WANDB_RESUME",
}  # fmt: skip
"""The variable that stands for each."""

_OURS = {
    "project": "TRACKER_PROJECT", "id": "TRACKER_RUN_ID", "name": "TRACKER_NAME",
    "tags": "TRACKER_TAGS", "group": "TRACKER_GROUP", "mode": "TRACKER_MODE",
    "resume": "TRACKER_RESUME",
}  # fmt: skip
"""The variable of tracker that wins over it: `tracker.init` reads it by itself."""

RESUMING: dict[Any, str] = {True: "auto", "true": "auto", "True": "auto", "1": "auto"}
"""Ways of resuming that wandb has other words for."""


class Settings:
    """Settings by wandb's names; those that have no meaning here are kept and do nothing."""

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None

    def __repr__(self) -> str:
        return f"Settings({self.__dict__!r})"

    def update(self, *given: Mapping[str, Any], **more: Any) -> None:
        """Set some of them."""
        for each in (*given, more):
            self.__dict__.update(each)


def settled(given: Mapping[str, Any], settings: Any) -> dict[str, Any]:
    """Give the arguments of `wandb.init` with what settings and WANDB_* variables say.

    Each: as it was given; else by `settings`; else None where a TRACKER_* variable says it,
    which `tracker.init` reads; else by its WANDB_* variable.
    """
    named = dict(settings) if isinstance(settings, Mapping) else vars(settings or Settings())
    found: dict[str, Any] = {}
    for name, setting in _FIELDS.items():
        value = given.get(name)
        value = named.get(setting) if value is None else value
        ours = os.environ.get(_OURS.get(name, ""))
        if value is None and not ours:
            value = os.environ.get(_VARIABLES.get(name, "")) or None
        found[name] = value
    return found
