"""Reading a journal: its events in order, and what is damaged or missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from tracker import events
from tracker.events import Event
from tracker.journal.files import why_not_opened
from tracker.journal.gap import Gap
from tracker.journal.packing import PACKED
from tracker.journal.record import (
    FORMAT,
    MARK,
    MAX_SEGMENT,
    PREAMBLE,
    SEAL,
    Header,
    Mark,
    Position,
    decode_own,
    kind_of,
    scan,
    seed,
    segment_name,
)

if TYPE_CHECKING:
    from tracker.journal.listing import Journal

START = Position()
BLOCK_EVENTS = 4096
FIRST_BLOCK_EVENTS = 64
"""Many ask for the beginning only: what they do not take is not decoded."""


class Block(msgspec.Struct):
    """Some events in order, the gaps found before `end`, and where reading goes on."""

    events: list[Event] = []
    gaps: list[Gap] = []
    end: Position = START
    ended: bool = False
    """True where the journal is known to be complete: its final seal was read."""


class Reading:
    """One pass over a journal from a position: turns records into events and gaps.

    It sees what stood there when it began, so it ends however fast a live writer is.
    """

    def __init__(self, journal: Journal, start: Position, *, writing: bool) -> None:
        self._journal = journal
        self._start = start
        self._writing = writing
        self._seq = start.seq
        self._block = Block(end=start)
        self._most = FIRST_BLOCK_EVENTS
        self._sealed = self._ended = False
        self._gap: Gap | None = None

    def blocks(self) -> Iterator[Block]:
        """Yield what stands there, in blocks of some thousand events; the last ends the pass."""
        numbers = [n for n in self._journal.segments() if n >= self._start.segment]
        expected = self._start.segment
        for number in numbers:
            if number > expected:
                self._miss(expected)
            yield from self._segment(number, last=number == numbers[-1])
            expected = number + 1
        if self._sealed and not self._ended and not self._writing:
            self._miss(expected)
        self._settle()
        self._block.ended = self._ended
        yield self._block

    def _segment(self, number: int, *, last: bool) -> Iterator[Block]:
        place = _Place(self._journal, number, last=last, writing=self._writing)
        offset = self._start.offset if number == self._start.segment else 0
        self._sealed = False
        problem = place.read(offset)
        if problem:
            self._open(Gap(place.name, 0, len(place.data), problem))
            self._block.end = Position(number, offset, self._seq)
            return
        if offset == 0 and place.data[: len(PREAMBLE)] != PREAMBLE:
            length = min(len(PREAMBLE), len(place.data))
            self._open(Gap(place.name, 0, length, place.damage(0)))
        yield from self._records(place)
        if place.missing:
            self._open(Gap(place.name, place.size, place.missing, "corruption"))

    def _records(self, place: _Place) -> Iterator[Block]:
        base, bound, done = place.offset, place.bound, place.offset
        decode, found = events.decode, self._block.events
        for at, end, payload in scan(place.data, place.skip, place.seed):
            if payload is None:
                if place.live and base + end >= place.size:
                    break  # perhaps a write under way
                self._open(Gap(place.name, base + at, end - at, place.damage(base + at)))
            elif base + at >= bound or kind_of(payload) < events.FIRST_KIND:
                self._own(payload, place.name, base + at, counts=base + at < bound)
            else:
                try:
                    event = decode(payload)
                except (msgspec.MsgspecError, ValueError, RecursionError):
                    self._open(Gap(place.name, base + at, end - at, "corruption"))
                    continue
                seq = event.seq
                if seq > self._seq:  # else its write was reported as failed and repeated
                    if seq != self._seq + 1 or self._gap is not None:
                        self._reached(seq - 1, place.name, base + at)
                    self._seq = seq
                    found.append(event)
            done = base + end
            if len(found) >= self._most and self._gap is None:
                self._block.end = Position(place.number, done, self._seq)
                yield self._block
                self._block, self._most = Block(), BLOCK_EVENTS
                found = self._block.events
        self._block.end = Position(place.number, done, self._seq)

    def _own(self, payload: bytes, name: str, at: int, *, counts: bool) -> None:
        """One of the journal's own records; where nothing counts any more, a seal only."""
        try:
            own = decode_own(payload)
        except msgspec.MsgspecError:
            return  # a record that a later version added beside the events
        if isinstance(own, Header):
            if counts:
                self._reached(own.first_seq - 1, name, at)
        elif isinstance(own, Mark):
            if counts:
                self._reached(own.seq, name, at)
        else:
            self._reached(own.seq, name, at)
            self._sealed, self._ended = True, own.final

    def _reached(self, seq: int, name: str, at: int) -> None:
        """Something says that events up to `seq` were written: those not read are lost."""
        if seq > self._seq:
            lost = self._gap or Gap(name, at, 0, "corruption")
            self._gap = lost._replace(first_seq=self._seq + 1, last_seq=seq)
            self._seq = seq
        self._settle()

    def _miss(self, number: int) -> None:
        self._open(Gap(self._journal.path(number).name, 0, 0, "missing segment"))

    def _open(self, gap: Gap) -> None:
        """Report damage, once it is known which events it cost."""
        self._settle()
        self._gap = gap

    def _settle(self) -> None:
        if self._gap is not None:
            self._block.gaps.append(self._gap)
            self._gap = None


