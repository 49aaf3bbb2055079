"""One writer: appends events to segments that it alone creates."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import msgspec

from tracker.events import LOG
from tracker.journal import liveness
from tracker.journal.files import Files
from tracker.journal.liveness import BEAT_S
from tracker.journal.record import (
    BEGINS,
    FAILED,
    FULL,
    HEAD,
    MAGIC,
    MAX_PAYLOAD,
    MAX_SEGMENT,
    Mark,
    Seal,
)
from tracker.journal.reserve import Reserve
from tracker.journal.segment import Chain, Segment, encode
from tracker.journal.wake import Wake

_OWN_BYTES = 128
"""Bytes of a segment kept for the mark and the seal that may follow its last event."""

_SYNC_BYTES = 2 * 1024 * 1024
"""A sync begins early once so much was written, so that the last one, in `close`, is short."""

_SYNC_SEGMENTS = 64
"""And once so many segments, however small, wait for one with their files open."""

RETRY_INTERVAL_S = 0.25
"""While no segment can be had, events are dropped and counted between attempts this far apart."""

_HEAD = HEAD.size
_pack = HEAD.pack
_now = time.time_ns
_encode_text_keys = msgspec.msgpack.Encoder(order="sorted").encode
"""Refuses keys that are no text, at a lower price than looking at each, if they are few."""
_FEW = 32

_open_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


class WriterBroken(Exception):
    """The writer is closed, its sync failed, or this is a fork's copy: open a new one."""


