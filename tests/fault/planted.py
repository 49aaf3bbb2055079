"""Bugs that a journal could have, each of which a campaign must catch.

A bug is a context manager that patches the product while it lasts; its docstring says what is
wrong then. `TABLE` tells which campaign catches it, and within how many seeds:

"""

from __future__ import annotations

import contextlib
import sys
from typing import NamedTuple
from unittest import mock

import msgspec

from tracker import store
from tracker.artifacts.blobs import Blobs
from tracker.journal import Files, Mark, Writer, journals, reader, record
from tracker.journal.segment import Chain, Segment
from tracker.journal.writer import _now


def short_write_ignored():
    """A write that took only a part is taken for whole."""
    made = Writer.__init__

    def make(self, *args, **options):
        made(self, *args, **options)
        write = self._write
        self._write = lambda fd, record: (write(fd, record), len(record))[1]

    return mock.patch.object(Writer, "__init__", make)


def store_in_unsynced_folders():
    """The folders above a new store are made and not synced."""
    return mock.patch.object(store, "_make_folder", lambda path: Files.mkdir(path))  # noqa: PLW0108 - found when called: a disk is behind it then


def folders_never_synced():
    """The entries of a run's folder are not synced."""
    return mock.patch.object(Chain, "_sync_entries")


def failed_sync_passed_over():
    """After a failed sync the same segment is written on, and the next sync marks it as synced."""

    def sync(self, segment):
        with contextlib.suppress(OSError):
            self._chain.sync(segment)
            return True
        return False

    return mock.patch.object(Writer, "_sync_files", sync)


def mark_before_sync():
    """The mark is written, then what it speaks of is synced."""

    def sync(self):
        seq, segment = self._seq, self._chain.current
        if seq == self._synced_seq or self._broken:
            return seq == self._synced_seq
        self._append_own(Mark(seq, segment.number, segment.end, _now()))
        if self._sync_files(segment):
            self._synced_seq = seq
        return self._synced_seq == seq

    return mock.patch.object(Writer, "sync", sync)


def full_segment_not_synced():
    """A segment that is full is closed at once, and so misses its last sync."""
    begin = Chain.begin

    def begin_and_close(self, *args, **options):
        full = self.current
        begin(self, *args, **options)
        full.close(self.files)

    return mock.patch.object(Chain, "begin", begin_and_close)


def blob_placed_before_its_sync():
    """A blob gets its name, then its content is synced."""
    copied, placed = Blobs._copy, Blobs._place
    late = []

    def copy(self, chunks, fd):
        late.append(fd)
        with mock.patch.object(self._files, "fsync"):
            return copied(self, chunks, fd)

    def place(self, path, blob):
        placed(self, path, blob)
        self._files.fsync(late.pop())

    return mock.patch.multiple(Blobs, _copy=copy, _place=place)


def numbers_used_again():
    """A new writer goes on under the id of an earlier one, and counts from 1 again."""
    made = Chain.__init__, Writer.__init__

    def make_chain(self, folder, run_id, writer_id, files):
        earlier = journals(folder)
        made[0](self, folder, run_id, earlier[-1].writer_id if earlier else writer_id, files)
        if earlier:
            self.current = Segment(max(earlier[-1].segments()), 0)

    def make(self, *args, **options):
        made[1](self, *args, **options)
        self.id = self._chain.writer_id

    stack = contextlib.ExitStack()
    stack.enter_context(mock.patch.object(Chain, "__init__", make_chain))
    stack.enter_context(mock.patch.object(Writer, "__init__", make))
    return stack


def written_behind_a_failed_write():
    """After a short write the event is repeated right behind the remains, in the same segment."""
    elsewhere = Writer._append_elsewhere

    def again(self, kind, seq, payload):
        segment = self._chain.current
        segment.end += max(0, segment.beyond(segment.end)) if segment.fd >= 0 else 0
        if self._write_event(segment, seq, payload) is None:
            return True
        return elsewhere(self, kind, seq, payload)

    return mock.patch.object(Writer, "_append_elsewhere", again)


def number_of_a_dropped_event_kept():
    """An event that was dropped keeps its number, and there is a hole."""
    elsewhere = Writer._append_elsewhere

    def append(self, kind, seq, payload):
        kept = elsewhere(self, kind, seq, payload)
        self._seq = max(self._seq, seq)
        return kept

    return mock.patch.object(Writer, "_append_elsewhere", append)


def time_taken_again():
    """An event whose write is repeated gets the time of the repeat."""
    elsewhere = Writer._append_elsewhere

    def append(self, kind, seq, payload):
        event = msgspec.msgpack.decode(payload)
        event[2] = sys.modules[Writer.__module__]._now()
        return elsewhere(self, kind, seq, msgspec.msgpack.encode(event))

    return mock.patch.object(Writer, "_append_elsewhere", append)


def told_before_it_is_written():
    """Events are collected in the process, and written fifty at a time."""
    log = Writer.log

    def collect(self, step, values):
        waiting = self.__dict__.setdefault("waiting", [])
        waiting.append((step, values))
        if len(waiting) >= 50:
            for each in waiting:
                log(self, *each)
            waiting.clear()
        return True

    return mock.patch.object(Writer, "log", collect)


def stops_at_the_first_bad_byte():
    """Nothing behind damage is read."""
    scan = record.scan

    def stop(data, offset, seed):
        for at, end, payload in scan(data, offset, seed):
            yield at, end if payload else len(data), payload
            if payload is None:
                return

    return mock.patch.object(reader, "scan", stop)


def torn_tail_unsaid():
    """What is torn off at a journal's end is not reported."""
    settle = reader.Reading._settle

    def hush(self):
        if self._gap is not None and self._gap.kind == "torn tail":
            self._gap = None
        settle(self)

    return mock.patch.object(reader.Reading, "_settle", hush)


def checksum_without_place():
    """A record checks in any segment, whoever wrote it."""
    stack, seed = contextlib.ExitStack(), record.seed
    for module in list(sys.modules.values()):
        if getattr(module, "seed", None) is seed:
            stack.enter_context(mock.patch.object(module, "seed", return_value=0))
    return stack


class Planted(NamedTuple):
    """A bug, the campaign that must catch it, and the most seeds that this may take."""

    bug: object
    campaign: str
    seeds: int

    def __str__(self):
        return f"{self.bug.__name__:30} {self.campaign:13} {self.seeds:4} seeds  {self.bug.__doc__}"


TABLE = (
    Planted(store_in_unsynced_folders, "power cut", 20),
    Planted(folders_never_synced, "power cut", 20),
    Planted(full_segment_not_synced, "power cut", 40),
    Planted(numbers_used_again, "power cut", 20),
    Planted(blob_placed_before_its_sync, "power cut", 200),
    Planted(failed_sync_passed_over, "power cut", 400),
    Planted(failed_sync_passed_over, "failing calls", 150),
    Planted(mark_before_sync, "failing calls", 10),
    Planted(short_write_ignored, "failing calls", 100),
    Planted(written_behind_a_failed_write, "failing calls", 100),
    Planted(time_taken_again, "failing calls", 50),
    Planted(number_of_a_dropped_event_kept, "random story", 30),
    Planted(told_before_it_is_written, "SIGKILL", 15),
    Planted(stops_at_the_first_bad_byte, "damage", 40),
    Planted(torn_tail_unsaid, "damage", 20),
    Planted(checksum_without_place, "damage", 40),
)

__doc__ += "".join(f"    {row}\n" for row in TABLE)
