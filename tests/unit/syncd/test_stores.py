"""Several stores in one process: none holds up another, and each is taken up when it can be."""

from __future__ import annotations

import threading
import time

import pytest

from syncd import remotes
from syncd.lease import LEASE_S
from syncd.owner import Owned, Ownership
from syncd.stores import Served, Stores
from tests.fault.delivering import wait_for
from tests.unit.syncd.platform import LOG, Memory, finish
from tracker.errors import BadInput, StoreError
from tracker.journal import Writer
from tracker.settings import RemoteSettings, add_remote
from tracker.store import StoreFolder


@pytest.fixture
def platforms(monkeypatch):
    """Remotes by address."""
    monkeypatch.setattr("syncd.daemon._PUBLISH_S", 0.02)
    monkeypatch.setattr("syncd.stores._AWAY_S", 0.02)
    made = {}
    monkeypatch.setattr(remotes, "make", lambda remote: made.setdefault(remote.url, Memory()))
    return made


def made(folder, *, remote=True):
    """A store with one finished run, for the platform of the folder's name."""
    store = StoreFolder.open(folder, create=True)
    if remote:
        add_remote(store, "lab", RemoteSettings("memory", folder.name))
    writer = Writer(store.run("r1"), "r1")
    writer.append(16, "project", "name")
    writer.append(LOG, 0, {"a": 1.0})
    finish(writer)
    return store


@pytest.fixture
def serve():
    """Runs `Stores` beside the test; gives what they said."""
    running = []

    def start(*places):
        said = []
        stores = Stores(places, None, lambda text, _: said.append(text))
        thread = threading.Thread(target=stores.run)
        thread.start()
        running.append((stores, thread))
        return said

    yield start
    for stores, _ in running:
        stores.stop()
    for _, thread in running:
        thread.join(10)
        assert not thread.is_alive()


def delivered(platforms, name):
    return name in platforms and platforms[name].status == "finished"


def test_one_that_is_away_or_has_no_remote_holds_up_no_other(platforms, serve, tmp_path):
    made(tmp_path / "good")
    bare = made(tmp_path / "bare", remote=False)
    said = serve(tmp_path / "absent", tmp_path / "bare", tmp_path / "good")
    wait_for("the good one", lambda: delivered(platforms, "good"), 10)
    wait_for("what is amiss", lambda: len([text for text in said if "; waits" in text]) == 2, 10)
    time.sleep(0.2)  # it was tried again meanwhile
    assert len([text for text in said if "; waits" in text]) == 2, said
    made(tmp_path / "absent")
    wait_for("the one that came", lambda: delivered(platforms, "absent"), 10)
    add_remote(bare, "lab", RemoteSettings("memory", "bare"))
    wait_for("the one with a remote now", lambda: delivered(platforms, "bare"), 10)


def test_one_that_goes_is_taken_up_when_it_is_back(platforms, serve, tmp_path):
    """As a disk that is taken off and put back: what came to it elsewhere is delivered."""
    store = made(tmp_path / "disk")
    said = serve(store.root)
    wait_for("its run", lambda: delivered(platforms, "disk"), 10)
    store.root.rename(tmp_path / "away")
    wait_for("that it is missed", lambda: any("not there any more" in text for text in said), 10)
    sent = len(platforms["disk"].sent)
    with pytest.raises(StoreError):
        StoreFolder.open(store.root)
    (tmp_path / "away").rename(store.root)
    writer = Writer(store.run("r2"), "r2")
    writer.append(16, "project", "name")
    finish(writer)
    wait_for("its new run", lambda: len(platforms["disk"].sent) > sent, 10)


def test_one_that_is_served_by_another_is_waited_for(platforms, serve, tmp_path):
    store = made(tmp_path / "shared")
    with Ownership(store) as owner:
        said = serve(store.root)
        wait_for("that it waits", lambda: any("serves" in text for text in said), 10)
        assert not owner.lost
        assert "shared" not in platforms or not platforms["shared"].calls
        let_go = time.monotonic()
    wait_for("its run", lambda: delivered(platforms, "shared"), 10)
    assert time.monotonic() - let_go < LEASE_S


def test_without_waiting_what_is_amiss_is_an_error(platforms, tmp_path):
    bare = made(tmp_path / "bare", remote=False)
    shared = made(tmp_path / "shared")
    say = lambda *_: None  # noqa: E731 - a word for it
    with pytest.raises(StoreError, match="there is no store"):
        Served(tmp_path / "absent", None, patient=False, say=say).run()
    with pytest.raises(BadInput, match="no remote"):
        Served(bare.root, None, patient=False, say=say).run()
    with Ownership(shared), pytest.raises(Owned):
        Served(shared.root, None, patient=False, say=say).run()
    assert not any(platform.calls for platform in platforms.values())
