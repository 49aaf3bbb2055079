"""What the engine tells of a run, and when."""

from __future__ import annotations

import threading

import pytest

from syncd.delivery import Delivery
from syncd.sinks import Refused, Rejected, Retryable
from syncd.telemetry import Where
from tests.unit.syncd.platform import ARTIFACT, LOG, Place, finish
from tests.unit.syncd.telemetry.watching import Remembering
from tracker.artifacts import Blobs, keep
from tracker.settings import RemoteSettings

LANE = Where("lab", "memory", "0" * 31 + "1", "project")


class Watched(Place):
    """A place whose delivery is watched."""

    def open(self):
        super().open()
        self.observer = Remembering()
        self.delivery = Delivery(
            self.store, self.sink, "lab", self.ledger, settings=self.settings,
            stop=threading.Event(), observer=self.observer,
        )  # fmt: skip

    def told(self):
        found, self.observer.told = self.observer.told, []
        return found


@pytest.fixture
def place(tmp_path):
    made = Watched(tmp_path)
    yield made
    made.ledger.close()


def with_artifact(place, tmp_path, kind="model"):
    writer = place.writer()
    writer.append(LOG, 0, {"a": 1.0})
    (tmp_path / "net.bin").write_bytes(b"weights")
    kept = keep(Blobs(place.store.blobs), tmp_path / "net.bin", "net")
    writer.append(ARTIFACT, "net", kind, kept.manifest, kept.files, kept.size)
    finish(writer)


def test_a_run_tells_its_way_in_order(place, tmp_path):
    with_artifact(place, tmp_path)
    place.visit()
    told = place.told()
    assert [name for name, _, _ in told] == [
        "run_started", "metrics_logged", "artifact_cached", "artifact_uploaded",
    ]  # fmt: skip
    assert all(where == LANE for _, where, _ in told)
    _, batch, artifact, file = (facts for _, _, facts in told)
    assert batch["counts"] == {"points": 4, "events": 4}
    assert batch["ms"] >= 0
    assert artifact == {"artifact": "net", "type": "model", "files": 1, "bytes": 7}
    assert (file["path"], file["bytes"]) == ("net/net.bin", 7)
    assert place.observer.spans == [("batch", LANE, {"batch": 1, "events": 4})]


def test_a_run_that_the_remote_holds_already_is_not_started_again(place):
    finish(place.writer())
    place.visit()
    place.reopen(lose=True)
    place.visit()
    assert "run_started" not in [name for name, _, _ in place.told()]


def test_a_lane_tells_once_that_it_goes_to_the_slow_schedule(place):
    finish(place.writer())
    place.sink.open_error = Retryable("the remote is away")
    for _ in range(3):
        place.visit()
    [(name, where, facts)] = place.told()
    assert (name, where, facts["error"]) == ("sync_delayed", LANE, "the remote is away")
    assert facts["next_try_s"] > 0


def test_a_lane_that_failed_again_after_a_success_tells_it_again(place):
    finish(place.writer())
    place.sink.answers = [Retryable("lost")] * 3 + [None] + [Retryable("lost")] * 3
    for step in range(3):
        place.visit()
        writer = place.writer()
        writer.append(LOG, step, {"a": 1.0})
        writer.close()
    assert [name for name, _, _ in place.told()][:4] == [
        "run_started", "sync_delayed", "metrics_logged", "sync_delayed",
    ]  # fmt: skip


def test_what_is_refused_for_good_is_told_once_a_call(place, tmp_path):
    """Entries of a batch, an artifact whose content is not here, and the documents."""
    with_artifact(place, tmp_path)
    refused = [Refused("w", seq, f"point {seq}", "no") for seq in (2, 3)]
    place.sink.answers = [Rejected("no", refused)]
    for blob in place.store.blobs.rglob("*"):
        if blob.is_file() and blob.read_bytes() == b"weights":
            blob.unlink()
    place.sink.put_error = Rejected("no documents")
    place.visit()
    failed = [facts for name, _, facts in place.told() if name == "upload_failed"]
    assert failed[0] == {"what": "point 2", "error": "no", "entries": 2}
    assert [facts["what"] for facts in failed[1:]] == ["documents", "artifact net"]
    assert "is not in this store" in failed[2]["error"]


def test_the_oldest_pending_event_is_known_after_a_visit_that_failed(place, monkeypatch):
    """Of all journals, whichever came first; and forgotten once it is acknowledged."""
    for second in (1_700_000_000, 1_600_000_000):
        monkeypatch.setattr("tracker.journal.writer._now", lambda at=second: at * 10**9)
        finish(place.writer())
    place.sink.open_error = Retryable("away")
    place.visit()
    assert place.record.oldest == 1_600_000_000
    assert place.ledger.queues()["lab"].lanes == {"settled": 0, "delayed": 1, "open": 0}
    place.sink.open_error = None
    place.visit()
    assert place.record.oldest is None
    assert place.ledger.queues()["lab"].oldest is None


def test_what_the_policy_leaves_out_is_not_told(place, tmp_path):
    """An artifact that does not go there is not waiting for it."""
    place.settings.remotes["lab"] = RemoteSettings("memory", "memory:", exclude=["artifact:*"])
    place.open()
    with_artifact(place, tmp_path)
    place.visit()
    assert "artifact_cached" not in [name for name, _, _ in place.told()]
