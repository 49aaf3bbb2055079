"""Folders of W&B runs that syncd takes in by itself."""

import json
import logging
import sys
import threading
from types import SimpleNamespace

import pytest

from syncd import status
from syncd.daemon import Daemon
from syncd.owner import Owned
from syncd.sources import Sources
from tests.fault.delivering import wait_for
from tests.wandb_material import Made
from tracker.events import Log
from tracker.integrations import appending
from tracker.integrations.wandb import translation
from tracker.journal import journals
from tracker.settings import RemoteSettings, Settings, add_remote, load


@pytest.fixture
def folder(tmp_path):
    """A folder with one finished run."""
    place = tmp_path / "wandb"
    place.mkdir()
    made = Made("r1")
    for step in range(30):
        made.row(step, loss=step / 2)
    made.exit()
    made.put(place)
    return place


def owner(**more):
    return SimpleNamespace(**{"lost": False, "confirm": lambda: None} | more)


def follow(store, *folders):
    """Let the store's own file name sources, and a remote."""
    add_remote(store, "lab", RemoteSettings("memory", "memory:lab"))
    content = json.loads(store.settings.read_bytes()) | {"sources": [*map(str, folders)]}
    store.settings.write_text(json.dumps(content))
    return load(store)


def steps(store):
    found = [event for journal in journals(store.run("r1")) for event in journal.events()]
    return [event.step for event in found if isinstance(event, Log)]


def test_once_takes_in_and_delivers(store, folder, platforms):
    """What lies there is at the remote after one call; not if the call is for certain runs."""
    settings = follow(store, folder)
    with Daemon(store, settings) as daemon:
        daemon.once({"other"})
    assert not steps(store)
    with Daemon(store, settings) as daemon:
        assert daemon.once()["lab"].errors == {}
        assert daemon.sources.trouble == {}
    assert platforms["lab"].status == "finished"
    assert steps(store) == list(range(30))


def test_what_is_not_there_is_told_once_and_holds_up_nothing(store, folder, platforms, caplog):
    """The other folder is delivered; log and status name the one that is not there."""
    absent = folder.parent / "absent"
    settings = follow(store, absent, folder)
    settings.flush_interval_s = 0.01
    with caplog.at_level(logging.WARNING, "syncd"), Daemon(store, settings) as daemon:
        looks = []
        confirm = daemon._owner.confirm
        daemon._owner.confirm = lambda: (looks.append(1), confirm())
        serving = threading.Thread(target=daemon.run)
        serving.start()
        try:
            wait_for("delivery", lambda: platforms["lab"].status == "finished")
            wait_for("several looks", lambda: len(looks) > 5)
        finally:
            daemon.stop()
            serving.join()
    assert status.overview(store, settings).sources.keys() == {str(absent)}
    assert sum(str(absent) in record.getMessage() for record in caplog.records) == 1


def test_without_wandb_it_says_what_to_install(store, folder, monkeypatch, caplog):
    """Once, however often it is tried; and no error comes out."""
    monkeypatch.setitem(sys.modules, "wandb.proto.wandb_internal_pb2", None)
    sources = Sources(store, Settings(sources=[str(folder)]), owner(), threading.Event())
    for _ in range(3):
        sources.once()
    (said,) = [record.getMessage() for record in caplog.records]
    assert "pip install 'tracker-syncd[wandb]'" in said
    assert [*sources.trouble.values()] == [said.partition(": ")[2]]


def test_a_stop_in_the_middle_of_a_file_leaves_the_rest_for_the_next(store, folder, monkeypatch):
    """It ends between two batches, and each row is taken once."""
    monkeypatch.setattr(appending, "BATCH_EVENTS", 7)
    monkeypatch.setattr(translation, "MOST_AT_ONCE", 7)
    settings, stop = Settings(sources=[str(folder)]), threading.Event()
    stop.set()
    Sources(store, settings, owner(), stop).once()
    assert 0 < len(steps(store)) < 30
    Sources(store, settings, owner(lost=True), threading.Event()).once()
    assert 0 < len(steps(store)) < 30
    Sources(store, settings, owner(), threading.Event()).once()
    assert sorted(steps(store)) == list(range(30))


def test_who_lost_the_store_takes_nothing(store, folder):
    """Another syncd does."""

    def confirm():
        raise Owned("another has it")

    sources = Sources(
        store, Settings(sources=[str(folder)]), owner(confirm=confirm), threading.Event()
    )
    sources.once()
    assert not steps(store)
    assert sources.trouble == {"sources": "another has it"}
