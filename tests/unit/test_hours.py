"""Hours of the day: over midnight, several, the whole evening; and what cannot be hours."""

from __future__ import annotations

from datetime import datetime

import pytest

from tracker.errors import BadInput
from tracker.hours import Hours, of


def at(text):
    return datetime.strptime(f"2026-11-24 {text}", "%Y-%m-%d %H:%M:%S").astimezone().timestamp()


@pytest.mark.parametrize(
    ("spans", "when", "closed_s"),
    [
        (["22:00-06:00"], "22:00:00", 0),
        (["22:00-06:00"], "05:59:59", 0),
        (["22:00-06:00"], "06:00:00", 16 * 3600),
        (["22:00-06:00"], "21:59:30", 30),
        (["08:30-9:15"], "08:29:59", 1),
        (["08:30-9:15"], "09:14:59", 0),
        (["12:00-13:00", "20:00-24:00"], "13:00:00", 7 * 3600),
        (["12:00-13:00", "20:00-24:00"], "23:59:59", 0),
        (["20:00 - 24:00"], "00:00:00", 20 * 3600),
        (["0:00-24:00"], "17:00:00", 0),
    ],
)
def test_how_long_it_is_closed(spans, when, closed_s):
    assert Hours(spans).closed_s(at(when)) == closed_s


def test_none_is_always():
    assert of([]) is None


def test_it_says_when_it_goes_on():
    assert Hours(["22:00-06:00"]).next_begin(at("12:34:56")) == "22:00"


@pytest.mark.parametrize("text", ["", "22-6", "25:00-06:00", "22:60-06:00", "22:00", "night"])
def test_what_cannot_be_read_says_what_can(text):
    with pytest.raises(BadInput, match="HH:MM-HH:MM"):
        Hours([text])


def test_a_span_that_ends_where_it_begins_is_the_whole_day():
    assert Hours(["06:00-06:00"]).closed_s(at("05:00:00")) == 0
