"""Following a run: its synced events, in order, from the cursors on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from syncd.cursors import Cursor, Range
from syncd.sinks import Item, Limits
from tracker.events import Console, Event, Log, Media, Start
from tracker.journal import Gap, Journal, Position, journals

_EVENT_BYTES = 200
"""Rough size at a remote of what an event carries beside its points."""
_POINT_BYTES = 90
_NS = 1e9
"""Rough size at a remote of a point beside its key."""


@dataclass
class _Thread:
    """One journal being followed."""

    journal: Journal
    alive: bool
    limit: int
    """Last seq that may be shipped."""
    written: int
    blocks: Iterator[tuple[list[Event], Position]]
    hint: Position
    """Where the block begins that `ahead` is."""
    ahead: list[Event] = field(default_factory=list)
    """Events that were read; the next one is at `at`."""
    at: int = 0


@dataclass
class Tail:
    """A visit to a run's journals. Only synced events are given out.

    A dead writer's files are synced here before they are read, since nobody else will; what
    a live one has not marked as synced waits.

    Attributes:
        pending: events that may be shipped now.
        written: events written, shippable or not, beyond the cursors.
        complete: a journal with pending events will get no more.
        ended: no writer of the run lives.
        gaps: damage met so far.
    """

    folder: Path
    cursors: dict[str, Cursor]
    gaps: list[Gap] = field(default_factory=list)

    def __post_init__(self) -> None:
        found = journals(self.folder)
        self._threads = [self._follow(journal) for journal in found]
        self.ended = not any(thread.alive for thread in self._threads)
        self.pending = sum(max(0, t.limit - self._seq(t)) for t in self._threads)
        self.written = sum(max(0, t.written - self._seq(t)) for t in self._threads)
        self.complete = any(not t.alive and t.limit > self._seq(t) for t in self._threads)

    @property
    def missing(self) -> set[str]:
        """Writers at whose journals a cursor stands at an event that is not here.

        Another copy of the store, or this one before it was damaged, delivered more, or the
        journal was removed.
        """
        return {w for w, c in self.cursors.items() if c.seq > self.here(w)}

    @property
    def elsewhere(self) -> int:
        """Events that were delivered and are not here; see `missing`."""
        return sum(self.cursors[writer].seq - self.here(writer) for writer in self.missing)

    def here(self, writer_id: str) -> int:
        """Last sequence number of a writer in this store; 0 where its journal is not here."""
        return next((t.written for t in self._threads if t.journal.writer_id == writer_id), 0)

    @property
    def writers(self) -> list[str]:
        """Ids of the writers whose journals are here, in the order in which they began."""
        return [thread.journal.writer_id for thread in self._threads]

    def start(self) -> tuple[Start | None, int]:
        """The first Start event that can be read, and when the first journal began (ns)."""
        return beginning([thread.journal for thread in self._threads])

    def oldest(self) -> float | None:
        """When the oldest event that may be shipped was made (s since 1970); None for none."""
        ahead = [self._peek(thread) for thread in self._threads if thread.limit > self._seq(thread)]
        times = [following.time for following in ahead if following is not None]
        return min(times) / _NS if times else None

    def take(self, limits: Limits) -> list[tuple[Item, Position]]:
        """Take the next items, in frozen order, up to a batch's limits."""
        taken: list[tuple[Item, Position]] = []
        points = size = 0
        for thread in self._threads:
            writer = thread.journal.writer_id
            while (event := self._peek(thread)) is not None:
                more_points, more_size = _weight(event)
                points, size = points + more_points, size + more_size
                if taken and (points > limits.points or size > limits.bytes):
                    return taken
                taken.append((Item(writer, event), thread.hint))
                thread.at += 1
        return taken

    def retake(self, ranges: list[Range]) -> list[tuple[Item, Position]]:
        """Take exactly the items of a batch that was frozen before."""
        threads = {thread.journal.writer_id: thread for thread in self._threads}
        taken = []
        for writer, _, last in ranges:
            thread = threads.get(writer)
            while thread and (event := self._peek(thread)) and event.seq <= last:
                taken.append((Item(writer, event), thread.hint))
                thread.at += 1
        return taken

    def history(self) -> Iterator[tuple[Item, Position]]:
        """All items before the cursors, for whoever has to learn them again."""
        for thread in self._threads:
            seq = self._seq(thread)
            if not seq:
                continue
            for events, hint in self._read(thread.journal, Position(), alive=thread.alive):
                writer = thread.journal.writer_id
                yield from ((Item(writer, event), hint) for event in events if event.seq <= seq)
                if events and events[-1].seq > seq:
                    break

    def _seq(self, thread: _Thread) -> int:
        cursor = self.cursors.get(thread.journal.writer_id)
        return cursor.seq if cursor is not None else 0

    def _follow(self, journal: Journal) -> _Thread:
        hint = self.cursors.get(journal.writer_id, Cursor()).hint
        alive = journal.alive()
        if not alive:
            journal.make_durable()
            limit = written = journal.written(hint)
        else:
            written, limit = journal.extent(hint)
        return _Thread(journal, alive, limit, written, self._read(journal, hint, alive=alive), hint)

    def _read(
        self, journal: Journal, start: Position, *, alive: bool
    ) -> Iterator[tuple[list[Event], Position]]:
        """Yield events, block by block, and where each block begins."""
        hint = start
        for block in journal.blocks(start, alive=alive):
            self.gaps.extend(block.gaps)
            yield block.events, hint
            hint = block.end

    def _peek(self, thread: _Thread) -> Event | None:
        """The next event that may be shipped, which is then the one at `thread.at`."""
        while thread.at >= len(thread.ahead):
            following = next(thread.blocks, None)
            if following is None:
                return None
            seq = self._seq(thread)
            thread.ahead = [event for event in following[0] if event.seq > seq]
            thread.at, thread.hint = 0, following[1]
        event = thread.ahead[thread.at]
        return event if event.seq <= thread.limit else None


