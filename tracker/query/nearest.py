"""Names like the one that was not found."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str:
    """Sentence with up to three of `names` that are most like `name`; "" where there is none."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for an error

    known = list(dict.fromkeys(names))
    near = get_close_matches(name, known, 3, 0.5) or known[:3]
    return f"Nearest: {', '.join(map(repr, near))}." if near else ""
