"""Only synced events are given out, and a dead writer's are synced before they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.cursors import Cursor
from syncd.sinks import Limits
from syncd.tail import Tail, backlog, oldest
from tests.unit.syncd.platform import LOG, Place, finish
from tracker.journal import Journal
from tracker.journal.files import Files

MUCH = Limits(points=10**6, bytes=10**9)


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.ledger.close()


def seqs(taken):
    return [item.event.seq for item, _ in taken]


def test_a_live_writer_gives_what_is_synced_and_no_more(place):
    writer = place.writer()
    writer.append(LOG, 0, {"a": 1.0})
    tail = Tail(place.folder, {})
    assert (tail.pending, tail.written, tail.ended) == (0, 2, False)
    assert tail.take(MUCH) == []
    assert writer.sync()
    writer.append(LOG, 1, {"a": 2.0})
    tail = Tail(place.folder, {})
    assert (tail.pending, tail.written) == (2, 3)
    assert seqs(tail.take(MUCH)) == [1, 2]
    writer.close()


def test_a_dead_writer_is_synced_before_a_byte_of_it_is_read(place, monkeypatch):
    """Every segment and the folder: after a power cut nothing that was shipped may be missing."""
    writer = place.writer(segment_bytes=4096)
    for step in range(400):
        writer.append(LOG, step, {"a": float(step)})
    writer.close(final=False)
    calls = []

    def sync(fd):
        calls.append(("sync", Path(f"/proc/self/fd/{fd}").readlink().name))

    def written(self, start, real=Journal.written):
        calls.append(("read", self.writer_id))
        return real(self, start)

    monkeypatch.setattr(Files, "sync", staticmethod(sync))
    monkeypatch.setattr(Files, "sync_folder", staticmethod(lambda _: calls.append(("folder", ""))))
    monkeypatch.setattr(Journal, "written", written)
    tail = Tail(place.folder, {})
    segments = sorted(path.name for path in place.folder.glob("*.seg"))
    assert len(segments) > 2
    assert [name for call, name in calls if call == "sync"] == segments
    assert calls[len(segments)][0] == "folder"
    assert [call for call, _ in calls if call == "read"] == ["read"] == [calls[-1][0]]
    assert tail.pending == 401


def test_batches_keep_to_their_limits_and_an_event_larger_than_one_goes_alone(place):
    writer = place.writer()
    for step in range(6):
        writer.append(LOG, step, {f"k{n}": 0.5 for n in range(4 if step != 3 else 50)})
    finish(writer)
    tail, sizes = Tail(place.folder, {}), []
    while taken := tail.take(Limits(points=10, bytes=10**6)):
        tail.cursors = {writer.id: Cursor(taken[-1][0].event.seq)}
        sizes.append(len(taken))
    assert sizes == [3, 1, 1, 3]


def test_a_batch_is_taken_again_just_as_it_was(place):
    """Also where more was written since: its ranges say what is in it."""
    first, second = place.writer(), place.writer()
    for step in range(5):
        first.append(LOG, step, {"a": 1.0})
        second.append(LOG, step, {"b": 1.0})
    for writer in (first, second):
        writer.sync()
    tail = Tail(place.folder, {})
    taken = tail.take(Limits(points=8, bytes=10**6))
    ranges = [(first.id, 1, 6), (second.id, 1, 4)]
    for writer in (first, second):
        writer.append(LOG, 9, {"c": 1.0})
        finish(writer)
    again = Tail(place.folder, {}).retake(ranges)
    assert [item for item, _ in again] == [item for item, _ in taken]


def test_reading_goes_on_from_a_hint_and_not_from_the_start(place, monkeypatch):
    writer = place.writer(segment_bytes=20_000)
    for step in range(2000):
        writer.append(LOG, step, {"a": 1.0})
    finish(writer)
    taken = Tail(place.folder, {}).take(MUCH)
    item, hint = taken[-1]
    read = []
    real = Journal.path

    def path(self, segment):
        read.append(segment)
        return real(self, segment)

    monkeypatch.setattr(Journal, "path", path)
    monkeypatch.setattr(Journal, "make_durable", lambda _: None)
    tail = Tail(place.folder, {writer.id: Cursor(item.event.seq - 1, 0, hint)})
    assert seqs(tail.take(MUCH)) == [item.event.seq]
    assert set(read) - {1} == {n for n in set(read) if n >= hint.segment} - {1}


def test_a_cursor_beyond_what_is_here_tells_of_a_copy_that_knows_more(place):
    writer = place.writer()
    finish(writer)
    assert Tail(place.folder, {writer.id: Cursor(2)}).elsewhere == 0
    assert Tail(place.folder, {writer.id: Cursor(3)}).elsewhere == 1
    assert Tail(place.folder, {writer.id: Cursor(2), "another": Cursor(7)}).elsewhere == 7


def test_backlog_counts_events_and_bytes_beyond_the_cursors(place):
    writer = place.writer()
    for step in range(9):
        writer.append(LOG, step, {"a": 1.0})
    finish(writer)
    events, size = backlog(place.folder, {})
    assert events == 11
    assert size == sum(path.stat().st_size for path in place.folder.glob("*.seg"))
    assert backlog(place.folder, {writer.id: Cursor(11)}) == (0, 0)


def test_the_oldest_event_beyond_the_cursors_tells_since_when_a_run_waits(place):
    for _ in range(2):
        writer = place.writer()
        writer.append(LOG, 0, {"a": 1.0})
        finish(writer)
    written = {item.writer_id: [] for item, _ in Tail(place.folder, {}).take(MUCH)}
    for item, _ in Tail(place.folder, {}).take(MUCH):
        written[item.writer_id].append(item.event.time)
    first, second = written
    assert oldest(place.folder, {}) == written[first][0]
    assert oldest(place.folder, {first: Cursor(3), second: Cursor(1)}) == written[second][1]
    assert oldest(place.folder, {first: Cursor(3), second: Cursor(3)}) is None
