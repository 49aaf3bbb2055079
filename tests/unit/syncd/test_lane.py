"""Each row of the lane's table: the first that applies decides."""

from __future__ import annotations

import pytest

from syncd.lane import Facts, Lane, Step
from tracker.settings import Settings

NOW = 10_000.0
OPENED = {"looked_up_at": NOW - 1}
ENDED = {**OPENED, "ended": True, "status": "finished"}

ROWS = [
    ("a pause is not over", {**OPENED, "frozen": True}, {"next_try": NOW + 1}, Step.WAIT),
    ("no remote run known", {"frozen": True, "pending": 5}, {}, Step.OPEN),
    ("its look-up is too old", {"looked_up_at": NOW - 1801}, {}, Step.OPEN),
    ("it was looked up just now", {"looked_up_at": NOW - 1801, "just_looked_up": True}, {},
     Step.REST),
    ("its look-up is just young enough", {"looked_up_at": NOW - 1799}, {}, Step.REST),
    ("its look-up is of next year", {"looked_up_at": NOW + 31e6}, {}, Step.OPEN),
    ("a frozen batch", {**OPENED, "frozen": True, "told": "finished"}, {}, Step.SEND),
    ("the remote says finished, the run goes on", {**OPENED, "told": "finished"}, {}, Step.RUNNING),
    ("the remote was told that it runs", {**OPENED, "told": "running"}, {}, Step.REST),
    ("99 events pending", {**OPENED, "pending": 99}, {}, Step.REST),
    ("100 events pending", {**OPENED, "pending": 100}, {}, Step.SEND),
    ("one has waited 4.9 s", {**OPENED, "pending": 1, "waited_s": 4.9}, {}, Step.REST),
    ("one has waited 5 s", {**OPENED, "pending": 1, "waited_s": 5.0}, {}, Step.SEND),
    ("no more will come", {**OPENED, "pending": 1, "complete": True}, {}, Step.SEND),
    ("a young run", {**OPENED, "pending": 1, "young": True}, {}, Step.SEND),
    ("a young run without news", {**OPENED, "young": True}, {}, Step.REST),
    ("asked to hurry", {**OPENED, "pending": 1, "hurry": True}, {}, Step.SEND),
    ("scalars go before files", {**ENDED, "pending": 1, "hurry": True, "files": 1}, {}, Step.SEND),
    ("documents go before files", {**ENDED, "files": 1}, {}, Step.DOCUMENTS),
    ("files pending", {**ENDED, "files": 1, "documented": True}, {}, Step.PUT),
    ("they are being put", {**ENDED, "documented": True, "files": 1, "putting": True}, {},
     Step.REST),
    ("events while files are put", {**OPENED, "files": 1, "putting": True, "pending": 100}, {},
     Step.SEND),
    ("files, and another copy knows more", {**ENDED, "files": 1, "behind": True}, {}, Step.PUT),
    ("files of a run that goes on", {**OPENED, "files": 1, "pending": 1}, {}, Step.PUT),
    ("another copy of the store knows more", {**ENDED, "behind": True}, {}, Step.REST),
    ("the run ended", ENDED, {}, Step.DOCUMENTS),
    ("ended and documented", {**ENDED, "documented": True, "told": "running"}, {}, Step.FINISH),
    ("never told", {**ENDED, "documented": True}, {}, Step.FINISH),
    ("all told", {**ENDED, "documented": True, "told": "finished"}, {}, Step.REST),
    ("nothing to do", OPENED, {}, Step.REST),
]  # fmt: skip


@pytest.mark.parametrize(("why", "facts", "lane", "step"), ROWS, ids=[row[0] for row in ROWS])
def test_table(why, facts, lane, step):  # noqa: ARG001 - the reason is the test's id
    assert Lane(Settings(), **lane).decide(Facts(**facts), NOW) is step


def test_failures_make_pauses_that_grow_to_five_minutes_and_never_end():
    """The slow schedule: at least half of its bound, the bound doubles, 300 s at the most."""
    lane = Lane(Settings())
    bounds = [15, 30, 60, 120, 240, *[300] * 60]
    for bound in bounds:
        lane.failed("no", NOW, None)
        assert bound / 2 <= lane.next_try - NOW <= bound
    assert lane.failures == len(bounds)
    lane.succeeded()
    assert (lane.failures, lane.next_try, lane.error) == (0, 0.0, None)


def test_a_remote_may_ask_for_a_longer_pause():
    """Retry-After holds for the lane where it is longer than its own pause."""
    lane = Lane(Settings())
    lane.failed("busy", NOW, 1234.5)
    assert lane.next_try == NOW + 1234.5