def beginning(found: list[Journal]) -> tuple[Start | None, int]:
    """The first Start event of a run that can be read, and when it began (ns)."""
    for journal in found:
        for event in islice(journal.events(), 16):
            if isinstance(event, Start):
                return event, event.time
    header = found[0].header() if found else None
    return None, header.time if header else 0


def _weight(event: Event) -> tuple[int, int]:
    """Points and rough bytes of an event at a remote."""
    if type(event) is Log:
        keys = event.values
        return len(keys), _EVENT_BYTES + sum(map(len, keys)) + _POINT_BYTES * len(keys)
    if isinstance(event, Console):
        return 0, _EVENT_BYTES + len(event.text)
    if isinstance(event, Media):
        return 0, _EVENT_BYTES + len(str(event.about))
    values = getattr(event, "values", None) or getattr(event, "set", None) or {}
    return len(values), _EVENT_BYTES + len(str(values))


def backlog(folder: Path, cursors: dict[str, Cursor]) -> tuple[int, int]:
    """Events of a run beyond the cursors, and about how many bytes of its journals they take."""
    events = size = 0
    for journal in journals(folder):
        cursor = cursors.get(journal.writer_id, Cursor())
        written = journal.written(cursor.hint)
        if written > cursor.seq:
            events += written - cursor.seq
            beyond = (n for n in journal.segments() if n >= cursor.hint.segment)
            size += sum(journal.size(n) for n in beyond) - cursor.hint.offset
    return events, size


def oldest(folder: Path, cursors: dict[str, Cursor]) -> int | None:
    """When the first event of a run beyond the cursors was made (ns); None if there is none."""
    found = list[int]()
    for journal in journals(folder):
        cursor = cursors.get(journal.writer_id, Cursor())
        blocks = journal.blocks(cursor.hint)
        beyond = (e.time for block in blocks for e in block.events if e.seq > cursor.seq)
        found += islice(beyond, 1)
    return min(found, default=None)
