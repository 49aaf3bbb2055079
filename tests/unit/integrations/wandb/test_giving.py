"""A run folder of W&B is written in constant memory, and what cannot be in it is said."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from wandb.proto.wandb_internal_pb2 import Record

import tracker
from tracker.integrations.wandb import framing
from tracker.integrations.wandb.giving import give
from tracker.query import Store


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Begin a run in a store of its own, with small segments."""
    monkeypatch.setenv("TRACKER_SILENT", "1")
    monkeypatch.setenv("TRACKER_SEGMENT_BYTES", "100000")
    return lambda name="r": tracker.init("p", name=name, id=name, dir=tmp_path / "store")


def given(tmp_path, name="r"):
    """Give a run out; what was given, its records by kind, and the most memory that it took."""
    store = Store(tmp_path / "store")
    folder = tmp_path / f"folder-{name}"
    folder.mkdir()
    run = store.run(name)
    tracemalloc.start()
    told = give(store.folder, run, folder, folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    store.close()
    records: dict[str, list[Record]] = {}
    with (folder / f"run-{name}.wandb").open("rb") as file:
        for entry in framing.read(file):
            assert isinstance(entry, framing.Entry)
            record = Record.FromString(entry.data)
            records.setdefault(record.WhichOneof("record_type"), []).append(record)
    return told, records, peak


def rows(records):
    return [
        {item.key: json.loads(item.value_json) for item in record.history.item}
        for record in records["history"]
    ]


def test_memory_does_not_grow_with_the_rows(tmp_path, start):
    peaks = []
    for count in (10_000, 20_000):  # both of several blocks, as they are read
        with start(f"r{count}") as run:
            for step in range(count):
                run.log({"x": 0.5}, step=step)
        told, _, peak = given(tmp_path, f"r{count}")
        assert told.rows == count
        peaks.append(peak)
    assert peaks[1] < peaks[0] * 1.1


def test_what_one_step_is_logged_in_is_one_row_as_long_as_no_key_comes_twice(tmp_path, start):
    with start() as run:
        run.log({"a": 1}, step=3)
        run.log({"b": 2}, step=3)
        run.log({"a": 3}, step=3)
        run.log({"a": 4}, step=4)
    told, records, _ = given(tmp_path)
    found = [(r["_step"], r.get("_tracker_step"), r.get("a"), r.get("b")) for r in rows(records)]
    assert found == [(3, None, 1, 2), (4, 3, 3, None), (5, 4, 4, None)]
    assert (told.rows, told.moved) == (3, 2)


def test_media_that_are_not_there_are_said_and_their_row_stays(tmp_path, start):
    with start() as run:
        for step in range(12):
            run.log_media("img", "image", [("a.png", b"%d" % step)], step=step)
    for pack in (tmp_path / "store").rglob("*.pack"):
        pack.unlink()
    told, records, _ = given(tmp_path)
    assert (told.media, len(told.left_out), told.untold) == (0, 10, 2)
    assert "a.png" in told.left_out[0]
    assert "files" not in records
    assert [row["img"].get("path") for row in rows(records)] == [None] * 12


def test_an_artifact_without_its_files_is_left_out_and_said(tmp_path, start):
    (tmp_path / "one").write_text("one")
    (tmp_path / "two").write_text("two")
    with start() as run:
        run.log_artifact(tmp_path / "one")
        run.log_artifact(tmp_path / "two")
    for blob in (tmp_path / "store" / "blobs").rglob("*"):
        if blob.is_file() and blob.read_bytes() == b"one":
            blob.unlink()
    told, records, _ = given(tmp_path)
    assert [record.artifact.name for record in records["artifact"]] == ["two"]
    assert told.versions == 1
    (text,) = told.left_out
    assert text.startswith("artifact one v0: ")


def test_what_belongs_to_a_version_goes_with_it_and_is_no_row(tmp_path, start):
    (tmp_path / "one").write_text("one")
    with start() as run:
        manifest = run.log_artifact(tmp_path / "one")
        about = {"manifest": manifest, "aliases": ["best", "latest"], "metadata": {"n": 1}}
        run.log_media("one", "artifact", [], about)
    _, records, _ = given(tmp_path)
    (record,) = records["artifact"]
    assert list(record.artifact.aliases) == ["best", "latest"]
    assert record.artifact.metadata == '{"n":1}'
    assert "history" not in records


def test_the_last_value_is_that_of_the_last_attempt_not_of_the_highest_step(tmp_path, start):
    with start() as run:
        for step in range(10):
            run.log({"loss": step}, step=step)
    with tracker.init("p", id="r", dir=tmp_path / "store", resume="must") as run:
        run.log({"loss": 0.25}, step=5)
    _, records, _ = given(tmp_path)
    (record,) = records["summary"]
    summary = {item.nested_key[0]: item.value_json for item in record.summary.update}
    assert summary["loss"] == "0.25"
