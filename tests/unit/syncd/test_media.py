"""Media are put as files, each once; many small ones cost one note; damage parks itself alone."""

from __future__ import annotations

import hashlib
import json

import pytest

from syncd import documents, puts
from syncd.policy import LEFT_OUT, Policy
from syncd.receipts import Pending
from syncd.sinks import Rejected
from syncd.trash import Trash
from syncd.unreferenced import Unreferenced
from tests.unit.syncd.platform import Place, finish
from tests.unit.syncd.test_verify import report
from tracker.artifacts import Blobs
from tracker.events import Console, Media, System
from tracker.settings import RemoteSettings

SYSTEM, CONSOLE, MEDIA = 24, 25, 26


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A visit waits until the files that it began to put have landed."""
    monkeypatch.setattr(puts, "_AT_ONCE_S", 30.0)


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.ledger.close()


def image(writer, step, content=None, key="eval/image"):
    """A small image, packed; returns where it goes."""
    content = b"png %d" % step if content is None else content
    digest = hashlib.sha256(content).hexdigest()
    file = ("i.png", digest, len(content), *writer.place(content))
    writer.append(MEDIA, step, key, "image", [file], {})
    return f"media/{key}/{step}-0-{digest[:8]}-i.png"


def pack(place, writer):
    return place.folder / f"{writer.id}-000001.pack"


def media(place):
    return {path for path in place.sink.files if path.startswith("media/")}


def test_files_large_and_small_are_there_once_and_verified(place):
    writer = place.writer()
    small = image(writer, 3)
    blob = Blobs(place.store.blobs).put_bytes(b"l" * 300_000)
    writer.append(MEDIA, 4, "#odd", "video", [("v.mp4", *blob), ("w.mp4", *blob)], {"a": 1})
    writer.append(MEDIA, 5, "hist", "histogram", [], {"bins": [1]})
    finish(writer)
    place.visit()
    odd = [f"media/_odd/4-{n}-{blob.digest[:8]}-{'vw'[n]}.mp4" for n in (0, 1)]
    assert media(place) == {small, *odd}
    assert place.sink.files[small] == b"png 3"
    assert place.sink.calls.count("put") == 3 + 2
    found = report(place)
    assert found.equal, found.differences
    place.sink.files[small] = b"other"
    assert "file media/eval/image" in report(place).differences[0]


def test_many_small_files_are_one_note_and_one_cursor(place, monkeypatch):
    """Of 200 images of a batch there is one row, and the remote's cursor moves once."""
    notes = []
    real = place.ledger.acknowledge
    monkeypatch.setattr(
        place.ledger, "acknowledge", lambda r, c, n, artifacts, f: (
            notes.extend(artifacts), real(r, c, n, artifacts, f),
        ),
    )  # fmt: skip
    writer = place.writer()
    for step in range(200):
        image(writer, step)
    finish(writer)
    place.visit()
    assert len(media(place)) == 200
    assert [type(note) for note in notes] == [Pending]
    assert place.sink.calls.count("keep") == 1
    assert place.sink.cursors.files[writer.id] == 202


@pytest.mark.parametrize("delivered", [0, 7, 20])
def test_after_the_loss_of_syncd_db_nothing_is_there_twice_and_all_is_there(place, delivered):
    """What the cursor of files does not cover is put again over itself."""
    writer = place.writer()
    paths = {image(writer, step) for step in range(20)}
    taken = place.sink.put

    def put(run, file):
        if file.path.startswith("media/") and len(media(place)) >= delivered:
            raise Rejected("for now")
        taken(run, file)

    place.sink.put = put
    finish(writer)
    place.visit()
    assert len(media(place)) == delivered
    place.sink.put = taken
    place.reopen(lose=True)
    place.visit()
    assert media(place) == paths
    assert report(place).equal


def test_a_damaged_file_is_parked_by_name_and_the_others_go(place):
    writer = place.writer()
    paths = [image(writer, step, b"%03d" % step * 100) for step in range(9)]
    finish(writer)
    whole = pack(place, writer).read_bytes()
    bad = bytearray(whole)
    bad[8 + 4 * 300] ^= 1
    pack(place, writer).write_bytes(bad)
    place.visit()
    place.visit()
    assert media(place) == {*paths} - {paths[4]}
    (row,) = place.ledger.parked("lab", place.run_id)
    assert (row["what"], row["seq"]) == (f"artifact {paths[4]}", 6)
    assert "its bytes are damaged" in row["reason"]
    assert "1 entries are parked" in report(place).differences[0]
    pack(place, writer).write_bytes(whole)
    place.delivery.retry_parked(place.run_id, place.folder)
    place.visit()
    assert media(place) == {*paths}
    assert report(place).equal


