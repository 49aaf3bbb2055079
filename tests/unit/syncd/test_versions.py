"""A version of an artifact goes as one where the remote takes it so, with what was said of it."""

from __future__ import annotations

import threading

import pytest

from syncd import puts
from syncd.sinks import Note, Retryable
from tests.unit.syncd.platform import ARTIFACT, Memory, Place
from tracker.artifacts import Blobs, keep
from tracker.events import OF_ARTIFACT

MEDIA = 26


class Shelf(Memory):
    """Takes versions whole, unless they are of the type "file"."""

    def __init__(self):
        super().__init__()
        self.versions = []
        self.trouble = None

    def version(self, remote_run, version):  # noqa: ARG002 - the contract's
        if self.trouble:
            raise self.trouble
        if version.type == "file":
            return None
        self.versions.append(version)
        for file in version.files:
            self.files[file.path] = b"".join(file.pieces(1 << 20))
        return [Note("mapped", version.name, f"v{len(self.versions)} {version.aliases}")]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A visit waits until what it began to put has landed."""
    monkeypatch.setattr(puts, "_AT_ONCE_S", 30.0)
    made = Place(tmp_path, Shelf(), slow_retry_s=300.0)
    yield made
    made.ledger.close()


def log(place, writer, name="net", kind="model", content="1"):
    """Log an artifact of two files; returns its manifest's digest."""
    source = place.store.root.parent / f"source-{name}-{content}"
    source.mkdir(exist_ok=True)
    for file in ("a", "b"):
        (source / file).write_text(f"{file} {content}")
    kept = keep(Blobs(place.store.blobs), source, name)
    writer.append(ARTIFACT, name, kind, kept.manifest, kept.files, kept.size)
    writer.sync()
    return kept.manifest


def say(writer, manifest, **said):
    """Say something of a version, as the face of wandb does."""
    writer.append(MEDIA, 0, "net", OF_ARTIFACT, [], {"manifest": manifest, "type": "model", **said})
    writer.sync()


def notes(place):
    return [note[2] for note in place.ledger.receipt("lab", place.run_id)["notes"]]


def test_a_version_goes_whole_and_once(place):
    """Its files have receipts as if each had been put, and the receipt says what it is there."""
    writer = place.writer()
    manifest = log(place, writer)
    place.visit()
    log(place, writer)  # the same again
    place.visit()
    [version] = place.sink.versions
    assert (version.name, version.type, version.manifest) == ("net", "model", manifest)
    assert [file.path for file in version.files] == ["net/a", "net/b"]
    assert place.ledger.files("lab", place.run_id) == {f.path: f.digest for f in version.files}
    assert notes(place) == ["v1 ()"]
    assert "put" not in place.sink.calls
    assert place.ledger.artifacts(place.record) == []
    assert place.sink.cursors.files[writer.id] == 3


def test_what_is_said_of_it_goes_behind_it(place):
    """In one visit or later; after the loss of syncd.db it is not said again."""
    writer = place.writer()
    first, second = log(place, writer), log(place, writer, content="2")
    say(writer, first, aliases=["best"], metadata={"f1": 1}, description="d", tags=["t"])
    say(writer, second, aliases=[], metadata={}, description=None)
    place.visit()
    say(writer, second, aliases=["best", 7])
    say(writer, "none", aliases=["best"])
    writer.append(MEDIA, 0, "net", OF_ARTIFACT, [], {"used": "net:v0", "manifest": first})
    writer.sync()
    place.visit()
    found = [(v.manifest, v.aliases, dict(v.metadata), v.description) for v in place.sink.versions]
    assert found == [
        (first, (), {}, ""), (second, (), {}, ""), (first, ("best",), {"f1": 1}, "d"),
        (second, ("best",), {}, ""),
    ]  # fmt: skip
    assert place.sink.versions[1].folder == f"net.{second[:8]}"
    place.reopen(lose=True)
    place.visit()
    assert len(place.sink.versions) == 4


def test_what_the_remote_does_not_take_as_one_goes_by_file(place):
    """Once it has said so; nothing is asked again for the files that are left."""
    writer = place.writer()
    log(place, writer, kind="file")
    place.visit()
    assert {"net/a", "net/b"} <= place.sink.files.keys()
    assert place.sink.calls.count("put") == 2
    assert place.sink.versions == []


def test_trouble_with_a_version_leaves_the_events_alone(place):
    """It waits for another try, with what was said of it, also in a new syncd."""
    writer = place.writer()
    place.sink.trouble = Retryable("busy")
    say(writer, log(place, writer), aliases=["best"])
    assert place.visit().trouble == "busy"
    assert len(place.sink.acknowledged) == 3
    place.sink.trouble = None
    place.reopen()
    place.visit()
    assert [version.aliases for version in place.sink.versions] == [(), ("best",)]


def test_a_stop_leaves_the_version_for_later(place):
    """What was not begun is neither done nor put by file."""
    writer = place.writer()
    say(writer, log(place, writer), aliases=["best"])
    stop = threading.Event()
    place.delivery.puts._stop = stop
    stop.set()
    place.visit(go_on=iter([True] * 4 + [False] * 99).__next__)
    stop.clear()
    place.visit()
    assert [version.aliases for version in place.sink.versions] == [(), ("best",)]
    assert place.sink.files.keys() == {"net/a", "net/b"}


def test_content_that_is_not_here_parks_the_version(place):
    """With its name and the reason; `syncd retry` delivers it once the content is there."""
    writer = place.writer()
    say(writer, log(place, writer), aliases=["best"])
    blobs = Blobs(place.store.blobs)
    path = next(path for blob in blobs if (path := blobs.path(blob)).read_bytes() == b"a 1")
    content = path.read_bytes()
    path.unlink()
    place.visit()
    parked = place.ledger.parked("lab", place.run_id)
    assert [row["what"] for row in parked] == ["artifact net", "artifact net"]
    path.write_bytes(content)
    place.delivery.retry_parked(place.run_id, place.folder)
    place.visit()
    assert [version.aliases for version in place.sink.versions] == [(), ("best",)]
    assert place.ledger.parked("lab", place.run_id) == []
