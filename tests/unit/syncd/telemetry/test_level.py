"""The degradation level is the worst that holds, and falls by itself."""

from __future__ import annotations

import msgspec
import pytest

from syncd.cursors import Queue
from syncd.telemetry.level import Level, degradation
from syncd.telemetry.standing import RemoteStanding, Standing
from tests.unit.syncd.telemetry.watching import Remembering
from tracker.settings import Settings

SETTINGS = msgspec.structs.replace(Settings(), backlog_events=100, storage_low_bytes=1000)


@pytest.mark.parametrize(
    ("away", "pending", "free_bytes", "level"),
    [
        ([], 0, 1000, 0),
        ([], 99, None, 0),
        (["lab"], 0, 1000, 1),
        ([], 100, 1000, 2),
        (["lab"], 100, 1000, 2),
        (["lab"], 100, 999, 3),
        ([], 0, 0, 3),
    ],
)
def test_the_worst_that_holds_counts(away, pending, free_bytes, level):
    assert degradation(away, pending, free_bytes, SETTINGS) == level


@pytest.mark.parametrize(
    ("remote", "away"),
    [
        (RemoteStanding("lab", "mlflow"), []),
        (RemoteStanding("lab", "mlflow", breaker="open", answers=False), ["lab"]),
        (RemoteStanding("lab", "mlflow", answers=False), ["lab"]),
        (RemoteStanding("lab", "mlflow", stopped="401"), ["lab"]),
    ],
)
def test_a_remote_is_away_that_does_not_answer_or_refuses_us(remote, away):
    assert Standing([remote]).away == away


def test_a_change_is_told_once_in_each_direction():
    observer = Remembering()
    level = Level(observer)
    away = Standing([RemoteStanding("lab", "mlflow", Queue(events=7), answers=False)], 5000)
    well = Standing([RemoteStanding("lab", "mlflow")], 5000)
    for standing in (well, away, away, well, well):
        level.look(standing, SETTINGS)
    changes = [(facts["before"], facts["now"]) for _, _, facts in observer.told]
    assert changes == [(0, 1), (1, 0)]
    assert observer.told[0][2]["away"] == ["lab"]
    assert observer.told[0][2]["pending"] == 7