class _Place:
    """A segment as it is read: its bytes, and what is known of how far they count.

    Attributes:
        live: records may be under way to its end.
        packed: it was whole and sealed once, so nothing of it was never promised.
        bound: offset where the records that count end, as the next segment's header says.
        missing: bytes that it should have and has not.
    """

    def __init__(self, journal: Journal, number: int, *, last: bool, writing: bool) -> None:
        self.number = number
        self.name = segment_name(journal.writer_id, number)
        self.seed = seed(journal.folder.name, journal.writer_id, number)
        self.live = last and writing
        self.packed = False
        self.missing = 0
        self.bound = self.size = 2 * MAX_SEGMENT
        self.data = b""
        self.offset = self.skip = 0
        self._journal = journal
        self._last = last
        self._promised: int | None = None

    def read(self, offset: int) -> str | None:
        """Read from `offset` on; the kind of the gap if there is nothing to be read."""
        found = self._journal.read(self.number, offset)
        if found is None:
            return why_not_opened(self._journal.path(self.number))
        self.data, self.size, self.packed = found
        self.offset = offset
        self.skip = len(PREAMBLE) if offset == 0 else 0
        newer = _newer_format(self.data, self.seed) if offset == 0 else None
        if newer is not None:
            return f"newer format {newer}"
        following = None if self._last else self._journal.segment_header(self.number + 1)
        if following is not None:
            self.bound = following.previous_end
            self.missing = max(0, self.bound - self.size)
        elif self.size > MAX_SEGMENT:
            self.missing = self.size - MAX_SEGMENT
            self.size = MAX_SEGMENT
        return None

    def damage(self, at: int) -> str:
        """What kind of damage bad bytes at an offset are."""
        if at >= self.bound:
            return "failed write"
        if self._promised is None:
            self._promised = self._find_promised()
        doubtful = self._last and not self.live and not self.packed
        torn = doubtful and at >= self._promised
        return "torn tail" if torn else "corruption"

    def _find_promised(self) -> int:
        """Offset before which all bytes had been synced, or were counted when it was sealed."""
        promised = 0
        for _, _, payload in scan(self.data, self.skip, self.seed):
            if payload is None:
                continue
            if kind_of(payload) == SEAL:
                return MAX_SEGMENT
            if kind_of(payload) == MARK:
                mark = decode_own(payload)
                if isinstance(mark, Mark) and mark.segment == self.number:
                    promised = max(promised, mark.end)
        return promised


def first_header(data: bytes, value: int) -> Header | None:
    """Header at the beginning of a segment, if it checks; `value` is the segment's seed."""
    for _, _, payload in scan(data, len(PREAMBLE), value):
        if payload is None:
            return None
        try:
            header = decode_own(payload)
        except msgspec.MsgspecError:
            return None
        return header if isinstance(header, Header) else None
    return None


def _newer_format(data: bytes, value: int) -> int | None:
    """Format of a segment that a later version of this project wrote; None for any other."""
    version = int.from_bytes(data[6:8], "little")
    if data[:6] not in (PREAMBLE[:6], PACKED[:6]) or version <= FORMAT:
        return None
    return None if first_header(data[:4096], value) else version
