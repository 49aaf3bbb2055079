r"""Names as W&B takes them: kept as they are where they can be, apart from W&B's own where not.

    keys       what begins as a key of W&B's or ours does gets its first "_" escaped (see
               `tracker.escapes`): ``_step`` -> ``_x5f_step``
    projects   up to 128 characters without ``/ \ # ? % :``, which are escaped
    artifacts  their names, types and aliases: as projects
    tags       up to 64 characters; a tag with a value is ``name:value``

What is too long is cut and ends in "-" and 16 hex digits of SHA-256 of the whole. The limits are
those of the client (wandb/sdk/wandb_settings.py, `validate_project` and `validate_run_tags`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from tracker.escapes import EMPTY, digest, escaped, unescaped

OURS = "_tracker"
"""What all keys of ours begin with, in the config and in rows."""

MAX_NAME = 128
"""Characters of the name of a project, an artifact or its type."""

MAX_TAG = 64
"""Characters."""

_RESERVED = ("_step", "_timestamp", "_runtime", "_wandb", OURS)
_REFUSED = re.compile(r"[/\\#?%:\x00-\x1f\x7f]")


@lru_cache(maxsize=16_384)
def key_name(key: str) -> str:
    """Return the name of a metric, config or summary key."""
    if not key:
        return EMPTY
    return escaped(key, {0} if key == EMPTY or key.startswith(_RESERVED) else ())


def key_of(name: str) -> str:
    """Return the key that `key_name` gave a name."""
    return unescaped(name) if "_x" in name else name


def project_name(name: str) -> str:
    """Return the name of a project."""
    return _plain(name) or "uncategorized"


def artifact_name(name: str) -> str:
    """Return the name of an artifact, of its type or of an alias."""
    return _plain(name) or EMPTY


def tag_name(name: str, value: str) -> str:
    """Return a tag as W&B shows it."""
    return _cut(f"{name}:{value}" if value else name, MAX_TAG) or EMPTY


def _plain(name: str) -> str:
    return _cut(escaped(name, {found.start() for found in _REFUSED.finditer(name)}), MAX_NAME)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    tail = "-" + digest(text)
    return text[: most - len(tail)] + tail
