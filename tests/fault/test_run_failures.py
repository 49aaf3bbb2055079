"""Storage fails under a run: training never notices, and what was not kept is counted exactly."""

from __future__ import annotations

import errno
import itertools
import time

import pytest

import tracker
from tests.doubles.failing_files import CALLS, ERRORS, LIE, SHORT, FailingFiles
from tracker import recording
from tracker.events import Finish, Log
from tracker.journal import Writer, journals
from tracker.journal import writer as writer_module


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Every writer of this test uses these."""
    made = FailingFiles()

    def writer(*args, **options):
        return Writer(*args, **(options | {"files": made, "sync_interval_s": 3600}))

    monkeypatch.setattr(recording, "Writer", writer)
    monkeypatch.setattr(recording, "REOPEN_INTERVAL_S", 0.0)
    monkeypatch.setattr(writer_module, "RETRY_INTERVAL_S", 0.0)
    monkeypatch.setenv("TRACKER_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("TRACKER_SILENT", "1")
    monkeypatch.setenv("TRACKER_SEGMENT_BYTES", "800")
    return made


def read(run):
    """Values and the Finish that stand in a run's journals; their numbers have no holes."""
    events = []
    for journal in journals(run.store.run(run.id)):
        found = list(journal.events())
        assert [event.seq for event in found] == list(range(1, len(found) + 1))
        events += found
    values = [event.values["v"] for event in events if isinstance(event, Log)]
    return values, [event for event in events if isinstance(event, Finish)]


FAILURES = [*itertools.product(CALLS, ERRORS), ("write", SHORT), ("write", LIE)]


@pytest.mark.parametrize(("name", "error"), FAILURES)
def test_no_exception_leaves_log_and_kept_and_dropped_are_all_calls(files, name, error):
    for times, after in itertools.product((1, None), range(3)):
        run = tracker.init("p")
        for value in range(10):
            run.log({"v": value}, value)
        files.fail(name, error, times=times, after=after)
        for value in range(10, 40):
            run.log({"v": value}, value)
            if value % 8 == 0:
                run.flush()
        files.heal()
        for value in range(40, 50):
            run.log({"v": value}, value)
        run.finish()
        values, (finish,) = read(run)
        assert values == sorted(set(values))
        assert values[-10:] == list(range(40, 50))
        lost = finish.dropped.get("log calls", 0)
        assert len(values) + lost == 50
        if times == 1 and name != "sync":
            assert not lost
        assert not files.unsynced_writes


@pytest.mark.parametrize(("name", "error"), FAILURES)
def test_what_fails_from_init_to_finish_is_said_and_raises_nothing(files, name, error):
    files.fail(name, error)
    run = tracker.init("p", config={"a": 1})
    for value in range(20):
        run.log({"v": value}, value)
    run.flush()
    run.finish()
    files.heal()
    values, _ = read(run)
    assert len(values) + run._recording.dropped.get("log calls", 0) == 20


def test_the_end_is_kept_if_space_came_back_just_before_it(files, monkeypatch):
    monkeypatch.setattr(writer_module, "RETRY_INTERVAL_S", 3600.0)
    run = tracker.init("p")
    files.fail("write", errno.ENOSPC)
    run.log({"v": 1})
    files.heal()
    run.finish()
    values, (finish,) = read(run)
    assert values == []
    assert finish.dropped == {"log calls": 1}


def test_strict_raises_what_could_not_be_kept_once_each_call(files):
    run = tracker.init("p", strict=True)
    files.fail("write", errno.ENOSPC)
    for value in range(3):
        with pytest.raises(tracker.StoreError, match=r"takes no more .*No space left"):
            run.log({"v": value})
    with pytest.raises(tracker.StoreError):
        run.finish()
    files.heal()
    assert run._recording.dropped == {"log calls": 3, "finish": 1}
    assert read(run) == ([], [])


def test_after_a_refused_sync_flush_never_again_says_that_all_is_safe(files):
    """The new journal's sync goes well, but says nothing of what the old one holds."""
    run = tracker.init("p")
    run.log({"v": 1})
    files.fail("sync", errno.EIO, times=1)
    assert not run.flush()
    run.log({"v": 2})
    assert not run.flush()
    said = []
    run.notice.warn = lambda text, once=None: said.append((once, text))
    run.finish()
    assert "the disk refused to sync some events" in said[-1][1]
    assert read(run)[0] == [1, 2]


def test_recording_resumes_within_a_second_of_space_coming_back(files, monkeypatch):
    monkeypatch.setattr(writer_module, "RETRY_INTERVAL_S", 0.25)
    run = tracker.init("p")
    files.fail("write", errno.EDQUOT)
    run.log({"v": -1})
    files.heal()
    started = time.monotonic()
    while run._recording.kept == 1:
        run.log({"v": 1})
        assert time.monotonic() - started < 1
    run.finish()
