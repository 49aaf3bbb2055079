"""Files are put beside the visits: events never wait for them, and what was cut is put again."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest

from syncd import puts, remotes
from syncd.daemon import Daemon
from syncd.sinks import Cursors, Rejected, Retryable, Unauthorized
from tests.fault.delivering import wait_for
from tests.unit.syncd.platform import ARTIFACT, LOG, Memory, Place, finish
from tracker.artifacts import Blobs, keep
from tracker.settings import RemoteSettings, add_remote, load

LIMIT_S = 20.0


class Slow(Memory):
    """Takes a file only once the test lets it; knows nothing of what it holds."""

    def __init__(self):
        super().__init__()
        self.begun = threading.Event()
        self.let = threading.Event()

    def position(self, remote_run):  # noqa: ARG002 - the contract's
        return Cursors()

    def put(self, remote_run, file):
        if not file.path.startswith("tracker/"):
            self.begun.set()
            assert self.let.wait(LIMIT_S)
        super().put(remote_run, file)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(puts, "_AT_ONCE_S", 0.0)
    made = Place(tmp_path, Slow(), slow_retry_s=300.0, retry_most_s=100.0)
    made.settings.retry_first_s = 0.001
    yield made
    made.sink.let.set()
    made.ledger.close()


def artifact(place, writer, name, kind="model", files=1):
    """An artifact of a run, its content in the store."""
    source = place.store.root.parent / f"source-{name}"
    source.mkdir()
    for number in range(files):
        (source / f"f{number}").write_text(f"{name} {number}")
    kept = keep(Blobs(place.store.blobs), source, name)
    writer.append(ARTIFACT, name, kind, kept.manifest, kept.files, kept.size)
    writer.sync()


def landed(place):
    wait_for("the files", lambda: not place.delivery.puts.flying(place.run_id), LIMIT_S)


def test_events_go_while_a_file_of_their_run_is_put(place):
    """However long it takes; what was put is written down by the visit after."""
    writer = place.writer()
    artifact(place, writer, "net")
    assert place.visit().putting
    assert place.sink.begun.wait(LIMIT_S)
    writer.append(LOG, 1, {"a": 1.0})
    writer.sync()
    outcome = place.visit()
    assert (outcome.putting, outcome.error, place.record.pending) == (True, None, 0)
    assert [item.event.seq for item in place.sink.acknowledged] == [1, 2, 3]
    assert "net/f0" not in place.sink.files
    place.sink.let.set()
    landed(place)
    assert not place.visit().putting
    assert "net/f0" in place.sink.files
    assert place.sink.cursors.files[writer.id] == 3
    assert place.ledger.artifacts(place.record) == []


def test_a_run_is_told_finished_only_when_its_files_are_there(place):
    writer = place.writer()
    artifact(place, writer, "net")
    finish(writer)
    assert place.visit().putting
    assert "tracker/run.json" in place.sink.files, "the texts and the truth go before artifacts"
    assert place.sink.status is None
    place.sink.let.set()
    landed(place)
    place.visit()
    assert place.sink.status == "finished"


def test_media_goes_before_what_was_kept_earlier(place):
    place.sink.let.set()
    writer = place.writer()
    artifact(place, writer, "net")
    artifact(place, writer, "picture", kind="image")
    finish(writer)
    wait_for("all", lambda: place.visit().error is None and place.sink.status, LIMIT_S)
    assert [path for path in place.sink.files if "/f" in path] == ["picture/f0", "net/f0"]
    assert place.record.cursors[writer.id].files == 4


def test_files_that_cannot_be_put_wait_alone(place):
    """Their slow schedule is their own: the run's events go on, and a person can hurry them."""
    place.sink.let.set()
    place.sink.put_error = Retryable("the disk of the artifacts is away")
    writer = place.writer()
    artifact(place, writer, "net")
    seen = []
    wait_for("the refusal", lambda: seen.append(place.visit()) or seen[-1].trouble)
    assert (seen[-1].error, seen[-1].reached, seen[-1].putting) == (None, False, False)
    assert place.record.error == "the disk of the artifacts is away"
    writer.append(LOG, 1, {"a": 1.0})
    writer.sync()
    asked = place.sink.calls.count("put")
    outcome = place.visit(hurry=False, waited_s=10.0)
    assert (outcome.reached, place.record.pending) == (True, 0)
    assert place.sink.calls.count("put") == asked
    place.sink.put_error = None
    place.visit(hurry=True)
    landed(place)
    place.visit()
    assert (place.record.error, "net/f0" in place.sink.files) == (None, True)


