"""The table `run`: what a run's journals say of it together."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from typing import Any, NamedTuple

RUNNING, CRASHED = "running", "crashed"


class _Journal(NamedTuple):
    start: int
    parent: str | None
    events: int
    unknown: int
    last_time: int
    state: str
    head: dict[str, Any]
    finish: dict[str, Any] | None


def refresh(connection: sqlite3.Connection, run: int) -> None:
    """Make the row of a run anew, after something was read of it.

    The newest journal that is no forked child's tells the state, its project and its name;
    group, job type and notes are the newest that were given.
    """
    found = connection.execute(
        "SELECT start, parent, events, unknown, last_time, state, coalesce(head, '{}'), "
        "coalesce(finish, 'null') FROM journal "
        "WHERE run = ? ORDER BY start, writer",
        (run,),
    )
    journals = [
        _Journal(start, parent, events, unknown, time, state, json.loads(head), json.loads(finish))
        for start, parent, events, unknown, time, state, head, finish in found
    ]
    primary = [journal for journal in journals if journal.parent is None] or journals
    fields = {**_head(primary), **_end(primary[-1])}
    dropped: Counter[str] = Counter()
    for journal in journals:
        dropped.update((journal.finish or {}).get("dropped", {}))
    fields |= {
        "started_at": primary[0].head.get("time", primary[0].start),
        "events": sum(journal.events for journal in journals),
        "unknown": sum(journal.unknown for journal in journals),
        "dropped": json.dumps(dropped, sort_keys=True),
    }
    names = ", ".join(f'"{name}" = ?' for name in fields)
    connection.execute(f"UPDATE run SET {names} WHERE id = ?", (*fields.values(), run))  # noqa: S608 - names are ours


def _head(primary: list[_Journal]) -> dict[str, Any]:
    heads = [journal.head for journal in primary if journal.head]
    newest: dict[str, Any] = heads[-1] if heads else {}
    fields = {
        name: next((head[name] for head in reversed(heads) if head[name] is not None), None)
        for name in ("group", "job_type", "notes")
    }
    return fields | {
        "project": newest.get("project", ""),
        "name": newest.get("name", ""),
        "about": json.dumps(newest.get("about", {}), ensure_ascii=False),
    }


def _end(newest: _Journal) -> dict[str, Any]:
    if newest.finish is not None:
        return {
            "status": newest.finish["status"],
            "ended_at": newest.finish["time"],
            "exit_code": newest.finish["exit_code"],
            "error": newest.finish["error"],
        }
    alive = newest.state == "live"
    return {
        "status": RUNNING if alive else CRASHED,
        "ended_at": None if alive else newest.last_time,
        "exit_code": None,
        "error": None,
    }
