"""The segments of one writer: the one it appends to, and those it is done with."""

from __future__ import annotations

import contextlib
import errno
import os
import time
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
        seed: start value of its checksums.
        start: where its header ends.
        end: where its good records end.
    """

    def __init__(self, number: int, fd: int, seed: int) -> None:
        self.number = number
        self.fd = fd
        self.seed = seed
        self.start = self.end = 0

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


class Chain:
    """A writer's segments. What changes them holds the writer's lock, what syncs does not.

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
        self.current = Segment(0, -1, 0)
        self.packs = Packs(folder, writer_id, files)
        self._retired: list[int] = []
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
        fresh = Segment(number, -1, seed(self.folder.name, self.writer_id, number))
        path = self.path(fresh)
        temporary = path.with_suffix(f".{next(self._attempts)}.tmp")
        fd = fresh.fd = self.files.create(temporary)
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
        except BaseException:
            if path.exists():
                self._go_on_in(fresh)
            else:
                self._discard(fd, temporary)
            raise
        self._go_on_in(fresh)

    def _header(self, number: int, cause: int, seq: int, previous_end: int, after: int) -> bytes:
        began = max(time.time_ns(), min(after, _FAR) + 1)
        return encode(
            Header(
                FORMAT, self.run_id, self.writer_id, number, seq + 1, began,
                liveness.host(), os.getpid(), self.locked, cause, previous_end,
            )
        )  # fmt: skip

    def _go_on_in(self, fresh: Segment) -> None:
        old, self.current = self.current, fresh
        self._entries_synced = False
        self.retire(old)

    def retire(self, segment: Segment) -> None:
        """Never write it again; it is closed after its last sync."""
        if segment.fd >= 0:
            self._retired.append(segment.fd)
            segment.fd = -1

    def beat(self) -> None:
        """Show that the writer lives, where a lock cannot."""
        with contextlib.suppress(OSError):  # somebody deleted the store, or it is away
            self.files.touch(self.folder / segment_name(self.writer_id, 1))

    @property
    def waiting(self) -> int:
        """Segments that wait for their last sync, each with an open file."""
        return len(self._retired)

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
        # In this order: a segment being retired meanwhile is in one of the two.
        current = segment.fd
        retired = list(self._retired)
        for fd in {*retired, current} - {-1}:
            self.files.sync(fd)
        if current >= 0:
            self.path(segment).stat()
        if not self._entries_synced:
            self._sync_entries()
        for fd in retired:
            self._retired.remove(fd)
            self._close(fd)

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
        for fd in (*self._retired, self.current.fd, self._lock_fd):
            if fd >= 0:
                self._close(fd)
        self._retired.clear()
        self.current.fd = self._lock_fd = -1
        self.packs.let_go()

    def _discard(self, fd: int, temporary: Path) -> None:
        self._close(fd)
        try:
            self.files.unlink(temporary)
        except OSError:
            return  # readers pass over it

    def _close(self, fd: int) -> None:
        try:
            self.files.close(fd)
        except OSError:
            return  # what could fail was found out by the sync before
