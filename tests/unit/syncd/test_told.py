"""A remote says how a run stands, whatever answers of it are lost."""

from __future__ import annotations

import sqlite3

import pytest

from syncd.sinks import Cursors, OutcomeUnknown
from tests.unit.syncd.platform import LOG, Place, finish
from tracker.journal import Writer


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path, quick_attempts=1)
    yield made
    made.ledger.close()


def lose_answer(place, monkeypatch):
    """The next status arrives, and its answer does not."""
    finish = type(place.sink).finish

    def lost(_, status, ended_at, state):
        finish(place.sink, None, status, ended_at, state)
        monkeypatch.delattr(place.sink, "finish")
        raise OutcomeUnknown("no answer")

    monkeypatch.setattr(place.sink, "finish", lost, raising=False)


def resumed(place):
    """A second writer of a run that was delivered whole, with an event that is synced."""
    finish(place.writer())
    place.visit()
    assert place.sink.status == "finished"
    writer = place.writer()
    writer.append(LOG, 1, {"a": 1.0})
    writer.sync()
    return writer


def test_an_end_like_the_one_before_is_told_again(place, monkeypatch):
    """The remote knew "finished", then "running", with no answer: what it knows is not known."""
    writer = resumed(place)
    lose_answer(place, monkeypatch)
    place.visit()
    assert place.sink.status == "running"
    finish(writer)
    place.visit()
    assert place.sink.status == "finished"


def test_a_run_that_goes_on_is_told_so_where_its_end_had_no_answer(place, monkeypatch):
    lose_answer(place, monkeypatch)
    finish(place.writer())
    place.visit()
    assert place.sink.status == "finished"
    writer = place.writer()
    place.visit()
    assert place.sink.status == "running"
    finish(writer)


def test_a_run_that_goes_on_is_told_so_after_syncd_db_was_lost(place):
    """The remote has events of it, so it may say that the run is over."""
    writer = resumed(place)
    place.sink.cursors = Cursors(place.record.sent().events)
    place.reopen(lose=True)
    place.visit()
    assert place.sink.status == "running"
    finish(writer)


def test_so_is_one_whose_first_process_died_before_its_first_event(place):
    """The remote was told that it is over, and had no event of it."""
    Writer(place.folder, place.run_id).close()
    place.visit()
    assert place.sink.status == "crashed"
    place.reopen(lose=True)
    writer = place.writer()
    place.visit()
    assert place.sink.status == "running"
    finish(writer)


def test_that_a_status_is_on_its_way_survives_a_power_cut(place, monkeypatch):
    """It is on the device before the request leaves."""
    finish(place.writer())
    asked = []

    def look(_, status, *__):
        with sqlite3.connect(place.store.sync / "syncd.db") as db:
            asked.append((status, *db.execute("SELECT told FROM lanes").fetchone()))
            asked.append(place.ledger._db.rows("PRAGMA synchronous")[0]["synchronous"])
        db.close()

    monkeypatch.setattr(place.sink, "finish", look, raising=False)
    place.visit()
    full = 2
    assert asked == [("finished", "unknown"), full]
    assert place.record.told == "finished"


def test_a_run_that_goes_on_amid_the_news_of_its_second_end_is_told_so(place, monkeypatch):
    """The remote knows an end; what came before a second one is sent, and syncd is killed there."""
    finish(resumed(place))
    acknowledge = place.ledger.acknowledge

    def killed(*given):
        acknowledge(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(place.ledger, "acknowledge", killed)
    with pytest.raises(KeyboardInterrupt):
        place.visit()
    monkeypatch.undo()
    place.reopen()
    writer = place.writer()
    writer.sync()
    place.visit()
    assert place.sink.status == "running"
    finish(writer)
