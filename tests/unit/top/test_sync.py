"""The pane of delivery: what is said of remotes, whatever state they are in."""

from __future__ import annotations

import click
import msgspec
import pytest

import tracker
from tracker.cli.answers import Lane, Refused, Server, Status
from tracker.pending import Published, RemotePending
from tracker.settings import RemoteSettings, add_remote
from tracker.top import sync
from tracker.top.delivery import Delivery


class Told(Delivery):
    """Delivery whose answers are given; nothing is asked."""

    def ask(self):
        pass


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKER_SILENT", "1")
    tracker.init("p", name="calm", id="calm", dir=tmp_path).finish()
    return tracker.open(tmp_path)


@pytest.fixture
def delivery(store):
    for name in ("lab", "cloud"):
        add_remote(store.folder, name, RemoteSettings("mlflow", f"http://{name}"))
    return Told(store.folder, lambda: None)


def publish(store, **remotes):
    known = Published(0, {name: RemotePending(*at) for name, at in remotes.items()}, away=["cloud"])
    store.folder.sync.mkdir(exist_ok=True)
    (store.folder.sync / "status.json").write_bytes(msgspec.json.encode(known))


def text(delivery, store, width=200):
    return click.unstyle("\n".join(sync.lines(delivery, store.run("calm"), width)))


def test_without_a_remote_it_says_how_to_add_one(store):
    assert sync.summary(Told(store.folder, lambda: None)) == "no remote"
    assert "tracker remote add" in text(Told(store.folder, lambda: None), store)


def test_until_syncd_answers_what_it_published_stands_there(store, delivery):
    assert sync.summary(delivery) == "nothing delivered yet"
    publish(store, lab=(1200, 3), cloud=(5, 1, "no route\x07"))
    assert sync.summary(delivery) == "cloud away, lab 1,200 pending"
    told = text(delivery, store)
    assert "asking syncd" in told
    assert "lab    1,200 events pending of 3 runs" in told
    assert r"cloud  5 events pending of 1 run: no route\x07" in told


def test_what_syncd_answers_is_said_of_all_runs_and_of_this_one(store, delivery):
    refused = [Refused("metric loss", "too large")]
    lanes = [
        Lane("lab", "calm", 7, refused=refused, error="503", next_try_s=30, url="http://lab/1"),
        Lane("lab", "other", 3),
        Lane("cloud", "other", 0),
    ]
    delivery.status = Status(lanes, Server("node7", 42), paused={"cloud": {}})
    told = text(delivery, store)
    assert "syncd runs, pid 42 on node7" in told
    assert "lab    10 events pending of 2 runs; 1 refusal (syncd status says why); 503" in told
    assert "cloud  all of 1 run sent; paused; go on: syncd resume" in told
    assert "7 events pending; refused: metric loss: too large; 503, next try in 30s" in told
    assert "http://lab/1" in told
    assert "cloud  does not go there, or is not read yet" in told


def test_an_answer_that_is_none_is_said(store, delivery):
    delivery.status = "No module named syncd"
    assert "syncd does not say how it stands: No module named syncd" in text(delivery, store)


def test_long_texts_are_folded_not_cut(store, delivery):
    delivery.status = Status([Lane("lab", "calm", 1, error="e" * 300)])
    lines = [click.unstyle(line) for line in sync.lines(delivery, store.run("calm"), 60)]
    assert max(map(len, lines)) <= 60
    assert "".join(lines).count("e" * 20) >= 28
