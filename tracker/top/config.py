"""The pane of settings: config, summary, tags, and where the run ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tracker.cli import terminal, wording
from tracker.notice import shown
from tracker.query import RunView
from tracker.top.colours import bold

_KEY_MOST = 30


def lines(run: RunView, width: int) -> list[str]:
    """A line for each key, and a heading for each kind."""
    told = {
        "id": run.id,
        "group": run.group,
        "job type": run.job_type,
        "ended": wording.day_and_time(run.ended_at) if run.ended_at else None,
        "exit code": run.exit_code,
        "error": run.error,
        "notes": run.notes,
        **run.about,
    }
    kinds = {
        "config": run.config,
        "summary": run.summary,
        "tags": run.tags,
        "run": {key: value for key, value in told.items() if value is not None},
    }
    return [line for kind, values in kinds.items() for line in _section(kind, values, width)]


def _section(title: str, values: Mapping[str, Any], width: int) -> Iterator[str]:
    if not values:
        return
    yield bold(title)
    names = [shown(key) for key in values]
    room = min(_KEY_MOST, max(map(terminal.columns, names)))
    for name, value in zip(names, values.values(), strict=True):
        first, *more = terminal.folded(wording.value_text(value), max(1, width - room - 4))
        yield f"  {terminal.fitted(name, room)}  {first}"
        yield from (" " * (room + 4) + piece for piece in more)
