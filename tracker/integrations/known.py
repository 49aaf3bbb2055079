"""What a store knows of a run's sources: how far each was taken."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tracker.errors import RunError
from tracker.events import Event, Source, Start
from tracker.journal import Journal, journals
from tracker.store import StoreFolder


class Place(NamedTuple):
    """How far a source was taken.

    Attributes:
        at: number of the last entry that a mark (an event Source) covers; 0 if that is none, -1
            if there is no mark of this source.
        beyond: events behind the last mark: those of the entries that follow, the last of which
            may be there in part.
        time: that of the mark, ns since 1970; 0 if there is none.
    """

    at: int = -1
    beyond: int = 0
    time: int = 0


NOWHERE = Place()


class Known(NamedTuple):
    """How far each source of a run was taken, and the ids of all writers of the run."""

    places: dict[str, Place]
    journals: frozenset[str]


def known(
    store: StoreFolder, tool: str, run_id: str, learn: Callable[[Event], object] | None = None
) -> Known:
    """Read how far the sources of a run were taken; `learn` hears of every event.

    Raises:
        RunError: the run is there and not from `tool`, or somebody takes it now.
    """
    there = journals(store.run(run_id))
    found: dict[str, Place] = {}
    for journal in there:
        marked = _marked(journal, tool, run_id, store, learn)
        if journal.alive():
            raise RunError(
                f"run {run_id} is being recorded now, by another import as it seems. Nothing was "
                "changed. Wait for that to end, then import again."
            )
        for source, place in marked.items():
            before = found.get(source, NOWHERE)
            if place.at > before.at:
                found[source] = place
            elif place.at == before.at:
                found[source] = before._replace(beyond=before.beyond + place.beyond)
    return Known(found, frozenset(journal.writer_id for journal in there))


def _marked(
    journal: Journal, tool: str, run_id: str, store: StoreFolder,
    learn: Callable[[Event], object] | None,
) -> dict[str, Place]:  # fmt: skip
    """The last mark of each source in a journal; what follows them all is of the last one."""
    found: dict[str, Place] = {}
    mark, seq = None, 0
    for event in journal.events():
        if isinstance(event, Start) and event.about.get("source") != tool:
            raise RunError(
                f"run {run_id} is in {store.root} already and was not taken from {tool}. Nothing "
                "was changed. Import into another store (--dir), or remove that run first."
            )
        if isinstance(event, Source) and event.tool == tool:
            mark = event
            found[mark.name] = Place(mark.at, 0, mark.time)
        elif learn is not None:
            learn(event)
        seq = event.seq
    if mark is not None:
        found[mark.name] = found[mark.name]._replace(beyond=seq - mark.seq)
    return found


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
