"""Names of tags and files at W&B beyond those of `tracker.integrations.wandb.naming`.

tags      a user's tag is kept apart from what stands for summary values
files     paths as all file systems take them; a name that W&B gives to files of its own is
escaped: ``output.log`` -> ``_x6f_utput.log``
"""

from __future__ import annotations

from syncd.sinks.escapes import map_file
from tracker.escapes import escaped

OWN_FILES = frozenset({
    "wandb-metadata.json", "wandb-summary.json", "wandb-history.jsonl", "wandb-events.jsonl",
    "output.log", "config.yaml", "requirements.txt",
})  # fmt: skip
"""Files at the root of a run that W&B or its client makes."""

SUMMARY = "summary."
"""What summary values begin with where they stand beside tags; users' tags are kept apart."""

_THEIRS = {"job": "", "run_table": "run-", "code": "source-"}
"""Beginnings of names that W&B keeps to itself, by type (wandb/sdk/artifacts/_validators.py)."""


def map_tag(name: str) -> str:
    """Return the name of a user's tag, apart from those of summary values."""
    return escaped(name, {0}) if name.startswith(SUMMARY) else name


def is_of_wandb(kind: str, name: str) -> bool:
    """Whether W&B keeps artifacts of this type, or of it those of this name, to itself."""
    first = _THEIRS.get(kind)
    return kind.startswith("wandb-") or (first is not None and name.startswith(first))


def map_path(path: str) -> str:
    """Return the name of a run's file at W&B."""
    mapped = map_file(path)
    return escaped(mapped, {0}) if mapped in OWN_FILES else mapped
