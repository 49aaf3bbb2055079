"""What many runs hold, read together: a few reads for all, not a few for each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tracker.index import Index
from tracker.query.records import Figures
from tracker.query.runview import RunView

_AT_ONCE = 500
"""Runs in one read: SQLite takes only so many values."""


def preload(index: Index, runs: Sequence[RunView], *what: str) -> None:
    """Read properties of runs: config, summary, tags or metrics; what was read already stays."""
    for name in what:
        missing = [run for run in runs if name not in vars(run)]
        for start in range(0, len(missing), _AT_ONCE):
            part = {run.id: run for run in missing[start : start + _AT_ONCE]}
            found = _read(index, list(part), name)
            for run_id, run in part.items():
                vars(run)[name] = found.get(run_id, {})


def _read(index: Index, ids: list[str], name: str) -> dict[str, dict[str, Any]]:
    marks = ", ".join("?" * len(ids))
    found: dict[str, dict[str, Any]] = {}
    rows = index.query(
        f"SELECT {_COLUMNS[name]} FROM {name} WHERE run IN ({marks}) ORDER BY run, 2",  # noqa: S608 - names are ours
        tuple(ids),
    )
    for run_id, key, *values in rows:
        found.setdefault(run_id, {})[key] = _value(name, values)
    return found


_COLUMNS = {
    "config": "run, key, value",
    "summary": "run, key, value",
    "tags": "run, tag, value",
    "metrics": "run, key, count, nans, first, last, min, max, mean, last_step, min_step, max_step",
}


def _value(name: str, values: list[Any]) -> Any:
    if name == "metrics":
        return Figures.stored(tuple(values))
    return values[0] if name == "tags" else json.loads(values[0])
