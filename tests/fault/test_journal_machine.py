"""Whatever writers, crashes, failures and readers do in turn, a reader sees what was promised."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.doubles.failing_files import LIE, SHORT, FailingFiles
from tests.doubles.power import MEMORY
from tests.fault.test_journal_failures import log
from tracker.journal import Journal, Position, Writer, WriterBroken
from tracker.journal import writer as writer_module

LOG = 17
RUN = "0" * 31 + "d"
EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "200"))


FAILURES = (
    *itertools.product(("write",), (errno.ENOSPC, errno.EIO, SHORT, LIE)),
    *itertools.product(("create", "rename", "sync_folder", "unlink", "sync"), (errno.EIO,)),
    ("rename", errno.EINTR),
)
"""Writes fail more often than the rest: most that can go wrong goes wrong there."""


class Told:
    """One writer's journal: what its `append` returned True for, and a reader that follows it."""

    def __init__(self, journal):
        self.journal = journal
        self.kept = []
        self.dropped = 0
        self.read = []
        self.end = Position()

    def follow(self, *, alive):
        """Go on reading from where it was."""
        for block in self.journal.blocks(self.end, alive=alive):
            assert all(gap.harmless for gap in block.gaps)
            self.read += [event.step for event in block.events]
            assert [event.seq for event in block.events] == list(
                range(self.end.seq + 1, self.end.seq + 1 + len(block.events))
            )
            self.end = block.end
        assert self.read == self.kept

    def look_afresh(self, *, alive):
        """Read all of it; what is wrong stays there to be found by a later look."""
        blocks = self.journal.blocks(alive=alive)
        events = [event for block in blocks for event in block.events]
        assert [event.step for event in events] == self.kept
        assert [event.seq for event in events] == list(range(1, len(events) + 1))


class JournalMachine(RuleBasedStateMachine):
    """Writers of one run, one after the other, on a disk that fails now and then."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.files = FailingFiles()
        self.writer = None
        self.past = []
        self.value = 0

    @initialize(size=st.sampled_from((200, 500, 3000)))
    def open(self, size):
        """Segments so small that they rotate."""
        writer_module.RETRY_INTERVAL_S = 0.0
        writer_module._SYNC_SEGMENTS = sys.maxsize  # syncs are steps here, and never beside them
        self.size = size
        self.begin()

    @precondition(lambda self: self.writer is None)
    @rule()
    def begin(self):
        try:
            self.writer = Writer(
                self.folder / RUN, RUN, segment_bytes=self.size, sync_interval_s=3600,
                files=self.files,
            )  # fmt: skip
        except OSError:
            assert self.files.failing
        else:
            self.told = Told(Journal(self.folder / RUN, self.writer.id))

    @precondition(lambda self: self.writer)
    @rule(length=st.integers(0, 400), count=st.integers(1, 6))
    def append(self, length, count):
        for _ in range(count):
            self.value += 1
            try:
                if log(self.writer, self.value, {"x" * (length + 1): self.value}):
                    self.told.kept.append(self.value)
                else:
                    self.told.dropped += 1
            except WriterBroken:
                assert self.writer.broken

    @precondition(lambda self: self.writer)
    @rule(length=st.sampled_from((0, 90)), count=st.integers(5, 15))
    def append_many(self, length, count):
        self.append(length, count)

    @rule(
        failure=st.sampled_from(FAILURES),
        times=st.sampled_from((1, 2, None)),
        after=st.integers(0, 3),
    )
    def fail(self, failure, times, after):
        name, error = failure
        self.files.fail(name, error, times=times, after=after)

    @rule()
    def heal(self):
        self.files.heal()

    @precondition(lambda self: self.writer)
    @rule()
    def sync(self):
        if self.writer.sync():
            assert self.writer.synced_seq == self.writer.seq

    @precondition(lambda self: self.writer)
    @rule()
    def look(self):
        """A reader goes on from where it was, and another one sees the same."""
        self.told.follow(alive=True)
        self.told.look_afresh(alive=True)
        assert self.writer.dropped[LOG] == self.told.dropped
        assert not self.files.unsynced_writes

    @precondition(lambda self: self.writer and (self.writer.seq > 20 or self.writer.broken))
    @rule(crash=st.booleans())
    def leave(self, crash):
        self.look()
        self.writer.abandon() if crash else self.writer.close()
        assert not self.told.journal.alive()
        self.told.follow(alive=False)
        self.past.append(self.told)
        self.writer = None

    def teardown(self):
        try:
            if self.writer is not None:
                self.look()
                assert self.told.journal.alive() or self.writer.broken
            for told in self.past:
                told.look_afresh(alive=False)
        finally:
            if self.writer is not None:
                self.writer.abandon()
            shutil.rmtree(self.folder)


JournalMachine.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=50, deadline=None, print_blob=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
test_writer_crash_and_reader_agree_with_a_list = JournalMachine.TestCase
