"""Names like the one that was not found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def nearest(name: str, known: Sequence[str]) -> list[str]:
    """The names most like one, three at most."""
    from difflib import get_close_matches  # noqa: PLC0415 - only where a name is wrong

    return get_close_matches(name, known, 3, 0.5)


def nearest_said(name: str, names: Iterable[str]) -> str:
    """Sentence with the names most like one, else the first there are; "" where there is none."""
    known = list(dict.fromkeys(names))
    near = nearest(name, known) or known[:3]
    return f"Nearest: {', '.join(map(repr, near))}." if near else ""
