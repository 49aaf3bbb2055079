r"""Names at W&B: kept as they are where they can be, told apart from W&B's own where not.

    keys      what begins as a key of W&B's or ours does gets its first "_" escaped (see
              `syncd.sinks.escapes`): ``_step`` -> ``_x5f_step``
    projects  up to 128 characters without ``/ \ # ? % :``, which are escaped
    tags      up to 64 characters; a tag with a value is ``name:value``
    artifacts names, types and aliases: as projects
    files     paths as all file systems take them; a name that W&B gives to files of its own is
              escaped: ``output.log`` -> ``_x6f_utput.log``

What is too long is cut and ends in "-" and 16 hex digits of SHA-256 of the whole. The limits are
those of the client (wandb/sdk/wandb_settings.py, `validate_project` and `validate_run_tags`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from syncd.sinks.escapes import EMPTY, digest, escaped, map_file

PRIVATE = "_tracker"
"""What all keys of ours begin with, in the config and in rows."""

MAX_PROJECT = 128
MAX_TAG = 64
"""Characters."""

OWN_FILES = frozenset({
    "wandb-metadata.json", "wandb-summary.json", "wandb-history.jsonl", "wandb-events.jsonl",
    "output.log", "config.yaml", "requirements.txt",
})  # fmt: skip
"""Files at the root of a run that W&B or its client makes."""

SUMMARY = "summary."
"""What summary values begin with where they stand beside tags; users' tags are kept apart."""

_THEIRS = {"job": "", "run_table": "run-", "code": "source-"}
"""Beginnings of names that W&B keeps to itself, by type (wandb/sdk/artifacts/_validators.py)."""

_RESERVED = ("_step", "_timestamp", "_runtime", "_wandb", PRIVATE)
_PROJECT_REFUSED = re.compile(r"[/\\#?%:\x00-\x1f\x7f]")


@lru_cache(maxsize=16_384)
def map_key(key: str) -> str:
    """Return the name of a metric, config or summary key at W&B."""
    if not key:
        return EMPTY
    return escaped(key, {0} if key == EMPTY or key.startswith(_RESERVED) else ())


def map_tag(name: str) -> str:
    """Return the name of a user's tag, apart from those of summary values."""
    return escaped(name, {0}) if name.startswith(SUMMARY) else name


def label(name: str, value: str) -> str:
    """Return the tag as W&B shows it: the name, with the value if it has one."""
    return _cut(f"{name}:{value}" if value else name, MAX_TAG) or EMPTY


def map_project(name: str) -> str:
    """Return the name of a project's project at W&B."""
    bad = {found.start() for found in _PROJECT_REFUSED.finditer(name)}
    return _cut(escaped(name, bad), MAX_PROJECT) or "uncategorized"


def map_artifact(name: str) -> str:
    """Return the name of an artifact, of its type or of an alias at W&B."""
    return map_project(name)


def is_of_wandb(kind: str, name: str) -> bool:
    """Whether W&B keeps artifacts of this type, or of it those of this name, to itself."""
    first = _THEIRS.get(kind)
    return kind.startswith("wandb-") or (first is not None and name.startswith(first))


def map_path(path: str) -> str:
    """Return the name of a run's file at W&B."""
    mapped = map_file(path)
    return escaped(mapped, {0}) if mapped in OWN_FILES else mapped


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    tail = "-" + digest(text)
    return text[: limit - len(tail)] + tail
