"""Following a run: its calls as they are written, and whether more can come."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tracker.events import OF_ARTIFACT, Console, Finish, Log, Media
from tracker.journal import Journal, Position, journals


class Call(NamedTuple):
    """One call, of values, console text or media, and the writer that recorded it."""

    writer_id: str
    event: Log | Console | Media


class Following:
    """Reads a run's journals from where it stopped the last time.

    Attributes:
        finish_seen: whether a writer said that it ended.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._positions: dict[str, Position] = {}
        self.finish_seen = False

    def last(self, count: int) -> list[Call]:
        """The last `count` calls that stand there now; what follows is read by `more`."""
        found = [self._last_of(journal, count) for journal in journals(self._folder)]
        return _merged(found)[-count:] if count else []

    def more(self) -> list[Call]:
        """Calls that were written since the last look, those of new writers too."""
        return _merged([self._read(journal, None) for journal in journals(self._folder)])

    def alive(self) -> bool:
        """Whether any process still records the run."""
        return any(journal.alive() for journal in journals(self._folder))

    def _last_of(self, journal: Journal, count: int) -> list[Call]:
        """Read from the newest segment that leaves enough to show, not from the beginning."""
        calls: list[Call] = []
        for number in reversed(journal.segments()):
            header = journal.segment_header(number)
            if header is None or number == 1:
                break
            self._positions[journal.writer_id] = Position(number, 0, header.first_seq - 1)
            calls = self._read(journal, count)
            if len(calls) >= count:
                return calls
        self._positions.pop(journal.writer_id, None)
        return self._read(journal, count)

    def _read(self, journal: Journal, most: int | None) -> list[Call]:
        position = self._positions.get(journal.writer_id, Position())
        calls: deque[Call] = deque(maxlen=most)
        for block in journal.blocks(position):
            for event in block.events:
                if isinstance(event, Media) and event.form == OF_ARTIFACT:
                    continue
                if isinstance(event, (Log, Console, Media)):
                    calls.append(Call(journal.writer_id, event))
                elif isinstance(event, Finish):
                    self.finish_seen = True
            position = block.end
        self._positions[journal.writer_id] = position
        return list(calls)


def _merged(found: Iterable[list[Call]]) -> list[Call]:
    """Several writers' calls by time; those of one writer stay in their order."""
    return list(heapq.merge(*found, key=lambda call: call.event.time))
