"""What a store knows of a source: how many of its entries were taken into which run."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from typing import NamedTuple

from tracker.errors import RunError
from tracker.events import Source, Start
from tracker.integrations.wandb.beginning import TOOL
from tracker.journal import Journal, journals
from tracker.store import StoreFolder


class Known(NamedTuple):
    """How far a source was taken.

    Attributes:
        at: number of the last entry that a mark (an event Source) covers; 0 if that is none, -1
            if there is no mark of this source.
        beyond: events behind the last mark: those of the entries that follow, the last of which
            may be there in part.
        time: that of the mark, ns since 1970; 0 if there is none.
        journals: ids of all writers of the run.
    """

    at: int = -1
    beyond: int = 0
    time: int = 0
    journals: frozenset[str] = frozenset()


def known(store: StoreFolder, run_id: str, source: str) -> Known:
    """Read how far `source` was taken into the run.

    Raises:
        RunError: the run is there and not from wandb, or somebody takes it now.
    """
    there = journals(store.run(run_id))
    found = Known(journals=frozenset(journal.writer_id for journal in there))
    for journal in there:
        marked = _marked(journal, run_id, store)
        if journal.alive():
            raise RunError(
                f"run {run_id} is being recorded now, by another import as it seems. Nothing was "
                "changed. Wait for that to end, then import again."
            )
        if marked is None or marked[0].name != source:
            continue
        mark, beyond = marked
        if mark.at > found.at:
            found = found._replace(at=mark.at, beyond=beyond, time=mark.time)
        elif mark.at == found.at:
            found = found._replace(beyond=found.beyond + beyond)
    return found


def _marked(journal: Journal, run_id: str, store: StoreFolder) -> tuple[Source, int] | None:
    """The last mark in a journal and how many events follow it."""
    mark, seq = None, 0
    for event in journal.events():
        if isinstance(event, Start) and event.about.get("source") != TOOL:
            raise RunError(
                f"run {run_id} is in {store.root} already and was not taken from wandb. Nothing "
                "was changed. Import into another store (--dir), or remove that run first."
            )
        if isinstance(event, Source) and event.tool == TOOL:
            mark = event
        seq = event.seq
    return None if mark is None else (mark, seq - mark.seq)


@contextlib.contextmanager
def turn(store: StoreFolder) -> Iterator[None]:
    """Wait for and hold off other imports into the store, where its file system has locks."""
    fd = os.open(store.journals, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
