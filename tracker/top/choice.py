"""Choosing among the names of metrics."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

_LIKE = 0.5


def first(keys: Sequence[str]) -> str | None:
    """The metric that is shown where none was chosen: a loss, else the first."""
    return next((key for key in keys if "loss" in key.lower()), keys[0] if keys else None)


def ranked(typed: str, keys: Sequence[str]) -> list[str]:
    """The names that a person may mean, best first: those that begin so, hold it, are like it."""
    wanted = typed.lower().strip()
    if not wanted:
        return list(keys)
    holding = [key for key in keys if wanted in key.lower()]
    holding.sort(key=lambda key: not key.lower().startswith(wanted))
    if holding:
        return holding
    lower = {key.lower(): key for key in keys}
    return [lower[name] for name in difflib.get_close_matches(wanted, lower, 10, _LIKE)]
