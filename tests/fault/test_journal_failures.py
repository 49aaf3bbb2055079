"""Every system call of a writer fails in every way: counts are exact, numbers have no holes."""

from __future__ import annotations

import errno
import random
import tempfile
import threading
import time
from itertools import chain
from pathlib import Path
from unittest import mock

import pytest

from tests.doubles.failing_files import CALLS, ERRORS, LIE, REPEATED, SHORT, FailingFiles
from tests.doubles.power import MEMORY
from tracker.events import decode
from tracker.journal import Journal, Writer, WriterBroken, journals
from tracker.journal import writer as writer_module
from tracker.journal.record import kind_of, scan, seed

LOG = 17
RUN = "0" * 31 + "c"
FAILURES = [
    (name, error)
    for name in CALLS
    for error in (*ERRORS, *((SHORT, LIE) if name == "write" else ()))
]


def log(writer, step, values):
    """Both ways of logging in turn: they share what happens where it is not straight on."""
    return writer.log(step, values) if step % 2 else writer.append(LOG, step, values)


class Story:
    """Appends to one writer after the other, as a run does, and remembers what was promised."""

    def __init__(self, folder, files):
        self.folder = folder / RUN
        self.files = files
        self.kept = []
        self.dropped = 0
        self.counted = 0
        self.times = {}
        self.writer = None

    def open(self):
        self.writer = Writer(
            self.folder, RUN, segment_bytes=600, sync_interval_s=3600, files=self.files
        )

    def append(self, value):
        for _ in range(2):
            try:
                if self.writer is None:
                    self.open()
                self.times[value] = self.clock()
                if log(self.writer, value, {"v": value}):
                    self.kept.append(value)
                else:
                    self.dropped += 1
            except WriterBroken:
                self.leave(final=False)
                continue
            except OSError:
                assert self.writer is None
            return

    def clock(self):
        """A time that goes on while a call is under way: with each system call."""
        return sum(self.files.calls.values())

    def leave(self, *, final=True):
        if self.writer is not None:
            self.counted += self.writer.dropped[LOG]
            self.writer.close(final=final)
            self.writer = None


def check(story):
    """Each kept event is read once, each dropped one never; numbers run from 1 without holes."""
    read = []
    for journal in journals(story.folder):
        blocks = list(journal.blocks(alive=False))
        seqs = [event.seq for block in blocks for event in block.events]
        assert seqs == list(range(1, len(seqs) + 1))
        read += [event.values["v"] for block in blocks for event in block.events]
        bad = [gap for block in blocks for gap in block.gaps if not gap.harmless]
        assert not bad
        marks_tell_the_truth(story, journal)
    assert sorted(read) == sorted(story.kept)
    assert not story.files.unsynced_writes
    assert story.dropped == story.counted


def marks_tell_the_truth(story, journal):
    """When a mark was written, all events that it speaks of had been synced."""
    ends = {}
    for number in journal.segments():
        data = journal.path(number).read_bytes()
        for _, end, payload in scan(data, 8, seed(RUN, journal.writer_id, number)):
            if payload is not None and kind_of(payload) == LOG:
                ends[decode(payload).seq] = (f"{journal.writer_id}-{number:06d}", end)
    for writer_id, mark, synced in story.files.marks:
        if writer_id == journal.writer_id:
            for seq in range(1, mark.seq + 1):
                name, end = ends[seq]
                assert synced.get(name, 0) >= end, (mark, seq)


@pytest.fixture(autouse=True)
def quick_retry(monkeypatch):
    monkeypatch.setattr(writer_module, "RETRY_INTERVAL_S", 0.0)


def fail_and_go_on(folder, name, error, times, after):
    """Some calls of `append` and `sync`, in the midst of which a system call fails."""
    files = FailingFiles()
    story = Story(folder, files)
    with mock.patch.object(writer_module, "_now", story.clock):
        for value in range(12):
            story.append(value)
        files.fail(name, error, times=times, after=after)
        for value in range(12, 60):
            story.append(value)
            if value % 7 == 0 and story.writer is not None:
                story.writer.sync()
        files.heal()
        before = len(story.kept)
        for value in range(60, 70):
            story.append(value)
        assert len(story.kept) == before + 10, "it did not go on"
        story.leave()
    check(story)
    for event in chain(*(journal.events() for journal in journals(story.folder))):
        assert event.time == story.times[event.values["v"]], "its time is not that of its call"


@pytest.mark.parametrize(("name", "error"), FAILURES)
@pytest.mark.parametrize("times", [1, 3, None])
def test_whatever_call_fails_the_count_is_exact_and_recording_goes_on(tmp_path, name, error, times):
    for after in range(4):
        fail_and_go_on(tmp_path / str(after), name, error, times, after)


