"""A run's journals as they lie on disk."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

from tracker import events
from tracker.events import Event
from tracker.journal import liveness
from tracker.journal.files import Files, open_existing, sync_place
from tracker.journal.packing import Packed, Stretch, expand
from tracker.journal.packs import pack_files, pack_name
from tracker.journal.reader import START, Block, Reading, first_header
from tracker.journal.record import (
    MARK,
    MAX_SEGMENT,
    NAME,
    PREAMBLE,
    Header,
    Position,
    decode_own,
    kind_of,
    scan,
    scan_back,
    seed,
    segment_name,
)

_HEADER_BYTES = 4096
"""Enough for any header."""
_FIRST_PACK_BYTES = 128 * 1024
"""Enough for nearly any first pack."""


class Journal:
    """All that one writer appended, for reading. Nothing on disk is ever changed.

    Its methods raise OSError where the system cannot read now (no descriptors left, an I/O
    error); what is damaged or no segment at all is a `Gap`.
    """

    def __init__(self, folder: Path, writer_id: str) -> None:
        self.folder = folder
        self.writer_id = writer_id
        self._header: Header | None = None

    def __repr__(self) -> str:
        return f"Journal({str(self.folder)!r}, {self.writer_id!r})"

    def path(self, segment: int) -> Path:
        """File of a segment."""
        return self.folder / segment_name(self.writer_id, segment)

    def segments(self) -> list[int]:
        """Numbers of the segments that are there."""
        return sorted(n for _, n in _names(self.folder, f"{self.writer_id}-"))

    def packs(self) -> list[int]:
        """Numbers of the writer's pack files that are there."""
        return sorted(n for writer, n in pack_files(self.folder) if writer == self.writer_id)

    def segment_header(self, number: int) -> Header | None:
        """Header of one segment; None if the segment or its header is not there to read."""
        fd = self._open(number)
        if fd is None:
            return None
        try:
            data = os.read(fd, _HEADER_BYTES)
        finally:
            os.close(fd)
        return first_header(data, self._seed(number))  # it stands there raw, packed or not

    def preamble(self, number: int) -> bytes:
        """The first bytes of a segment, which tell its form and format; empty if it is none."""
        fd = self._open(number)
        if fd is None:
            return b""
        with os.fdopen(fd, "rb", buffering=0) as file:
            return file.read(len(PREAMBLE))

    def header(self) -> Header | None:
        """Header of the first segment that has a readable one; once found it is remembered."""
        if self._header is None:  # as a rule it is the first's, and the folder need not be listed
            self._header = self.segment_header(1)
        if self._header is None:
            found = (self.segment_header(number) for number in self.segments())
            self._header = next((header for header in found if header is not None), None)
        return self._header

    def read(self, segment: int, offset: int) -> Stretch | None:
        """Raw bytes of a segment from `offset` on, packed or not; None if it is no plain file.

        What is damaged in a packed one is zeros here.
        """
        fd = self._open(segment)
        if fd is None:
            return None
        with os.fdopen(fd, "rb", io.DEFAULT_BUFFER_SIZE) as file:  # given: no look for a terminal
            most = min(os.fstat(fd).st_size, MAX_SEGMENT)  # room is made for all that is asked for
            data = file.read(len(PREAMBLE) if offset else most)
            if data[: len(PREAMBLE)] != PREAMBLE:
                data += file.read(max(0, most - len(data)))
                if found := expand(data, self._seed(segment), offset):
                    return found
                data = data[offset:]
            elif offset:
                file.seek(offset)
                data = file.read(max(0, most - offset))
            at_end = len(data) < MAX_SEGMENT - offset
            size = offset + len(data) if at_end else os.fstat(fd).st_size
            return Stretch(data, size, packed=False)

    def size(self, segment: int) -> int:
        """Bytes of a segment in its raw form.

        Raises:
            OSError: it is not there.
        """
        path = self.path(segment)
        fd = open_existing(path)
        if fd is None:
            return path.lstat().st_size
        with os.fdopen(fd, "rb", buffering=0) as file:
            data = file.read(len(PREAMBLE))
            if data == PREAMBLE:
                return os.fstat(fd).st_size
            first = Packed(data + file.read(_FIRST_PACK_BYTES), self._seed(segment))
        if first.found:
            return first.size
        found = self.read(segment, 0)
        return found.size if found is not None else 0

    def alive(self) -> bool:
        """Whether the writer's process lives and may append more."""
        return liveness.alive(self.path(1), self.header())

    def make_durable(self, files: Files | None = None) -> None:
        """Sync what a dead writer may have left unsynced, before it is shipped."""
        calls = files or Files()
        packs = [self.folder / pack_name(self.writer_id, number) for number in self.packs()]
        for path in (*packs, *map(self.path, self.segments())):
            fd = open_existing(path)
            if fd is not None:
                try:
                    calls.sync(fd)
                finally:
                    os.close(fd)
        sync_place(calls, self.folder)

    def blocks(self, start: Position = START, *, alive: bool | None = None) -> Iterator[Block]:
        """Yield what stands in the journal from `start` on, in blocks of some thousand events.

        `alive` is asked before the files are looked at, so that a dead writer's last bytes
        are all there; give it if it is known. The last block's `end` is where to go on later.
        """
        writing = self.alive() if alive is None else alive
        yield from Reading(self, start, writing=writing).blocks()

    def events(self) -> Iterator[Event]:
        """Yield every readable event, gaps passed over."""
        for block in self.blocks():
            yield from block.events

    def extent(self, start: Position = START) -> tuple[int, int]:
        """Last sequence number written and last one synced, as far as what follows `start` tells.

        Looks at the newest segments only, so it costs the same however long the journal is.
        """
        return self._extent(start, marks=True)

    def written(self, start: Position = START) -> int:
        """Last sequence number written; costs next to nothing, as the last record tells it."""
        return self._extent(start, marks=False)[0]

    def _extent(self, start: Position, *, marks: bool) -> tuple[int, int]:
        written = synced = 0
        for number in reversed(self.segments()):
            offset = start.offset if number == start.segment else 0
            found = self.read(number, offset)
            last, marked = self._told(number, offset, found.data if found else b"", marks=marks)
            written, synced = written or last, synced or marked
            if (written and (synced or not marks)) or number <= start.segment:
                break
        return max(written, start.seq), synced

    def _told(self, number: int, offset: int, data: bytes, *, marks: bool) -> tuple[int, int]:
        """Last event's seq and, if `marks`, the last marked one among a segment's records, or 0."""
        last, marked = b"", 0
        begin = 0 if offset else len(PREAMBLE)
        for at, payload in scan_back(data, self._seed(number)):
            kind = kind_of(payload)
            if kind >= events.FIRST_KIND:
                last = last or payload
            elif kind == MARK:
                marked = marked or decode_own(payload).seq
            if (last and (marked or not marks)) or at == begin:
                return events.decode(last).seq if last else 0, marked
        last, marked = b"", 0
        for _, _, record in scan(data, begin, self._seed(number)):
            if record is None:
                continue
            kind = kind_of(record)
            if kind >= events.FIRST_KIND:
                last = record
            elif kind == MARK:
                marked = max(marked, decode_own(record).seq)
        return events.decode(last).seq if last else 0, marked

    def _open(self, number: int) -> int | None:
        """As `open_existing`; a Path for each of thousands of files would take its time."""
        return open_existing(os.path.join(self.folder, segment_name(self.writer_id, number)))  # noqa: PTH118

    def _seed(self, number: int) -> int:
        return seed(self.folder.name, self.writer_id, number)


def journals(folder: Path) -> list[Journal]:
    """List the journals in a run's folder, in the order in which their writers started."""
    found = [Journal(folder, writer_id) for writer_id in {writer for writer, _ in _names(folder)}]
    return sorted(found, key=_started)


def newest(folder: Path) -> int:
    """Time in the header of the newest journal in a run's folder; 0 if there is none."""
    return max((_started(journal)[0] for journal in journals(folder)), default=0)


def _names(folder: Path, begin: str = "") -> Iterator[tuple[str, int]]:
    """Writer id and number of each segment in a folder whose name so begins.

    There is none where there is no folder.
    """
    try:
        entries = os.listdir(folder)  # noqa: PTH208 - names are all that is needed, and quickly
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if not entry.startswith(begin):
            continue
        match = NAME.fullmatch(entry)
        if match and entry == segment_name(match[1], int(match[2])):
            yield match[1], int(match[2])


def _started(journal: Journal) -> tuple[int, str]:
    header = journal.header()
    return (header.time if header else 0, journal.writer_id)
