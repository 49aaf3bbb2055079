"""The segments of one writer: the one it appends to, and those it is done with."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import msgspec

from tracker.journal import liveness
from tracker.journal.files import Files, sync_place
from tracker.journal.packs import Packs
from tracker.journal.record import (
    BEGINS,
    FORMAT,
    FULL,
    PREAMBLE,
    Header,
    Mark,
    Seal,
    pack,
    seed,
    segment_name,
)

_FAR = 2**62
"""No clock is there yet; what a damaged or hostile header says beyond is not followed."""

encode = msgspec.msgpack.Encoder(decimal_format="number").encode


class Segment:
    """An open segment.

    Attributes:
        number: its place among the journal's segments.
        fd: its descriptor; -1 once nothing more is to be written to it.
        held: the descriptor too, until it is closed behind its last sync; then -1.
        seed: start value of its checksums.
        start: where its header ends.
        end: where its good records end.
        previous: the segment before it, until that one is closed.
    """

    def __init__(self, number: int, seed: int, previous: Segment | None = None) -> None:
        self.number = number
        self.fd = self.held = -1
        self.seed = seed
        self.start = self.end = 0
        self.previous = previous

    def write(self, files: Files, payload: bytes) -> OSError | None:
        """Append a record whole and return None, or what was in the way.

        If a signal handler throws in the middle, `end` is right all the same.
        """
        if self.fd < 0:
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        record, end = pack(payload, self.seed), self.end
        try:
            if files.write(self.fd, record) == len(record):
                self.end = end + len(record)
                return None
        except OSError as error:
            return error
        except BaseException:
            self.end = end + max(0, self.beyond(end))
            raise
        return OSError(errno.ENOSPC, "short write")

    def beyond(self, end: int) -> int:
        """How many bytes stand behind `end`; -1 if that cannot be found out."""
        try:
            return os.fstat(self.fd).st_size - end
        except OSError:
            return -1

    def lies_at(self, path: Path) -> bool:
        """Whether it is this file, and no other, that has the name."""
        try:
            return os.path.samestat(os.fstat(self.held), path.stat())
        except OSError:
            return False

    def retire(self) -> None:
        """Never write it again; it is closed behind its last sync."""
        self.fd = -1

    def close(self, files: Files) -> None:
        """Let go of the file."""
        fd, self.fd, self.held = self.held, -1, -1  # first: no number is ever closed twice
        if fd >= 0:
            with contextlib.suppress(OSError):  # what could fail was found out by the sync before
                files.close(fd)


class Chain:
    """A writer's segments. What changes them holds the writer's lock, what syncs does not.

    Each knows the one before it, so going on in the next is one assignment to `current`: a
    signal handler that throws comes before it or behind it, and no file is lost from sight.

    Attributes:
        current: the segment to append to; its `fd` is -1 where none can be had now.
        locked: whether the first segment is locked for as long as the process lives.
        packs: the writer's pack files, synced before the segments that refer to them.
    """

    def __init__(self, folder: Path, run_id: str, writer_id: str, files: Files) -> None:
        self.folder = folder
        self.run_id = run_id
        self.writer_id = writer_id
        self.files = files
        self.current = Segment(0, 0)
        self.packs = Packs(folder, writer_id, files)
        self._lock_fd = -1
        self._attempts = count(1)
        self._entries_synced = self._place_synced = False

    @property
    def locked(self) -> bool:
        """Whether a lock on the first segment says that this process lives."""
        return self._lock_fd >= 0

    def path(self, segment: Segment) -> Path:
        """File of a segment."""
        return self.folder / segment_name(self.writer_id, segment.number)

    def begin(self, cause: int, seq: int, *, after: int = 0) -> None:
        """Go on in a new segment; `seq` is the last one written, its time is behind `after`.

        Once the file is in place readers know it, and the writer goes on there whatever a
        signal handler throws.

        Raises:
            OSError: none can be had; nothing was changed.
        """
        old, number = self.current, self.current.number + 1
        fresh = Segment(number, seed(self.folder.name, self.writer_id, number), old)
        path = self.path(fresh)
        temporary = path.with_suffix(f".{next(self._attempts)}.tmp")
        fresh.held = fresh.fd = fd = self.files.create(temporary)
        try:
            if cause == BEGINS and liveness.hold(fd):
                self._lock_fd = os.dup(fd)
            content = PREAMBLE + pack(self._header(number, cause, seq, old.end, after), fresh.seed)
            if self.files.write(fd, content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary))  # noqa: TRY301
            fresh.start = fresh.end = len(content)
            self.files.rename(temporary, path)
            if cause == FULL:  # a failure is no harm: the new header says where this one ends
                old.write(self.files, encode(Seal(seq, False, time.time_ns())))
            self._entries_synced, self.current = False, fresh
        except BaseException:
            if fresh.lies_at(path):
                self._entries_synced, self.current = False, fresh
            else:
                self._discard(fresh, temporary)
            raise

    def _header(self, number: int, cause: int, seq: int, previous_end: int, after: int) -> bytes:
        began = max(time.time_ns(), min(after, _FAR) + 1)
        return encode(
            Header(
                FORMAT, self.run_id, self.writer_id, number, seq + 1, began,
                liveness.host(), os.getpid(), self.locked, cause, previous_end,
            )
        )  # fmt: skip

    def beat(self) -> None:
        """Show that the writer lives, where a lock cannot."""
        with contextlib.suppress(OSError):  # somebody deleted the store, or it is away
            self.files.touch(self.folder / segment_name(self.writer_id, 1))

    @property
    def waiting(self) -> int:
        """Segments that wait for their last sync, each with an open file."""
        return sum(1 for _ in _with_those_before(self.current)) - 1

    def write_own(self, record: Mark | Seal) -> OSError | None:
        """Append one of the journal's own records and return None, or what was in the way."""
        return self.current.write(self.files, encode(record))

    def sync(self, segment: Segment) -> None:
        """Make `segment` and those before it survive power loss.

        Raises:
            OSError: the device refused, or the segment is no longer there.
        """
        if self.packs.sync():
            self._entries_synced = False
        open_now = list(_with_those_before(segment))
        for each in open_now:
            self.files.sync(each.held)
        if segment.fd >= 0:
            self.path(segment).stat()
        if not self._entries_synced:
            self._sync_entries()
        for before in open_now[1:]:
            before.close(self.files)
        segment.previous = None

    def _sync_entries(self) -> None:
        self._entries_synced = True  # before: a segment made meanwhile sets it back
        try:
            if self._place_synced:
                self.files.sync_folder(self.folder)
            else:
                sync_place(self.files, self.folder)
                self._place_synced = True
        except OSError:
            self._entries_synced = False
            raise

    def let_go(self) -> None:
        """Close all files."""
        for each in _with_those_before(self.current):
            each.close(self.files)
        fd, self._lock_fd = self._lock_fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                self.files.close(fd)
        self.packs.let_go()

    def _discard(self, fresh: Segment, temporary: Path) -> None:
        fresh.close(self.files)
        with contextlib.suppress(OSError):  # readers pass over it
            self.files.unlink(temporary)


def _with_those_before(segment: Segment) -> Iterator[Segment]:
    """A segment and those before it that still wait for their last sync, newest first."""
    each: Segment | None = segment
    while each is not None:
        if each.held >= 0:
            yield each
        each = each.previous
