"""What keeps a whole remote closed, and until when: each row of the gate's table."""

from __future__ import annotations

from datetime import datetime

from syncd.gate import Gate
from tracker.hours import Hours
from tracker.settings import Settings

NOW = 1_000.0
NIGHT, DAY = (datetime.fromisoformat(f"2026-11-24T{hour}:00").timestamp() for hour in (23, 12))


def gate(*hours):
    return Gate(Settings(), Hours(hours) if hours else None)


def test_a_new_gate_is_open():
    assert gate().allows(NOW, DAY)


def test_refused_credentials_close_it_and_are_news_once():
    """Nothing is sent until the slow schedule's longest pause is over; the refusal stays said."""
    made = gate()
    assert made.refused("401", NOW)
    assert not made.allows(NOW + 299.9, DAY)
    assert made.allows(NOW + 300.0, DAY)
    assert made.refusal == "401"
    assert not made.refused("401", NOW + 301.0)
    assert made.refused("403", NOW + 302.0)
    made.succeeded()
    assert (made.refusal, made.allows(NOW + 303.0, DAY)) == (None, True)
    assert made.refused("403", NOW + 304.0)


def test_a_pause_that_one_run_was_asked_for_holds_for_all():
    """The longest of them, and no shorter one that comes after it cuts it short."""
    made = gate()
    made.asked(60.0, NOW)
    made.asked(10.0, NOW)
    assert not made.allows(NOW + 59.9, DAY)
    assert made.asked_pause_s(NOW + 20.0) == 40.0
    assert made.allows(NOW + 60.0, DAY)


def test_outside_its_hours_only_what_a_person_named_goes():
    made = gate("22:00-06:00")
    assert made.allows(NOW, NIGHT)
    assert not made.allows(NOW, DAY)
    assert made.allows(NOW, DAY, named=True)
    assert made.closed(NIGHT) is None
    assert made.closed(DAY) == "outside its hours (22:00-06:00); goes on at 22:00"


def test_five_failures_in_a_row_open_the_breaker_for_half_a_minute_and_one_visit_tries():
    made = gate()
    for _ in range(4):
        made.failed(NOW)
    assert made.allows(NOW, DAY)
    made.failed(NOW)
    assert not made.allows(NOW, DAY)
    later = NOW + 60.0
    assert [made.allows(later, DAY) for _ in range(3)] == [True, False, False]
    made.succeeded()
    assert made.allows(later, DAY)


def test_a_closed_gate_uses_up_no_try_of_the_breaker():
    """Half-open lets one in: who is turned away for another reason must not count as that one."""
    made = gate()
    for _ in range(5):
        made.failed(NOW)
    made.asked(100.0, NOW)
    assert not made.allows(NOW + 60.0, DAY)
    assert made.allows(NOW + 100.0, DAY)
