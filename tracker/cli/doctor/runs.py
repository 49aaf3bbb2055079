"""The runs of a store: damage, what could not be kept, dead processes, odd clocks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter

from tracker.cli import wording
from tracker.cli.doctor.damage import NEWER, UNREADABLE, finding_of, is_damage
from tracker.cli.doctor.finding import Finding
from tracker.journal import FORMAT
from tracker.query import Damage, Store

_NAMED = 10
"""Most runs that are named one by one."""

_FUTURE_S = 60
_HARMLESS = ("torn tail", "failed write")
_REFUSED = {"values", "config values", "summary values", "tag values", "artifacts"}
"""Kinds of what was not kept because of what it was, not because of the store."""


def run_findings(store: Store) -> Iterator[Finding]:
    """Yield what the journals of all runs tell; one "ok" where nothing is wrong."""
    found = [*_damaged(store), *_unreadable(store), *_forbidden(store), *_newer(store)]
    found += _unknown(store)
    found += [*_torn(store), *_dropped(store), *_crashed(store), *_from_the_future(store)]
    if not any(finding.level == "damage" for finding in found):
        found.insert(0, Finding("runs", "ok", "no damage was found when the journals were read"))
    yield from found
    if store.index.behind:
        yield Finding(
            "runs", "note", "another process is reading the journals; this may not be all yet",
            "tracker doctor",
        )  # fmt: skip


def _damaged(store: Store) -> Iterator[Finding]:
    found = [(run, gaps) for run, gaps in _with_gaps(store, is_damage) if gaps]
    for (run_id, name), gaps in found[:_NAMED]:
        yield finding_of(run_id, name, gaps, f"tracker show {run_id}")
    if len(found) > _NAMED:
        more = wording.counted(len(found) - _NAMED, "more run")
        facts = {"runs": [run_id for (run_id, _), _ in found]}
        yield Finding("runs", "damage", f"{more} with damage", "tracker doctor --json", facts)


def _with_gaps(
    store: Store, wanted: Callable[[Damage], bool]
) -> Iterator[tuple[tuple[str, str], list[Damage]]]:
    """Id and name of each run that has gaps, newest first, and those that are wanted."""
    rows = store.index.query(
        "SELECT runs.id, runs.name, writer, file, offset, length, kind, first_seq, last_seq "
        "FROM gaps JOIN runs ON runs.id = gaps.run "
        "ORDER BY runs.started_at DESC, runs.id, file, offset"
    )
    for run, group in groupby(rows, key=itemgetter(0, 1)):
        yield run, [gap for gap in (Damage(*row[2:]) for row in group) if wanted(gap)]


def _unreadable(store: Store) -> Iterator[Finding]:
    for folder, reason in store.index.unreadable.items():
        path = store.folder.journals / folder
        yield Finding(
            "runs", "todo", f"{path} cannot be read: {reason}", f"ls -ld '{path}'",
            {"folder": str(path)},
        )  # fmt: skip


def _torn(store: Store) -> Iterator[Finding]:
    ((count,),) = store.index.query(
        "SELECT count(DISTINCT run) FROM gaps WHERE kind IN (?, ?)", _HARMLESS
    )
    if count:
        text = (
            f"{wording.counted(count, 'run')} with a torn end or a failed write: what was not yet "
            "said to be safe when power or disk failed"
        )
        yield Finding("runs", "note", text, facts={"torn": count})


def _newer(store: Store) -> Iterator[Finding]:
    for (run_id, name), gaps in _with_gaps(store, lambda gap: gap.kind.startswith(NEWER)):
        if gaps:
            yield Finding(
                "runs", "todo",
                f"run {name or run_id}: {gaps[0].file} has the {gaps[0].kind}, this version reads "
                f"up to {FORMAT}; it was left as it is",
                "pip install --upgrade tracker-syncd",
                {"run": run_id, "files": [gap.file for gap in gaps], "kind": gaps[0].kind},
            )  # fmt: skip


def _unknown(store: Store) -> Iterator[Finding]:
    rows = store.index.query(
        "SELECT id, name, unknown FROM runs WHERE unknown ORDER BY started_at DESC"
    )
    if rows:
        count = sum(row[2] for row in rows)
        yield Finding(
            "runs", "todo",
            f"{wording.counted(count, 'event')} of a kind that this version does not know, kept "
            f"and carried along: {_names([row[:2] for row in rows])}. A later version reads and "
            "delivers what a later version recorded", "pip install --upgrade tracker-syncd",
            {"runs": [row[0] for row in rows], "events": count},
        )  # fmt: skip


def _forbidden(store: Store) -> Iterator[Finding]:
    for (run_id, name), gaps in _with_gaps(store, lambda gap: gap.kind == UNREADABLE):
        if gaps:
            path = store.folder.run(run_id) / gaps[0].file
            yield Finding(
                "runs", "todo", f"run {name or run_id}: {path} may not be read by this user",
                f"ls -l '{path}'", {"run": run_id, "files": [gap.file for gap in gaps]},
            )  # fmt: skip


def _dropped(store: Store) -> Iterator[Finding]:
    """Runs that could not keep all, by whether storage or what they were given was the reason."""
    refused, lost = [], []
    for run_id, name, text in store.index.query(
        "SELECT id, name, dropped FROM runs WHERE dropped != '{}' ORDER BY started_at DESC"
    ):
        kinds = set(json.loads(text))
        refused += [(run_id, name)] if kinds & _REFUSED else []
        lost += [(run_id, name)] if kinds - _REFUSED else []
    for runs, what in (
        (lost, "could not keep all (storage trouble at the time)"),
        (refused, "were given values or artifacts that cannot be recorded; the rest is kept"),
    ):
        if runs:
            yield Finding(
                "runs", "note", f"{wording.counted(len(runs), 'run')} {what}: {_names(runs)}",
                f"tracker show {runs[0][0]}", {"runs": [run_id for run_id, _ in runs]},
            )  # fmt: skip


def _crashed(store: Store) -> Iterator[Finding]:
    rows = store.index.query(
        "SELECT id, name FROM runs WHERE status = 'crashed' ORDER BY started_at DESC"
    )
    if rows:
        yield Finding(
            "runs", "note",
            f"the process of {wording.counted(len(rows), 'run')} died without a word: "
            f'{_names(rows)}. To go on with one: tracker.init(id="...", resume="must")',
            "tracker ls --status crashed", {"runs": [row[0] for row in rows]},
        )  # fmt: skip


def _from_the_future(store: Store) -> Iterator[Finding]:
    limit = time.time_ns() + _FUTURE_S * 1_000_000_000
    rows = store.index.query(
        "SELECT id, name FROM runs WHERE started_at > ? ORDER BY started_at DESC", (limit,)
    )
    if rows:
        yield Finding(
            "clock", "todo",
            f"{wording.counted(len(rows), 'run')} started later than now ({_names(rows)}): the "
            "clock was ahead then, or is behind now", "timedatectl status",
            {"runs": [row[0] for row in rows]},
        )  # fmt: skip


def _names(rows: list[tuple[str, str]]) -> str:
    names = ", ".join(name or run_id for run_id, name in rows[:_NAMED])
    return names if len(rows) <= _NAMED else f"{names} and {len(rows) - _NAMED:,} more"
