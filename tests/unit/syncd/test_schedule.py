"""Who is visited when: notices make it soon, running runs go first, failures wait."""

from __future__ import annotations

import math

from syncd.delivery import Outcome
from syncd.schedule import Schedule
from tracker.settings import Settings

LIVE = Outcome(ended=False)


def schedule(*run_ids):
    made = Schedule(Settings())
    for born, run_id in enumerate(run_ids):
        made.add(run_id, born)
    return made


def visit(made, run_id, now, outcome):
    waited_s = made.begun(run_id, now)
    made.ended(run_id, outcome, now)
    return waited_s


def test_new_runs_are_due_at_once_the_newest_first():
    assert schedule("a", "b", "c").due(0.0) == ["c", "b", "a"]


def test_nothing_to_do_is_looked_at_again_at_the_poll():
    made = schedule("a")
    visit(made, "a", 100.0, LIVE)
    assert made.due(104.9) == []
    assert made.next_due(101.0) == 4.0
    assert made.due(105.0) == ["a"]


def test_a_notice_makes_it_due_a_second_after_its_visit():
    made = schedule("a")
    visit(made, "a", 100.0, LIVE)
    made.noticed("a")
    assert made.due(100.9) == []
    assert made.due(101.0) == ["a"]


def test_a_notice_during_a_visit_is_not_lost():
    made = schedule("a")
    made.begun("a", 100.0)
    made.noticed("a")
    assert made.due(101.0) == []
    made.ended("a", LIVE, 102.0)
    assert made.due(103.0) == ["a"]


def test_events_that_wait_for_company_are_sent_when_the_oldest_is_old_enough():
    """5 s count from the last moment at which nothing waited, which no event is older than."""
    made = schedule("a")
    assert visit(made, "a", 100.0, LIVE) == math.inf
    visit(made, "a", 102.0, Outcome(waiting=3, ended=False))
    assert made.due(104.9) == []
    assert made.due(105.0) == ["a"]
    assert made.begun("a", 105.0) == 5.0


def test_a_failed_lane_waits_out_its_pause_whatever_is_written():
    made = schedule("a")
    visit(made, "a", 100.0, Outcome(error="no", next_try_s=60.0))
    made.noticed("a")
    assert made.due(159.9) == []
    assert made.due(160.0) == ["a"]


def test_running_runs_go_before_any_backlog():
    """Of the others who waited longest is next, so a long one makes room for all."""
    made = schedule("long", "other", "live")
    visit(made, "live", 1.0, LIVE)
    visit(made, "other", 2.0, Outcome(more=True))
    visit(made, "long", 3.0, Outcome(more=True))
    assert made.due(10.0) == ["live", "other", "long"]


def test_settled_and_vanished_runs_are_forgotten():
    made = schedule("a", "b", "c")
    visit(made, "a", 1.0, Outcome(settled=123))
    made.keep_only(["c"])
    assert made.due(1e9) == ["c"]
    made.begun("c", 2.0)
    made.keep_only([])
    made.ended("c", LIVE, 3.0)
    assert "c" not in made