def campaign(seed):
    """One of the failures above; raises AssertionError where something is wrong."""
    dice = random.Random(seed)
    name = dice.choice((*CALLS, "write", "write"))
    error = dice.choice(ERRORS)
    if name == "write":
        error = dice.choice((error, SHORT, LIE))
    with (
        tempfile.TemporaryDirectory(dir=MEMORY) as folder,
        mock.patch.object(writer_module, "RETRY_INTERVAL_S", 0.0),
    ):
        fail_and_go_on(Path(folder), name, error, dice.choice((1, 3, None)), dice.randrange(8))


@pytest.mark.parametrize(("name", "error"), FAILURES)
def test_what_fails_while_it_closes_raises_nothing(tmp_path, name, error):
    for after in range(3):
        files = FailingFiles()
        story = Story(tmp_path / str(after), files)
        for value in range(5):
            story.append(value)
        files.fail(name, error, after=after)
        story.leave()
        files.heal()
        check(story)


@pytest.mark.parametrize(("name", "error"), FAILURES)
def test_what_fails_from_the_beginning_raises_or_works_and_leaves_nothing_open(
    tmp_path, name, error
):
    before = sorted(Path("/proc/self/fd").iterdir())
    files = FailingFiles()
    files.fail(name, error)
    try:
        writer = Writer(tmp_path / RUN, RUN, files=files)
    except OSError:
        writer = None
    else:
        writer.append(LOG, 1, {"v": 1})
        writer.close()
    unnoticed = error == errno.EINTR and name in REPEATED
    needed = name in ("create", "write", "rename", "mkdir")
    assert (writer is None) == (needed and not unnoticed)
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_on_a_full_disk_attempts_are_a_quarter_second_apart_and_it_resumes_within_a_second(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(writer_module, "RETRY_INTERVAL_S", 0.25)
    files = FailingFiles()
    story = Story(tmp_path, files)
    story.append(0)
    files.fail("write", errno.ENOSPC)
    started = time.monotonic()
    value = 0
    while time.monotonic() - started < 0.6:
        value += 1
        story.append(value)
    assert files.calls["create"] <= 1 + 4
    assert story.dropped == value
    files.heal()
    healed = time.monotonic()
    while len(story.kept) == 1:
        value += 1
        story.append(value)
        assert time.monotonic() - healed < 1
    story.leave()
    check(story)


def test_the_background_sync_marks_what_it_synced_and_breaks_on_a_refusal(tmp_path):
    files = FailingFiles()
    writer = Writer(tmp_path / RUN, RUN, sync_interval_s=0.01, files=files)
    writer.append(LOG, 1, {"v": 1})
    limit = time.monotonic() + 10
    while writer.synced_seq < 1:
        assert time.monotonic() < limit
        time.sleep(0.002)
    files.fail("sync", errno.EIO)
    writer.append(LOG, 2, {"v": 2})
    while not writer.broken:
        assert time.monotonic() < limit
        time.sleep(0.002)
    with pytest.raises(WriterBroken):
        writer.append(LOG, 3, {"v": 3})
    assert not writer.sync()
    assert writer.last_error.errno == errno.EIO
    writer.close()
    journal = Journal(tmp_path / RUN, writer.id)
    assert [event.seq for event in journal.events()] == [1, 2]
    assert journal.extent() == (2, 1)
    assert not files.unsynced_writes


def test_a_segment_that_was_deleted_breaks_the_writer_at_the_next_sync(tmp_path):
    writer = Writer(tmp_path / RUN, RUN, sync_interval_s=3600)
    writer.append(LOG, 1, {"v": 1})
    Journal(tmp_path / RUN, writer.id).path(1).unlink()
    assert not writer.sync()
    assert writer.broken
    assert isinstance(writer.last_error, FileNotFoundError)
    writer.close()


def test_four_threads_on_a_disk_that_fails_now_and_then_lose_nothing_uncounted(tmp_path):
    files = FailingFiles()
    writer = Writer(tmp_path / RUN, RUN, segment_bytes=2000, sync_interval_s=3600, files=files)
    kept = [[] for _ in range(4)]
    dropped = [0] * 4

    def log(number):
        for value in range(600):
            if writer.append(LOG, value, {"v": number * 1000 + value}):
                kept[number].append(number * 1000 + value)
            else:
                dropped[number] += 1

    threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(200):
        files.fail(("write", "create", "rename")[turn % 3], errno.ENOSPC, times=1, after=turn % 5)
        time.sleep(0.0005)
    for thread in threads:
        thread.join()
    files.heal()
    writer.close()
    journal = Journal(tmp_path / RUN, writer.id)
    events = list(journal.events())
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert sorted(event.values["v"] for event in events) == sorted(chain(*kept))
    assert writer.dropped[LOG] == sum(dropped)


def test_much_that_was_written_is_synced_before_the_interval_is_over(tmp_path):
    writer = Writer(tmp_path / RUN, RUN, sync_interval_s=3600)
    for _ in range(3):
        writer.append(LOG, 1, {"text": "x" * 1_000_000})
    limit = time.monotonic() + 10
    while writer.synced_seq < 3:
        assert time.monotonic() < limit
        time.sleep(0.002)
    writer.close()
