"""A clock that is set wrong, or set right, holds up no run and hides no end."""

from __future__ import annotations

import threading

import pytest

from syncd.clock import SYSTEM
from syncd.delivery import Delivery
from syncd.sinks import Retryable
from tests.unit.syncd.platform import LOG, Place, finish

YEAR_S = 365 * 86_400


class Set:
    """The machine's clock, and by how much somebody set it."""

    monotonic = staticmethod(SYSTEM.monotonic)
    wait = staticmethod(SYSTEM.wait)

    def __init__(self):
        self.by_s = 0.0

    def time(self):
        return SYSTEM.time() + self.by_s


@pytest.fixture
def clock():
    return Set()


@pytest.fixture
def place(tmp_path, clock):
    made = Place(tmp_path, quick_attempts=1, retry_most_s=20.0, slow_retry_s=40.0)
    restart(made, clock)
    yield made
    made.ledger.close()


def restart(place, clock):
    """Another syncd, which goes by `clock`."""
    place.delivery = Delivery(
        place.store, place.sink, "lab", place.ledger, settings=place.settings,
        stop=threading.Event(), clock=clock,
    )  # fmt: skip


def fail(place):
    """A run that could not be delivered."""
    writer = place.writer()
    writer.append(LOG, 1, {"a": 1.0})
    finish(writer)
    place.sink.answers = [Retryable("down")]
    return place.visit(hurry=False)


def test_a_pause_is_not_made_longer_by_a_clock_that_is_set_back(place, clock):
    """At the most, another one of the slow schedule is waited for."""
    assert fail(place).next_try_s <= 40
    clock.by_s = -10 * YEAR_S
    waiting = place.visit(hurry=False)
    assert waiting.error == "down"
    assert waiting.next_try_s == 40
    assert place.visit(hurry=False).error is None
    assert place.sink.status == "finished"


def test_a_pause_that_another_syncd_left_is_no_longer_either(place, clock):
    fail(place)
    clock.by_s = -10 * YEAR_S
    restart(place, clock)
    assert place.visit(hurry=False).next_try_s == 40
    assert place.visit(hurry=False).error is None


def test_a_pause_is_measured_at_one_moment(place, clock):
    """The clock is set back while the failure is being written down."""
    save = place.ledger.save

    def set_back(record):
        save(record)
        if record.error:
            clock.by_s = -10 * YEAR_S

    place.ledger.save = set_back
    assert fail(place).next_try_s <= 40


def test_a_run_from_the_future_is_settled_all_the_same(place, clock):
    """It was recorded before the clock was set back; nothing is left to do of it."""
    writer = place.writer()
    finish(writer)
    clock.by_s = -10 * YEAR_S
    assert place.visit().settled == place.folder.stat().st_mtime_ns
