"""Whatever writers, crashes, failures and readers do in turn, a reader sees what was promised."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.doubles.failing_files import LIE, SHORT, FailingFiles
from tracker.journal import Journal, Position, Writer, WriterBroken
from tracker.journal import writer as writer_module

LOG = 17
RUN = "0" * 31 + "d"
EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "500"))


class JournalMachine(RuleBasedStateMachine):
    """One journal, a list of what its `append` returned True for, and a reader that follows it."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.files = FailingFiles()
        self.kept = []
        self.read = []
        self.end = Position()
        self.dropped = self.value = 0
        self.closed = False

    @initialize(size=st.sampled_from((200, 500, 3000)))
    def open(self, size):
        """Segments so small that they rotate."""
        writer_module.RETRY_INTERVAL_S = 0.0
        self.writer = Writer(
            self.folder / RUN, RUN, segment_bytes=size, sync_interval_s=3600, files=self.files
        )
        self.journal = Journal(self.folder / RUN, self.writer.id)

    @rule(length=st.integers(0, 400), count=st.integers(1, 6))
    def append(self, length, count):
        for _ in range(count):
            self.value += 1
            try:
                if self.writer.append(LOG, self.value, {"text": "x" * length}):
                    self.kept.append(self.value)
                else:
                    self.dropped += 1
            except WriterBroken:
                assert self.writer.broken

    @rule(
        name=st.sampled_from(("write", "create", "rename", "sync_folder", "unlink", "sync")),
        error=st.sampled_from((errno.ENOSPC, errno.EIO, errno.EINTR, SHORT, LIE)),
        times=st.sampled_from((1, 2, None)),
        after=st.integers(0, 3),
    )
    def fail(self, name, error, times, after):
        if error not in (SHORT, LIE) or name == "write":
            self.files.fail(name, error, times=times, after=after)

    @rule()
    def heal(self):
        self.files.heal()

    @rule()
    def sync(self):
        if self.writer.sync():
            assert self.writer.synced_seq == self.writer.seq

    @rule()
    def look(self):
        """A reader goes on from where it was, and another one sees the same."""
        for block in self.journal.blocks(self.end, alive=not self.closed):
            assert all(gap.harmless for gap in block.gaps)
            self.read += [event.step for event in block.events]
            assert [event.seq for event in block.events] == list(
                range(self.end.seq + 1, self.end.seq + 1 + len(block.events))
            )
            self.end = block.end
        assert self.read == self.kept
        self.look_afresh()

    @precondition(lambda self: not self.closed)
    @rule(crash=st.booleans())
    def leave(self, crash):
        assert self.journal.alive()
        self.writer.abandon() if crash else self.writer.close()
        assert not self.journal.alive()
        self.closed = True

    def look_afresh(self):
        """Another reader, that begins at the start. What it finds wrong stays there to be found."""
        blocks = self.journal.blocks(alive=not self.closed)
        events = [event for block in blocks for event in block.events]
        assert [event.step for event in events] == self.kept
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert self.writer.dropped[LOG] == self.dropped
        assert not self.files.unsynced_writes

    def teardown(self):
        try:
            self.look_afresh()
        finally:
            self.writer.abandon()
            shutil.rmtree(self.folder)


JournalMachine.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=50, deadline=None, print_blob=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
test_writer_crash_and_reader_agree_with_a_list = JournalMachine.TestCase