def test_what_the_platform_refuses_is_parked_as_one_and_sent_again_whole(place):
    place.sink.put_error = Rejected("no files here")
    writer = place.writer()
    paths = {image(writer, step) for step in range(9)}
    finish(writer)
    place.visit()
    parked = [row["what"] for row in place.ledger.parked("lab", place.run_id)]
    assert set(parked) == {"artifact media, 9 events up to 10", "documents"}
    place.sink.put_error = None
    place.delivery.retry_parked(place.run_id, place.folder)
    place.visit()
    assert media(place) == paths
    assert report(place).equal


def test_patterns_choose_among_them():
    policy = Policy(exclude=["media:eval/*", "system:gpu*", "console:stderr"])
    image_event = Media(1, 0, 0, "eval/a", "image", [])
    assert policy.cut(image_event).event is None
    assert policy.cut(Media(1, 0, 0, "train/a", "image", [])).event is not None
    cut = policy.cut(System(2, 0, {"cpu": 1.0, "gpu.0": 2.0}))
    assert (cut.event, cut.left_out) == (System(2, 0, {"cpu": 1.0}), 1)
    assert policy.cut(Console(3, 0, "stderr", "x")).left_out == 1
    assert policy.cut(Console(3, 0, "stdout", "x")).event is not None


def test_media_that_a_policy_leaves_out_are_not_put(tmp_path):
    remote = RemoteSettings("memory", "memory:", exclude=["media:b"])
    place = Place(tmp_path, remotes={"lab": remote})
    writer = place.writer()
    kept = image(writer, 1, key="a")
    image(writer, 2, key="b")
    finish(writer)
    place.visit()
    assert media(place) == {kept}
    assert place.ledger.receipt("lab", place.run_id)["counts"][LEFT_OUT] == 1
    assert report(place).equal
    place.ledger.close()


def test_console_and_media_are_documents_line_by_line(place):
    writer = place.writer()
    path = image(writer, 1)
    writer.append(CONSOLE, "stdout", "hello\n")
    writer.append(27, "wandb", "a/run", 5)
    writer.append(27, "wandb", "a/run", 9)
    finish(writer)
    with documents.written(place.folder, place.run_id, str, Policy()) as files:
        content = {file.path: file.source.read_text() for file in files}
    assert set(content) == {"tracker/run.json", "tracker/console.jsonl", "tracker/media.jsonl"}
    assert json.loads(content["tracker/console.jsonl"])[3:] == ["stdout", "hello\n"]
    line = json.loads(content["tracker/media.jsonl"])
    assert (line[3:6], line[7][0][0]) == ([1, "eval/image", "image"], path)
    told = json.loads(content["tracker/run.json"])
    assert told["sources"] == [{"tool": "wandb", "name": "a/run", "at": 9}]


def test_gc_keeps_the_blobs_of_media_and_removes_pack_files_with_their_run(place):
    writer = place.writer()
    image(writer, 1)
    blobs = Blobs(place.store.blobs)
    used, free = blobs.put_bytes(b"u" * 300_000), blobs.put_bytes(b"f" * 300_000)
    writer.append(MEDIA, 2, "k", "video", [("v.mp4", *used)], {})
    finish(writer)
    assert set(Unreferenced.of(place.store, []).digests) == {free.digest}
    assert set(Unreferenced.of(place.store, [place.folder]).digests) == {used.digest, free.digest}
    trash = Trash(place.store)
    trash.take(place.folder)
    trash.empty()
    assert not list(place.store.root.rglob("*.pack"))


def test_a_file_whose_event_names_nonsense_is_parked_and_the_others_go(place):
    """A store may come from anybody."""
    writer = place.writer()
    good = image(writer, 1)
    for number, digest in enumerate(("../../x", "", "a" * 64)):
        writer.append(MEDIA, number, "bad", "image", [("i.png", digest, -5, 0, 0)], {})
    writer.append(MEDIA, 9, "bad", "image", [("i.png", "b" * 64, -1, 1, -9)], {})
    last = image(writer, 2)
    finish(writer)
    for _ in range(6):
        place.visit()
    assert media(place) == {good, last}
    assert len(place.ledger.parked("lab", place.run_id)) == 4
    assert place.sink.status == "finished"
