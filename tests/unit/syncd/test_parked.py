"""An event of a kind that this version does not know waits; one that does sends it by itself."""

from __future__ import annotations

import msgspec
import pytest

from syncd import parked, visit
from syncd.sinks import Retryable
from tests.unit.syncd.platform import LOG, Place, finish
from tracker import events

KIND = 99


class Later(events.Log, frozen=True, tag=KIND):
    """What a later version records."""


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    writer = made.writer()
    writer.append(LOG, 1, {"a": 1.0})
    writer.append(KIND, 2, {"a": 2.0})
    writer.append(LOG, 3, {"a": 3.0})
    finish(writer)
    made.visit()
    yield made
    made.ledger.close()


@pytest.fixture
def upgraded(place, monkeypatch):
    """Install the later version: syncd begins anew with it."""

    def install(*, lose=False):
        kinds = events.KINDS | {KIND}
        for module in (events, visit):
            monkeypatch.setattr(module, "KINDS", kinds)
        monkeypatch.setattr(parked, "NOW_KNOWN", {f"event of kind {kind}" for kind in kinds})
        decoder = msgspec.msgpack.Decoder(events._Known | Later)
        monkeypatch.setattr(events, "_known", decoder)
        place.sink.sent.clear()
        place.reopen(lose=lose)

    return install


def waiting(place):
    return [row["what"] for row in place.ledger.parked()]


def test_it_is_parked_and_said_while_all_else_is_delivered(place):
    (row,) = place.ledger.parked()
    assert (row["what"], row["seq"]) == ("event of kind 99", 3)
    assert "pip install --upgrade" in row["reason"]
    assert place.record.told == "finished"


@pytest.mark.parametrize("lost", [False, True])
def test_the_first_visit_of_a_version_that_knows_it_sends_it_once(place, upgraded, lost):
    """Also of a settled run, and where syncd.db was lost before the upgrade."""
    if lost:
        place.reopen(lose=True)
        place.visit()
    record = place.record
    record.settled = 1
    place.ledger.save(record)
    upgraded()
    assert place.ledger.settled("lab") == {}
    place.sink.files.clear()
    place.visit(hurry=False)
    sent = [item.event for batch in place.sink.sent for item in batch.items]
    assert sent == [Later(3, sent[0].time, 2, {"a": 2.0})]
    assert place.sink.sent[0].state == {"ordinal": 1}
    assert place.record.state == {"ordinal": 3}
    assert "tracker/run.json" in place.sink.files, "the documents tell of it now"
    assert waiting(place) == []
    place.reopen()
    place.visit()
    assert len(place.sink.sent) == 1


def test_where_the_remote_is_away_it_stays_and_the_next_visit_tries_again(place, upgraded):
    upgraded()
    place.sink.answers = [Retryable("away")] * place.settings.quick_attempts
    assert place.visit().error == "away"
    assert waiting(place) == ["event of kind 99"]
    assert place.visit().error is None
    assert waiting(place) == []


def test_it_waits_as_long_as_no_version_knows_it(place):
    before = len(place.sink.sent)
    place.reopen()
    place.visit()
    assert waiting(place) == ["event of kind 99"]
    assert len(place.sink.sent) == before