def test_a_refused_file_parks_its_artifact_and_no_other(place):
    """Also where one of a higher rank came while it was being put."""
    writer = place.writer()
    artifact(place, writer, "net")
    place.visit()
    assert place.sink.begun.wait(LIMIT_S)
    artifact(place, writer, "picture", kind="image")
    place.visit()
    place.sink.put_error = Rejected("no")
    place.sink.let.set()
    landed(place)
    place.sink.put_error = None
    place.visit()
    landed(place)
    place.visit()
    assert [row["what"] for row in place.ledger.parked()] == ["artifact net"]
    assert "picture/f0" in place.sink.files


def test_refused_credentials_at_a_file_stop_the_remote(place):
    place.sink.let.set()
    place.sink.put_error = Unauthorized("401")
    artifact(place, place.writer(), "net")
    with pytest.raises(Unauthorized):
        wait_for("the refusal", lambda: place.visit() is None, LIMIT_S)


def test_files_that_a_crash_cut_off_are_put_again(place):
    writer = place.writer()
    artifact(place, writer, "net", files=3)
    finish(writer)
    place.visit()
    assert place.sink.begun.wait(LIMIT_S)
    place.reopen()
    place.sink.let.set()
    wait_for("all", lambda: place.visit().error is None and place.sink.status, LIMIT_S)
    assert sorted(path for path in place.sink.files if "/f" in path) == [
        "net/f0",
        "net/f1",
        "net/f2",
    ]


def test_files_wait_for_their_hours_and_events_do_not(tmp_path):
    """A person who names the run need not wait."""
    hour = datetime.now().astimezone().hour
    later = f"{(hour + 2) % 24:02}:00-{(hour + 3) % 24:02}:00"
    remote = RemoteSettings("memory", "memory:", file_hours=[later])
    place = Place(tmp_path, remotes={"lab": remote})
    writer = place.writer()
    artifact(place, writer, "net")
    finish(writer)
    outcome = place.visit()
    assert (outcome.error, place.record.pending, place.sink.status) == (None, 0, None)
    assert "net/f0" not in place.sink.files
    place.delivery.always = True
    place.visit()
    landed(place)
    place.visit()
    assert ("net/f0" in place.sink.files, place.sink.status) == (True, "finished")
    place.ledger.close()


def test_a_pass_that_is_stopped_says_which_runs_wait_for_their_files(tmp_path, monkeypatch):
    """Though all their events are there; it does not wait for the files."""
    sink = Slow()
    monkeypatch.setattr(remotes, "make", lambda _: sink)
    place = Place(tmp_path, sink)
    add_remote(place.store, "lab", RemoteSettings("memory", "memory:lab"))
    writer = place.writer()
    artifact(place, writer, "net")
    finish(writer)
    place.ledger.close()
    with Daemon(place.store, load(place.store)) as daemon:
        late = puts._AT_ONCE_S + 0.5  # the visit has left
        stopping = threading.Timer(late, lambda: sink.begun.wait(LIMIT_S) and daemon.stop())
        stopping.start()
        results = daemon.once()
        stopping.join(LIMIT_S)
        assert daemon.stuck
    assert not sink.let.is_set()
    assert list(results["lab"].errors) == [place.run_id]
    sink.let.set()


def test_one_pass_sends_the_events_of_all_runs_before_it_waits_for_files(tmp_path, monkeypatch):
    """With files of several runs on their way, more than there are workers."""
    sink = Slow()
    monkeypatch.setattr(remotes, "make", lambda _: sink)
    place = Place(tmp_path, sink)
    add_remote(place.store, "lab", RemoteSettings("memory", "memory:lab"))
    for number in range(5):
        place.run_id = f"{number:032x}"
        place.folder = place.store.run(place.run_id)
        writer = place.writer()
        artifact(place, writer, f"net{number}")
        finish(writer)
    place.ledger.close()
    with Daemon(place.store, load(place.store)) as daemon:
        results = []
        passing = threading.Thread(target=lambda: results.append(daemon.once()))
        passing.start()
        wait_for("all events", lambda: len(sink.acknowledged) == 15, LIMIT_S)
        assert not [path for path in sink.files if "/f" in path]
        sink.let.set()
        passing.join(LIMIT_S)
    assert results[0]["lab"].errors == {}
    assert len([path for path in sink.files if "/f" in path]) == 5
    assert sink.calls.count("finish finished") == 5
