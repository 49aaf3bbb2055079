"""Reading every journal anew: finds what was damaged after the index had read it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from tracker.cli import wording
from tracker.cli.doctor.damage import finding_of, is_damage
from tracker.cli.doctor.finding import Finding
from tracker.journal import Gap, journals
from tracker.query import RunView, Store


def reread_findings(store: Store) -> Iterator[Finding]:
    """Yield each run that no longer reads without loss; one "ok" if all do."""
    runs = store.runs()
    events = damaged = 0
    with click.progressbar(
        runs, label="reading journals", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        for run in bar:
            read, gaps = _read(store, run)
            events += read
            if gaps:
                damaged += 1
                step = "put its files back from a copy of the store"
                yield finding_of(run.id, run.name, gaps, step)
    if not damaged:
        count = f"{wording.counted(len(runs), 'run')}, {wording.counted(events, 'event')}"
        yield Finding("runs", "ok", f"every journal was read anew, without loss: {count}")


def _read(store: Store, run: RunView) -> tuple[int, list[Gap]]:
    """Count a run's events and list the damage among them."""
    events, gaps = 0, []
    for journal in journals(store.folder.run(run.id)):
        for block in journal.blocks():
            events += len(block.events)
            gaps += [gap for gap in block.gaps if is_damage(gap)]
    return events, gaps
