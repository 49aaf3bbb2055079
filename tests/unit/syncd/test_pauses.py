"""A pause holds for those it names, for its time, under any name of the remote."""

from __future__ import annotations

import threading

import pytest

from syncd import pauses
from syncd.daemon import Daemon
from tests.fault.delivering import wait_for
from tests.unit.syncd.test_daemon import add, record
from tracker.errors import StoreError
from tracker.settings import RemoteSettings, load

LAB, TEAM = RemoteSettings("mlflow", "http://lab"), RemoteSettings("mlflow", "http://team")
BOTH = {"lab": LAB, "team": TEAM}


def test_one_remote_or_all(store):
    pauses.pause(store, LAB, None)
    assert set(pauses.of(store, BOTH)) == {"lab"}
    pauses.pause(store, None, None)
    assert set(pauses.of(store, BOTH | {"later": RemoteSettings("mlflow", "http://l")})) == {
        "lab", "team", "later",
    }  # fmt: skip
    pauses.resume(store, None)
    assert pauses.of(store, BOTH) == {}


def test_a_remote_is_known_by_its_place(store):
    """A slash at its end is nothing, and its name may be another one."""
    pauses.pause(store, RemoteSettings("mlflow", "http://lab/"), None)
    assert set(pauses.of(store, {"vision": LAB, "team": TEAM})) == {"vision"}
    pauses.resume(store, TEAM)
    pauses.resume(store, LAB)
    assert pauses.of(store, BOTH) == {}


def test_it_ends_by_itself(store, monkeypatch):
    pauses.pause(store, LAB, 60)
    [pause] = pauses.of(store, BOTH).values()
    assert pause.until == pause.since + 60
    assert ", until 2" in pause.said()
    monkeypatch.setattr("time.time", lambda: pause.until + 1)
    assert pauses.of(store, BOTH) == {}


def test_a_file_that_cannot_be_read_is_said_and_nothing_is_sent(store, platforms):
    add(store, "lab")
    record(store, "r1")
    (store.sync / "paused.json").write_text('{"": 3}')
    with pytest.raises(StoreError, match=r"paused\.json cannot be read .* syncd pause"):
        Daemon(store, load(store)).__enter__()
    assert platforms == {}


def test_once_sends_nothing_to_a_paused_remote_and_all_to_the_others(store, platforms):
    add(store, "lab", "team")
    record(store, "r1")
    pauses.pause(store, load(store).remotes["lab"], None)
    with Daemon(store, load(store)) as daemon:
        assert set(daemon.once()) == {"team"}
        assert "paused since" in daemon.backlog()["lab"].error
    assert set(platforms) == {"team"}
    pauses.resume(store, None)
    with Daemon(store, load(store)) as daemon:
        assert daemon.once()["lab"].errors == {}
    assert platforms["lab"].status == "finished"


def test_a_daemon_holds_to_it_while_it_runs(store, platforms, monkeypatch):
    """It ends by resume, and by its time; what was recorded meanwhile is delivered then."""
    monkeypatch.setattr("syncd.daemon._PUBLISH_S", 0.02)
    add(store, "lab", "team")
    pauses.pause(store, load(store).remotes["lab"], None)
    with Daemon(store, load(store)) as daemon:
        serving = threading.Thread(target=daemon.run)
        serving.start()
        try:
            record(store, "r1")
            wait_for("the other", lambda: platforms["team"].status == "finished", 10)
            assert "lab" not in platforms
            pauses.pause(store, load(store).remotes["lab"], 0.3)
            wait_for("its time", lambda: "lab" in platforms, 10)
            wait_for("the run", lambda: platforms["lab"].status == "finished", 10)
            pauses.pause(store, None, None)
            wait_for("the pause", lambda: set(daemon.paused) == {"lab", "team"}, 10)
            pauses.resume(store, None)
            wait_for("its end", lambda: daemon.paused == {}, 10)
        finally:
            daemon.stop()
            serving.join(10)
