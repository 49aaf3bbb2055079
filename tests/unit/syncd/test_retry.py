"""Attempts and pauses are the promised ones; an open breaker lets one through at a time."""

from __future__ import annotations

import threading

import pytest

from syncd.retry import Breaker, quickly
from syncd.sinks import OutcomeUnknown, Rejected, Retryable
from tracker.settings import Settings


class Clock(threading.Event):
    """A stop that is never set and notes for how long it was waited."""

    def __init__(self):
        super().__init__()
        self.pauses = []

    def wait(self, timeout=None):
        self.pauses.append(timeout)
        return False


class Call:
    """Raises what it is given, one per call, then answers."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.count = 0

    def __call__(self):
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_defaults_are_the_promised_ones():
    """3 attempts, 500 ms to 15 s, 300 s, 5 failures, 30 s, 100 events, 5 s, 1,800 s."""
    s = Settings()
    assert (s.quick_attempts, s.retry_first_s, s.retry_most_s) == (3, 0.5, 15.0)
    assert (s.slow_retry_s, s.breaker_failures, s.breaker_pause_s) == (300.0, 5, 30.0)
    assert (s.flush_events, s.flush_interval_s, s.lookup_cache_s) == (100, 5.0, 1800.0)


def test_three_attempts_then_the_error_as_it_came():
    errors = [OutcomeUnknown("cut"), Retryable("500"), Retryable("last")]
    call = Call(*errors)
    clock = Clock()
    with pytest.raises(Retryable, match="last") as caught:
        quickly(call, Settings(), clock)
    assert caught.value is errors[2] or str(caught.value) == "last"
    assert (call.count, len(clock.pauses)) == (3, 2)


def test_full_jitter_between_nothing_and_a_bound_that_doubles():
    """Pauses fill 0 to 0.5 s and 0 to 1 s, and later never pass 15 s."""
    first, second = [], []
    for _ in range(300):
        clock = Clock()
        assert quickly(Call(Retryable("a"), Retryable("b")), Settings(), clock) == "answer"
        first.append(clock.pauses[0])
        second.append(clock.pauses[1])
    assert 0 <= min(first) < 0.1
    assert 0.4 < max(first) <= 0.5
    assert 0.8 < max(second) <= 1.0
    clock = Clock()
    errors = [Retryable("no")] * 40
    quickly(Call(*errors), Settings(quick_attempts=50), clock)
    assert 10 < max(clock.pauses) <= 15


def test_retry_after_is_obeyed():
    clock = Clock()
    quickly(Call(Retryable("busy", 7.5)), Settings(), clock)
    assert clock.pauses == [7.5]


def test_a_long_retry_after_is_left_to_the_slow_schedule():
    """No worker sits out a minute: the lane waits instead."""
    clock = Clock()
    call = Call(Retryable("busy", 60.0))
    with pytest.raises(Retryable):
        quickly(call, Settings(), clock)
    assert (call.count, clock.pauses) == (1, [])


def test_what_cannot_heal_is_not_repeated():
    call = Call(Rejected("never"))
    with pytest.raises(Rejected):
        quickly(call, Settings(), Clock())
    assert call.count == 1


def test_a_stop_ends_the_attempts():
    stop = threading.Event()
    stop.set()
    call = Call(Retryable("a"), Retryable("b"))
    with pytest.raises(Retryable, match="a"):
        quickly(call, Settings(), stop)
    assert call.count == 1


def opened(at=100.0):
    breaker = Breaker(5, 30.0, 300.0)
    for _ in range(5):
        assert breaker.allows(at)
        breaker.failed(at)
    return breaker


def test_breaker_opens_after_five_failures_in_a_row():
    breaker = Breaker(5, 30.0, 300.0)
    for _ in range(4):
        breaker.failed(100.0)
    breaker.succeeded()
    for _ in range(4):
        breaker.failed(100.0)
    assert breaker.state == "closed"
    breaker.failed(100.0)
    assert breaker.state == "open"
    assert not breaker.allows(129.9)


def test_half_open_lets_one_in_and_what_it_finds_decides():
    breaker = opened()
    assert breaker.allows(130.0)
    assert breaker.state == "half-open"
    assert not breaker.allows(131.0)
    breaker.failed(131.0)
    assert not breaker.allows(160.9)
    assert breaker.allows(191.0)
    breaker.succeeded()
    assert breaker.state == "closed"
    assert breaker.allows(161.0)
    assert breaker.allows(161.0)


def test_pauses_of_the_breaker_double_and_differ():
    """After the first 30 s: 30 to 60, 60 to 120, 120 to 240, 150 to 300 s, anew once it closed."""
    pauses = [[], [], [], [], []]
    for _ in range(200):
        breaker = opened(at=0.0)
        for found in pauses:
            found.append(breaker.until)
            assert breaker.allows(breaker.until)
            breaker.failed(0.0)
    bounds = [(30, 30), (30, 60), (60, 120), (120, 240), (150, 300)]
    for (least, most), found in zip(bounds, pauses, strict=True):
        assert least <= min(found) <= least * 1.1
        assert most * 0.9 <= max(found) <= most
    breaker.succeeded()
    for _ in range(5):
        breaker.failed(1_000.0)
    assert breaker.until == 1_030.0


def test_failures_that_come_late_do_not_double_the_pause():
    """Visits that were under way when the breaker opened are no probes."""
    breaker = opened(at=100.0)
    breaker.failed(104.0)
    breaker.failed(105.0)
    assert breaker.until == 135.0


def test_a_visit_that_asked_nothing_neither_closes_nor_blocks():
    """A half-open breaker whose visit had nothing to ask lets the next one in."""
    breaker = opened()
    assert breaker.allows(130.0)
    breaker.unasked()
    assert breaker.state == "open"
    assert breaker.allows(130.0)
