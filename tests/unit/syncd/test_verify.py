"""Equal means: all that was recorded is there, once, with the status and end it was told."""

from __future__ import annotations

import pytest

from syncd.catalog import Entry
from syncd.removed import Removed
from syncd.sinks import Rejected
from syncd.verified import Marks
from syncd.verify import Reading, verify
from tests.unit.syncd.platform import ARTIFACT, CONFIG, LOG, Place, finish
from tracker.artifacts import Blobs
from tracker.artifacts import keep as keep_artifact
from tracker.settings import RemoteSettings


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.ledger.close()


def report(place):
    store = place.store
    settings = place.settings.remotes.get("lab") or RemoteSettings("memory", "memory:")
    reading = Reading(
        place.sink, place.ledger, "lab", "lab", settings, Blobs(store.blobs), Marks(store),
        Removed(store),
    )  # fmt: skip
    return verify(reading, Entry(place.run_id, place.folder, 0))


def keep(place, tmp_path, writer):
    """An artifact of one file, whose name the platform maps."""
    folder = tmp_path / "made"
    folder.mkdir(exist_ok=True)
    (folder / "a#b.bin").write_bytes(b"weights")
    kept = keep_artifact(Blobs(place.store.blobs), folder, "net")
    writer.append(ARTIFACT, "net", "file", kept.manifest, kept.files, kept.size)


def test_a_run_that_is_there_whole_is_equal(place, tmp_path):
    """A file too whose name the platform maps."""
    writer = place.writer()
    writer.append(CONFIG, {"lr": 1})
    writer.append(LOG, 0, {"a": 1.0})
    keep(place, tmp_path, writer)
    finish(writer)
    place.visit()
    found = report(place)
    assert found.equal, found.differences
    assert (found.points_local, found.points_remote, found.params_local) == (1, 1, 1)
    assert "net/a#b.bin" in [check.path for check in found.artifacts]


def test_what_waits_is_counted_and_makes_a_difference(place, tmp_path):
    writer = place.writer()
    writer.append(LOG, 0, {"a": 1.0})
    writer.sync()
    place.visit()
    assert report(place).equal
    writer.append(LOG, 1, {"a": 2.0, "b": 3.0})
    keep(place, tmp_path, writer)
    found = report(place)
    assert found.differences == ["not delivered yet: 2 events, 1 files; deliver: syncd once"]
    assert (found.points_local, found.points_remote) == (3, 1)
    assert [check.equal for check in found.artifacts] == [False]
    writer.close()


def test_files_that_wait_or_are_parked_make_a_difference(place, tmp_path):
    writer = place.writer()
    keep(place, tmp_path, writer)
    finish(writer)
    turns = iter([True, True, False])
    place.visit(go_on=lambda: next(turns))
    assert report(place).differences[0].startswith("not delivered yet: 0 events, 1 files")
    place.sink.put_error = Rejected("no proxy")
    place.visit()
    found = report(place)
    assert found.differences == ["2 entries are parked: syncd status, syncd retry"]


@pytest.mark.parametrize(("name", "value"), [("status", "killed"), ("ended_at", 5_000_000)])
def test_another_status_or_end_is_a_difference(place, name, value):
    finish(place.writer())
    place.visit()
    assert report(place).equal
    setattr(place.sink, name, value)
    [difference] = report(place).differences
    assert difference.startswith(name.split("_")[0].removesuffix("ed"))


def test_the_end_that_a_resumed_run_had_before_is_of_no_meaning(place):
    finish(place.writer())
    place.visit()
    resumed = place.writer()
    resumed.sync()
    place.visit()
    assert place.sink.status == "running"
    place.sink.ended_at = 5_000_000
    assert report(place).equal
    resumed.close()


def finished(place):
    """A finished run of one point, delivered."""
    writer = place.writer()
    writer.append(LOG, 0, {"a": 1.0})
    finish(writer)
    place.visit()
    return writer


def mark(place):
    """What says that the run is whole at the remote."""
    return Marks(place.store).read(place.folder.name, "memory", "memory:")


def test_a_run_that_ended_and_is_whole_is_marked_until_a_difference_is_found(place):
    writer = finished(place)
    assert mark(place) is None
    found = report(place)
    assert (found.verified_at, found.incomplete) == (mark(place).at, [])
    assert (mark(place).cursors, mark(place).counts["points"]) == ({writer.id: 3}, 1)
    assert list(mark(place).files) == ["tracker/run.json"]
    place.sink.files.clear()
    assert not report(place).equal
    assert mark(place) is None


def test_a_run_that_goes_on_is_equal_and_not_marked(place):
    writer = place.writer()
    writer.sync()
    place.visit()
    found = report(place)
    assert (found.equal, found.incomplete) == (True, ["it is being recorded"])
    assert mark(place) is None
    writer.close()


def test_a_run_whose_documents_are_not_there_is_not_marked(place):
    """They alone hold its texts."""
    finish(place.writer())
    turns = iter([True, True, False])
    place.visit(go_on=lambda: next(turns))
    found = report(place)
    assert "its documents are not there yet: syncd once" in found.incomplete
    assert mark(place) is None


def test_journals_that_are_not_what_was_verified_are_a_difference(place):
    """The digest of their events is made again, from whatever is there."""
    writer = finished(place)
    assert report(place).equal
    known = mark(place)
    known.events[writer.id] = "0" * 64
    Marks(place.store).write(place.folder.name, known)
    [difference] = report(place).differences
    assert difference.startswith(f"journal {writer.id}: its events here are not those")


def test_a_journal_that_is_not_here_and_was_not_removed_makes_it_incomplete(place):
    """Another copy of the store knows more than this one."""
    finished(place)
    place.sink.cursors.events["another"] = 5
    place.reopen(lose=True)
    place.visit()
    found = report(place)
    assert "journals that were delivered are not in this copy of the store" in found.incomplete
    assert mark(place) is None
