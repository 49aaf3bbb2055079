"""Following reads each call once, from the end it was asked for, across segments and writers."""

from __future__ import annotations

from itertools import count

import pytest

from tracker.cli.following import Following
from tracker.events import Log
from tracker.journal import Writer

START, LOG, FINISH = 16, 17, 22
RUN = "0" * 32


@pytest.fixture
def folder(tmp_path):
    return tmp_path / RUN


@pytest.fixture
def open_writer(folder):
    """Make writers with tiny segments; closed after the test."""
    writers = []

    def make():
        writer = Writer(folder, RUN, segment_bytes=400, sync_interval_s=0.05)
        writer.append(START, "p", "n", None, None, None, {}, {}, False, None)
        writers.append(writer)
        return writer

    yield make
    for writer in writers:
        writer.close()


def steps(calls):
    return [call.event.step for call in calls]


@pytest.mark.parametrize("wanted", [0, 1, 5, 37, 100, 1000])
def test_the_last_calls_are_those_that_reading_everything_gives(folder, open_writer, wanted):
    writer = open_writer()
    for step in range(100):
        writer.append(LOG, step, {"x": step})
    assert len(list(folder.glob("*.seg"))) > 3

    assert steps(Following(folder).last(wanted)) == list(range(100))[100 - min(wanted, 100) :]


def test_more_gives_what_came_since_and_nothing_twice(folder, open_writer):
    writer = open_writer()
    numbers = count()
    following = Following(folder)
    seen = []
    for _ in range(30):
        for _ in range(7):
            writer.append(LOG, next(numbers), {"x": 1.0})
        seen += steps(following.more())
    assert seen == list(range(210))
    assert following.more() == []


def test_a_writer_that_comes_later_is_read_too(folder, open_writer):
    first = open_writer()
    first.append(LOG, 1, {"x": 1})
    following = Following(folder)
    assert steps(following.last(10)) == [1]
    second = open_writer()
    second.append(LOG, 2, {"x": 1})
    first.append(LOG, 3, {"x": 1})
    calls = following.more()
    assert steps(calls) == [2, 3]
    assert calls[0].writer_id != calls[1].writer_id
    assert all(isinstance(call.event, Log) for call in calls)


def test_the_end_is_seen(folder, open_writer):
    writer = open_writer()
    following = Following(folder)
    following.more()
    assert (following.finish_seen, following.alive()) == (False, True)
    writer.append(FINISH, "finished", 0, None, {})
    writer.close()
    following.more()
    assert (following.finish_seen, following.alive()) == (True, False)


def test_a_folder_that_is_not_there_is_empty(folder):
    assert Following(folder).last(3) == []
    assert not Following(folder).alive()
