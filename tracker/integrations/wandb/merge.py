"""The events of a run's journals as one stream, in the order of steps."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import NamedTuple

from tracker.events import Event, Log, Media
from tracker.journal import Journal


class Reached(NamedTuple):
    """An event, its journal, that one's place among them, and its highest step so far."""

    step: int
    place: int
    journal: Journal
    event: Event


def by_step(found: list[Journal]) -> Iterator[Reached]:
    """Merge journals so that the step reached never falls; each keeps its own order.

    Where the steps of a journal go back, its events stand at the step that it had reached. What
    ranks logged at the same steps stands together, and so do steps that two attempts went
    through. A journal is opened when its first step is due: of attempts that follow each other
    one is open at a time, of ranks all are.
    """
    heap: list[tuple[int, int, Event | None, Iterator[tuple[int, Event]]]] = []
    for number, journal in enumerate(found):
        first = _first_step(journal)
        heap.append((first, number, None, _reached(journal, first)))
    heapq.heapify(heap)
    while heap:
        step, number, event, rest = heap[0]
        if event is not None:
            yield Reached(step, number, found[number], event)
        following = next(rest, None)
        if following is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, (following[0], number, following[1], rest))


def _first_step(journal: Journal) -> int:
    """The step that a journal begins at; 0 where it has none."""
    steps = (event.step for event in journal.events() if isinstance(event, (Log, Media)))
    return next(steps, 0)


def _reached(journal: Journal, reached: int) -> Iterator[tuple[int, Event]]:
    for event in journal.events():
        if isinstance(event, (Log, Media)) and event.step > reached:
            reached = event.step
        yield reached, event
