"""Names as W&B takes them, the same that a delivery by syncd gives."""

from __future__ import annotations

import hashlib
import re

MAX_NAME = 128
"""Characters of the name of a project, an artifact or its type."""

MAX_TAG = 64
"""Characters."""

_OWN = ("_step", "_timestamp", "_runtime", "_wandb", "_tracker")
"""How keys begin that W&B, or we, give a meaning."""

_NOT_IN_PROJECT = re.compile(r"[/\\#?%:\x00-\x1f\x7f]")
_NOT_IN_ARTIFACT = re.compile(r"[^A-Za-z0-9_.-]")


def key_name(key: str) -> str:
    """A key of the user's, apart from W&B's own and not empty: ``_step`` is ``_x5f_step``."""
    if not key:
        return "_x_"
    return f"_x5f_{key[1:]}" if key.startswith(_OWN) else key


def project_name(name: str) -> str:
    """A project's name; what W&B refuses stands as its code: ``a/b`` is ``a_x2f_b``."""
    return _cut(_NOT_IN_PROJECT.sub(_code, name), MAX_NAME) or "uncategorized"


def artifact_name(name: str) -> str:
    """An artifact's name or type, "-" for each character but ``A-Z a-z 0-9 _ . -``."""
    return _cut(_NOT_IN_ARTIFACT.sub("-", name), MAX_NAME) or "-"


def tag_name(name: str, value: str) -> str:
    """A tag, ``name:value`` if it has a value."""
    return _cut(f"{name}:{value}" if value else name, MAX_TAG)


def _code(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):x}_"


def _cut(text: str, most: int) -> str:
    """What is too long ends in "-" and 16 hex digits of the SHA-256 of the whole."""
    if len(text) <= most:
        return text
    tail = "-" + hashlib.sha256(text.encode()).hexdigest()[:16]
    return text[: most - len(tail)] + tail
