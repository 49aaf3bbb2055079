"""`Runs`: a page of runs, as a list, a table and a data frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tracker.index import Index
from tracker.query import frames
from tracker.query.answer import Answer
from tracker.query.language.attributes import place_in_about
from tracker.query.language.tree import Field
from tracker.query.printed import Cell
from tracker.query.runview import RunView
from tracker.query.together import preload

_SHORT_ID = 8
_ATTRIBUTES = ("id", "name", "project", "status", "group", "job_type", "started_at", "ended_at")
_HELD = ("config", "summary", "tags", "metrics")
_NAMES = {"start_time": "started_at", "end_time": "ended_at"}
"""Attributes whose name in a query is not that of a `RunView`."""


class Runs(Answer, list[RunView]):
    """Runs in the order that was asked for; prints as a table with the fields that were named.

    Attributes:
        token: gets the next page from the same call; None if there is none.
        hints: what to know of the query: keys that no run has, with the nearest names.
        fields: what the query named, beside what every table shows.
    """

    def __init__(
        self, index: Index, runs: Iterable[RunView], *, token: str | None = None,
        hints: Sequence[str] = (), fields: Sequence[Field] = (),
    ) -> None:  # fmt: skip
        super().__init__(runs)
        self._index = index
        self.token = token
        self.hints = list(hints)
        self.fields = list(fields)

    def table(self) -> dict[str, list[Cell]]:
        """Columns of equal length: name, id, project, status, start, and each field named."""
        self.preload(*{field.kind for field in self.fields} & set(_HELD))
        if any(field.kind == "params" for field in self.fields):
            self.preload("config")
        columns: dict[str, list[Cell]] = {
            "name": [run.name for run in self],
            "id": [run.id[:_SHORT_ID] for run in self],
            "project": [run.project for run in self],
            "status": [run.status for run in self],
            "started": [run.started_at for run in self],
        }
        for field in self.fields:
            if str(field) not in (*columns, "start_time"):
                columns[str(field)] = [value(run, field) for run in self]
        return columns

    def preload(self, *what: str) -> None:
        """Read config, summary, tags or metrics of all of these runs together, which is quicker."""
        preload(self._index, self, *what)

    def columns(self) -> dict[str, list[Any]]:
        """All but the points: id, name, ..., `config.K`, `summary.K`, `tags.K`, `metrics.K` (last).

        A list a column, None where a run has nothing. A column has one type: numbers, bools, times
        (UTC) or texts; where runs differ, and lists, are texts of JSON.
        """
        self.preload(*_HELD)
        found: dict[str, list[Any]] = {name: [getattr(run, name) for run in self]
                                       for name in _ATTRIBUTES}  # fmt: skip
        found["duration_s"] = [run.duration.total_seconds() for run in self]
        for what in _HELD:
            keys = sorted({key for run in self for key in getattr(run, what)})
            for key in keys:
                values = [getattr(run, what).get(key) for run in self]
                if what == "metrics":
                    values = [None if figures is None else figures.last for figures in values]
                found[f"{what}.{key}"] = frames.of_one_type(values)
        return found


def value(run: RunView, field: Field) -> Any:
    """What a field of a query is in a run; None if it has nothing there."""
    if field.kind == "attributes":
        if field.key == "user":
            return run.about.get("user")
        found = getattr(run, _NAMES.get(field.key, field.key))
        return found.total_seconds() if field.key == "duration" else found
    if field.kind in ("git", "host"):
        return run.about.get(place_in_about(field.kind, field.key))
    if field.kind == "metrics":
        figures = run.metrics.get(field.key)
        return None if figures is None else getattr(figures, _FIGURES.get(field.part, field.part))
    held: dict[str, Any] = getattr(run, "config" if field.kind == "params" else field.kind)
    return held.get(field.key)


_FIGURES = {"step": "last_step"}
