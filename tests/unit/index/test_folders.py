"""In a store of very many runs the look at every folder is not repeated at each call."""

from __future__ import annotations

import os
import time

import pytest

from tests.unit.index.stories import FINISH, LOG, begin
from tracker.index import Index, folders
from tracker.store import StoreFolder

RUN, OTHER = "a" * 32, "b" * 32


@pytest.fixture
def folder(tmp_path):
    return StoreFolder.open(tmp_path / "store", create=True)


@pytest.fixture
def index(folder):
    index = Index(folder)
    yield index
    index.close()


def ended(folder, run_id):
    writer = begin(folder, run_id)
    writer.append(FINISH, "finished", 0, None, {})
    writer.close()


def settle(folder, index):
    """Make all of it old enough for its times to be trusted, and catch up."""
    hour_ago = time.time() - 3600
    for place in (*folder.journals.glob("*/*"), *folder.journals.iterdir(), folder.journals):
        os.utime(place, (hour_ago, hour_ago))
    index.catch_up()
    index.catch_up()


def events(index, run_id):
    return index.query("SELECT events FROM runs WHERE id = ?", (run_id,))


@pytest.fixture
def looks(monkeypatch):
    """How often all folders were looked at."""
    counted, look = [], folders.look
    monkeypatch.setattr(folders, "look", lambda *given: counted.append(1) or look(*given))
    return counted


def test_few_runs_are_looked_at_each_time(folder, index, looks):
    ended(folder, RUN)
    settle(folder, index)
    before = len(looks)
    index.catch_up()
    begin(folder, RUN).close()  # a run that had ended is gone on with
    index.catch_up()
    assert len(looks) == before + 2
    assert events(index, RUN) == [(3,)]


def test_of_many_only_what_is_open_is_looked_at_for_a_while(folder, index, looks, monkeypatch):
    monkeypatch.setattr(folders, "MANY", 1)
    monkeypatch.setattr(folders, "REST", 10**9)
    ended(folder, RUN)
    live = begin(folder, OTHER)
    settle(folder, index)
    before = len(looks)
    live.append(LOG, 0, {"loss": 1.0})
    index.catch_up()
    assert len(looks) == before
    assert events(index, OTHER) == [(2,)]
    live.close()

    ended(folder, "c" * 32)  # a folder came: all are looked at
    index.catch_up()
    assert len(looks) == before + 1
    assert events(index, "c" * 32) == [(2,)]


def test_of_many_a_run_that_is_gone_on_with_is_noticed_after_the_rest(
    folder, index, looks, monkeypatch
):
    monkeypatch.setattr(folders, "MANY", 1)
    monkeypatch.setattr(folders, "REST", 0)
    for run_id in (RUN, OTHER):
        ended(folder, run_id)
    settle(folder, index)
    begin(folder, RUN).close()
    index.catch_up()
    assert events(index, RUN) == [(3,)]
    assert looks


def test_an_index_that_was_made_anew_is_filled_at_once(folder, index, monkeypatch):
    monkeypatch.setattr(folders, "MANY", 1)
    monkeypatch.setattr(folders, "REST", 10**9)
    for run_id in (RUN, OTHER):
        ended(folder, run_id)
    settle(folder, index)
    folder.index.unlink()
    index.catch_up()
    assert events(index, RUN) == [(2,)]