class Writer:
    """An open handle on a run by one process; safe to use from threads and signal handlers.

    Promise: when `append` returns True the event survives the death of the process; when
    `sync` returns True it survives power loss. False says it was not kept; `dropped` counts
    those by kind. Only a new writer's constructor and `place` raise OSError.

    A signal handler runs between any two steps of the code that it interrupts. What it calls
    here never waits for that code: an append or an action is put off until the interrupted
    call is whole. No thread waits for `_lock` while it holds `_sync_lock`, so a handler may
    wait for either.

    Args:
        folder: the run's folder of journals; made if absent.
        run_id: the run.
        segment_bytes: when a segment is full; at most 32 MiB.
        sync_interval_s: seconds between background syncs.
        sync: "interval", or "always" to sync in each append.
        after: the time in the header of the newest journal that the run has; this one's is later.
        reserve: what is to be there, beside the segments, as long as the run is open.
        files: the system calls.
    """

    def __init__(
        self,
        folder: Path,
        run_id: str,
        *,
        segment_bytes: int = 8 * 1024 * 1024,
        sync_interval_s: float = 0.5,
        sync: Literal["interval", "always"] = "interval",
        after: int = 0,
        reserve: Reserve | None = None,
        files: Files | None = None,
    ) -> None:
        self.id = os.urandom(8).hex()
        self.run_id = run_id
        self.folder = folder
        self.dropped: Counter[int] = Counter()
        self.last_error: OSError | None = None
        self._reserve = reserve
        self._interval_s = sync_interval_s
        self._always = sync == "always"
        self._files = files or Files()
        self._write = self._files.write
        self._take_lock()
        self._busy = False  # under _lock: a write is under way
        self._sync_lock = threading.RLock()
        self._syncing = False  # under _sync_lock: a sync is under way
        self._put_off: list[tuple[int, tuple[Any, ...]]] = []
        self._actions: list[Callable[[], object]] = []
        self._attention = True  # there is more to do than to append
        self._seq = self._synced_seq = self._marked_seq = 0
        self._full = min(segment_bytes, MAX_SEGMENT // 2) - _OWN_BYTES
        # Where the segment is full, or a sync is to begin early.
        self._limit = min(_SYNC_BYTES, self._full)
        self._retry_at = 0.0
        self._broken = self._doubtful = False
        self._wake = Wake()
        self._thread: threading.Thread | None = None
        self._chain = Chain(folder, run_id, self.id, self._files)
        try:
            with liveness.entered(folder, self._files.mkdir):
                self._chain.begin(BEGINS, 0, after=after)
        except BaseException:
            self._chain.let_go()
            raise
        _open_writers.add(self)
        self.hold_reserve()

    # -- what a run calls ------------------------------------------------------------------

    @property
    def seq(self) -> int:
        """Last sequence number written."""
        return self._seq

    @property
    def synced_seq(self) -> int:
        """Last sequence number synced."""
        return self._synced_seq

    @property
    def broken(self) -> bool:
        """True once the writer takes no more."""
        return self._broken

    def append(self, kind: int, *body: Any) -> bool:
        """Write one event; True if it is kept, False if it was dropped and counted.

        Called from a signal handler that interrupted an append of the same thread, the event
        is written right after the interrupted one.

        Raises:
            TypeError, ValueError, OverflowError: the body cannot be encoded; nothing written.
            WriterBroken: open a new writer and repeat.
        """
        try:
            self._acquire()
            if self._busy:
                return self._append_later(kind, body)
            try:
                self._busy = True
                seq = self._seq + 1
                return self._append(kind, seq, encode((kind, seq, _now(), *body)))
            finally:
                try:
                    self._catch_up()
                finally:
                    self._busy = False
        finally:
            self._unlock()
            if self._attention:
                self._attend()

    def log(self, step: int, values: dict[str, Any]) -> bool | None:
        """Write one Log event of plain numbers: the `append` of the call that trainings make.

        One encode, one checksum, one write, and as little as can be beside: the price of a
        line here is paid by every step of every training (`scripts/bench log`).

        Returns:
            As `append`; None, and nothing is written, where `append` has to do it: a signal
            handler interrupted a call, no value at all, or one that is no plain number.

        Raises:
            As `append`.
        """
        kind = type(sum(values.values()))  # one pass in C, which only numbers get through
        count = len(values)
        if (kind is not float and kind is not int) or not count:
            return None
        try:
            self._acquire()
            if self._busy:
                return None
            try:
                self._busy = True
                seq = self._seq + 1
                encoder = _encode_text_keys if count < _FEW else _encode_many
                payload = encoder((LOG, seq, _now(), step, values))
                length = len(payload)
                segment = self._chain.current
                start = segment.end
                end = start + length + _HEAD
                if end > self._limit or length > MAX_PAYLOAD:
                    return self._append(LOG, seq, payload)
                record = _pack(MAGIC, length, crc32(payload, segment.seed ^ length)) + payload
                try:
                    if self._write(segment.fd, record) == length + _HEAD:
                        segment.end = end
                        self._seq = seq
                        return True
                except OSError as error:
                    self._note(segment, error)
                except BaseException:  # thrown by a signal handler
                    limit, self._limit, self._doubtful = self._limit, -1, True  # see `_settle`
                    self._settle(limit, segment, start, seq, length + _HEAD)
                    raise
                return self._append_elsewhere(LOG, seq, payload)
            finally:
                try:
                    if self._put_off:
                        self._catch_up()
                finally:
                    self._busy = False
        finally:
            try:  # noqa: SIM105 - as `_unlock`, without the price of a call
                self._release()
            except RuntimeError:
                pass
            if self._attention:
                self._attend()

    def take(self, taken: Iterable[tuple[Any, ...]]) -> bool:
        """Write events that have their times: `(kind, time, *body)` each, ns since 1970.

        For what another tool recorded. Many events are one write, so only a `sync` behind it
        tells that they are kept: a death in the middle leaves those before some event.

        Returns:
            False if one was not kept. The writer takes no more then; those before it stand.

        Raises:
            TypeError, ValueError, OverflowError: an event cannot be encoded or is larger than a
                record; those before it may be written or not.
            WriterBroken: as `append`.
        """
        with self._lock:
            if self._broken:
                raise WriterBroken(f"writer {self.id} is closed")
            try:
                self._busy = True
                kept = self._take(taken)
            finally:
                try:
                    self._catch_up()
                finally:
                    self._busy = False
        if self._attention:
            self._attend()
        return kept

    def place(self, content: bytes) -> tuple[int, int] | None:
        """Put the content of a small file into a pack file, before the event that names it.

        Returns:
            The pack file's number and the offset in it; None where that cannot be done now, as
            a signal handler interrupted this writer.

        Raises:
            OSError: the disk did not take it.
            WriterBroken: open a new writer and repeat.
        """
        try:
            self._acquire()
            if self._busy:
                return None
            try:
                self._busy = True
                if self._broken:
                    raise WriterBroken(f"writer {self.id} is closed")
                return self._chain.packs.append(content)
            except OSError as error:
                self.last_error = error
                raise
            finally:
                try:
                    self._catch_up()
                finally:
                    self._busy = False
        finally:
            self._unlock()
            if self._attention:
                self._attend()

    def when_free(self, action: Callable[[], object]) -> None:
        """Do `action` now, or right after the call that a signal handler interrupted."""
        with self._lock:
            if self._busy:
                self._act_later(action)
                return
        with self._sync_lock:
            if self._syncing:
                self._act_later(action)
                return
        action()

    def retry_now(self) -> None:
        """Let the next append try again for a segment, however short ago the last attempt was."""
        self._retry_at = 0.0

    def sync(self) -> bool:
        """Make all that was written survive power loss; False if the device refused.

        In a signal handler that interrupted this writer, False: it cannot be done now.
        """
        with self._lock:
            if self._busy:
                return False
            seq, segment, end = self._seq, self._chain.current, self._chain.current.end
            if seq == self._synced_seq or self._broken:
                return seq == self._synced_seq
        kept = self._sync_files(segment)
        with self._lock:
            if kept:
                self._synced_seq = max(self._synced_seq, seq)
                if seq > self._marked_seq:
                    self._marked_seq = seq
                    self._append_own(Mark(seq, segment.number, end, _now()))
            elif self.broken:
                self._break()  # again, as an append under way may have begun a segment since
        if self._actions:
            self._attend()
        return kept

    def beat(self) -> None:
        """Show that the writer lives, though nothing is appended; see `liveness`."""
        self._chain.beat()

    def hold_reserve(self) -> None:
        """See that the run's reserve is there, if it has one and there is room for it."""
        if self._reserve is not None:
            self._reserve.hold(self.id)

    def close(self, *, final: bool = True) -> None:
        """Seal the journal (unless not `final`), sync it and let go of it. Safe to repeat."""
        self.when_free(lambda: self._close(final=final))

    def abandon(self) -> None:
        """In a forked child: give up this copy; the parent's files and lock stay as they are."""
        self._take_lock()  # another thread of the parent may have held it, and the other one
        self._sync_lock = threading.RLock()
        self._busy = self._syncing = False
        self._put_off, self._actions = [], []
        self._wake = Wake()
        self._break()
        self._chain.let_go()

    # -- appending, where it is not straight on --------------------------------------------

    def _take_lock(self) -> None:
        self._lock = threading.RLock()
        # `with` takes twice as long. Called inside `try`, so that a signal handler that throws
        # right behind it does not leave the lock held.
        self._acquire, self._release = self._lock.acquire, self._lock.release

    def _unlock(self) -> None:
        with contextlib.suppress(RuntimeError):  # a signal handler threw while it waited for it
            self._release()

    def _append(self, kind: int, seq: int, payload: bytes) -> bool:
        """Write an encoded event, in the next segment if this one is full."""
        segment = self._with_room(len(payload))
        error = self._write_event(segment, seq, payload)
        if error is None:
            return True
        self._note(segment, error)
        return self._append_elsewhere(kind, seq, payload)

    def _note(self, segment: Segment, error: OSError) -> None:
        if segment.fd >= 0:  # else the reason why there is none is known
            self.last_error = error

    def _with_room(self, length: int) -> Segment:
        """The segment for a payload of this length: this one or, if it is full, the next."""
        if self._broken or self._doubtful:
            self._break()
            raise WriterBroken(f"writer {self.id} is closed")
        if length > MAX_PAYLOAD:
            raise ValueError(f"{length:,} bytes in one call; {MAX_PAYLOAD:,} is the most")
        segment = self._chain.current
        if segment.fd < 0 or segment.end == segment.start:
            return segment  # an event larger than a segment gets one of its own
        if segment.end + length > max(self._limit, self._full):
            self._begin_next(segment, length)
        elif segment.end + length > self._limit:
            self._limit = min(segment.end + length + _SYNC_BYTES, self._full)
            self._wake.set()
        return self._chain.current

    def _begin_next(self, segment: Segment, length: int) -> None:
        """Go on behind a full segment; where there is no other to be had, in it for a while."""
        try:
            self._begin(FULL)
            if self._chain.waiting >= _SYNC_SEGMENTS:
                self._wake.set()
        except OSError as error:
            self.last_error = error
            self._limit = max(self._limit, self._full) + self._full // 8
            if segment.end + length > MAX_SEGMENT - _OWN_BYTES:
                segment.retire()

    def _take(self, taken: Iterable[tuple[Any, ...]]) -> bool:
        segment, size, seq = self._chain.current, 0, self._seq
        records: list[bytes] = []
        for kind, *rest in taken:
            payload = encode((kind, seq + 1, *rest))
            length = len(payload)
            if segment.end + size + length + _HEAD > self._limit:
                if not self._write_many(segment, records, seq):
                    return False
                segment, records, size = self._with_room(length), [], 0
            seq += 1
            records += _pack(MAGIC, length, crc32(payload, segment.seed ^ length)), payload
            size += length + _HEAD
        return self._write_many(segment, records, seq)

    def _write_many(self, segment: Segment, records: list[bytes], seq: int) -> bool:
        """Write records of events up to `seq`; whatever goes wrong ends this writer."""
        content, whole = b"".join(records), False
        try:
            whole = self._write(segment.fd, content) == len(content)
        except OSError as error:
            self._note(segment, error)
        finally:
            if not whole:
                self._break()
        segment.end, self._seq = segment.end + len(content) * whole, seq if whole else self._seq
        return whole

    def _settle(self, limit: int, segment: Segment, start: int, seq: int, length: int) -> None:
        """After an interrupted write at `start`: tell from the file whether the event is in it.

        Until that is known the writer is doubtful: interrupted here too, it takes no more.
        """
        beyond = segment.beyond(start)
        if beyond == length:
            segment.end, self._seq = start + length, seq
        elif beyond > 0:
            segment.end = start
            if self._begin_behind_failure():
                limit = self._limit
        self._limit, self._doubtful = limit, False

    def _append_elsewhere(self, kind: int, seq: int, payload: bytes) -> bool:
        """After a short or failed write: the same event in a new segment, or dropped."""
        if self._broken:
            raise WriterBroken(f"writer {self.id} was forked")
        segment = self._chain.current
        whole = _HEAD + len(payload)
        if segment.fd >= 0 and segment.beyond(segment.end) == whole:  # failed, it said
            segment.end, self._seq = segment.end + whole, seq
            return True
        if time.monotonic() >= self._retry_at and self._begin_behind_failure():
            error = self._write_event(self._chain.current, seq, payload)
            if error is None:
                return True
            self._give_up_segment(error)
        self.dropped[kind] += 1
        return False

    def _write_event(self, segment: Segment, seq: int, payload: bytes) -> OSError | None:
        """Append an event's record and return None, or what was in the way.

        `seq` counts if the record is there, whatever a signal handler throws.
        """
        start = segment.end
        try:
            error = segment.write(self._files, payload)
        except BaseException:  # thrown by a signal handler
            limit, self._limit, self._doubtful = self._limit, -1, True  # see `_settle`
            self._settle(limit, segment, start, seq, _HEAD + len(payload))
            raise
        if error is None:
            self._seq = seq
        return error

    def _catch_up(self) -> None:
        """Append what signal handlers appended while an append was under way, in their order."""
        while self._put_off:
            kind, body = self._put_off.pop(0)
            seq = self._seq + 1
            payload = encode((kind, seq, _now(), *body))
            try:
                self._append(kind, seq, payload)
            except (WriterBroken, ValueError):  # it was told that the event is kept
                self.dropped[kind] += 1

    def _append_own(self, record: Mark | Seal) -> None:
        """Write one of the journal's own records; of no event, so a failure drops none."""
        try:
            self._busy = True
            self._catch_up()
            there = self._chain.current.fd >= 0
            error = self._chain.write_own(record)
            if error is not None and there:
                self.last_error = error
                self._begin_behind_failure()
        finally:
            try:
                self._catch_up()
            finally:
                self._busy = False

    def _begin(self, cause: int) -> None:
        self._chain.begin(cause, self._seq)
        self._limit = min(_SYNC_BYTES, self._full)

    def _begin_behind_failure(self) -> bool:
        """Go on in a new segment behind a failed write; False if none can be had now."""
        try:
            self._begin(FAILED)
        except OSError as error:
            self._give_up_segment(error)
            return False
        return True

    def _give_up_segment(self, error: OSError) -> None:
        self.last_error = error
        self._retry_at = time.monotonic() + RETRY_INTERVAL_S
        self._chain.current.retire()

    # -- beside appending ------------------------------------------------------------------

    def _append_later(self, kind: int, body: tuple[Any, ...]) -> bool:
        """Put off what a signal handler appends; encoded now, as it may change afterwards."""
        self._put_off.append((kind, tuple(msgspec.Raw(encode(part)) for part in body)))
        return True

    def _act_later(self, action: Callable[[], object]) -> None:
        self._actions.append(action)
        self._attention = True

    def _attend(self) -> None:
        """Do what is rare: begin to sync, and what a signal handler wanted done."""
        with self._lock:
            if self._busy:
                return
            self._attention = self._always
            if self._thread is None and not self._broken:
                self._start_thread()
            actions, self._actions = self._actions, []
        for action in actions:
            self.when_free(action)
        if self._always:
            self.sync()

    def _start_thread(self) -> None:
        self._thread = threading.Thread(
            target=_sync_regularly, args=(weakref.ref(self), self._wake, self._interval_s),
            name="tracker-sync", daemon=True,
        )  # fmt: skip
        try:
            self._thread.start()
        except RuntimeError:  # none can be had now: the next event tries again
            self._thread = None
            self._attention = True

    def _sync_files(self, segment: Segment) -> bool:
        """Sync what `segment` and those before it hold; a failure breaks the writer."""
        with self._sync_lock:
            if self._syncing:
                return False
            try:
                self._syncing = True
                self._chain.sync(segment)
            except OSError as error:
                self.last_error = error
                self._break()
                return False
            finally:
                self._syncing = False
        return True

    def _break(self) -> None:
        self._broken = True
        self._limit = -1

    def _close(self, *, final: bool) -> None:
        with self._lock:
            healthy = not self._broken
            if final and healthy:
                self._append_own(Seal(self._seq, True, _now()))
            self._marked_seq = self._seq  # a mark behind the seal would say nothing
            self._break()
            self._wake.set()
            segment = self._chain.current
        if (healthy or self._doubtful) and self._sync_files(segment):  # the device is well
            self._synced_seq = self._seq
        with self._sync_lock:
            self._chain.let_go()


def _encode_many(event: tuple[int, int, int, int, dict[str, Any]]) -> bytes:
    """As `_encode_text_keys`, which sorts; that takes long where there are many."""
    "".join(event[-1])
    return encode(event)


def _sync_regularly(writer: weakref.ref[Writer], wake: Wake, interval_s: float) -> None:
    """Sync every `interval_s` and when woken; between, show every BEAT_S that the writer lives."""
    now = time.monotonic()
    sync_at, beat_at = now + interval_s, now + BEAT_S
    while True:
        woken = wake.wait(max(0.0, min(sync_at, beat_at) - now))
        alive = writer()
        if alive is None or alive.broken:
            return
        now = time.monotonic()
        if now >= beat_at:
            beat_at = now + BEAT_S
            alive.beat()
        if woken or now >= sync_at:
            alive.sync()
            alive.hold_reserve()  # where there was no room for it, there may be now
            now = time.monotonic()
            sync_at = now + interval_s
        del alive


def _abandon_all() -> None:
    for writer in list(_open_writers):
        writer.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
