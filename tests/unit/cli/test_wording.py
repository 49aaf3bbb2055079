"""Figures read as a person expects them."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import pytest

from tracker.cli import wording


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"), (1 / 3, "0.3333"), (3.0, "3"), (1234567.0, "1234567"), (1e39, "1e+39"),
        (123456789.0, "1.235e+08"), (-0.00001234, "-1.234e-05"), (math.nan, "NaN"),
        (math.inf, "inf"), (-math.inf, "-inf"), (None, "-"),
    ],
)  # fmt: skip
def test_numbers(value, text):
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0s"), (9.94, "9.9s"), (9.96, "10s"), (59.4, "59s"), (59.6, "1m00s"),
        (184, "3m04s"), (3599.6, "1h00m"), (7500, "2h05m"), (86400 * 3 + 3600 * 4, "3d04h"),
        (-5, "-5.0s"), (None, "-"),
    ],
)  # fmt: skip
def test_durations(seconds, text):
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (5_000_000, "4.8 MiB"),
        (2**60, "1048576.0 TiB"),
    ],
)
def test_sizes(count, text):
    assert wording.size(count) == text


def test_short_times_keep_to_eleven_columns():
    now = datetime.now(timezone.utc)
    assert len(wording.short_time(now)) == 11
    assert len(wording.short_time(now - timedelta(days=800))) <= 11


def test_times_that_no_clock_can_show_are_shown_anyway():
    for year, day in ((1, 1), (9999, 31)):
        odd = datetime(year, 1 if year == 1 else 12, day, 12, tzinfo=timezone.utc)
        assert wording.day_and_time(odd)


def test_what_was_and_what_will_be():
    now = datetime.now(timezone.utc)
    assert wording.ago(now - timedelta(seconds=125)) == "2m05s ago"
    assert wording.ago(now + timedelta(seconds=125)).startswith("in 2m0")


def test_nouns_follow_their_numbers():
    assert wording.counted(1, "run") == "1 run"
    assert wording.counted(1200, "run") == "1,200 runs"
    assert wording.counted(2, "entry", "entries") == "2 entries"
