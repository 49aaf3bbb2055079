"""Sparklines hide nothing: the smallest and largest value of every bucket can be seen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tracker.cli.sparkline import LEVELS, Bucket, buckets, drawn


def share(values, count, steps=None):
    at = np.arange(len(values)) if steps is None else np.array(steps)
    return buckets(at.astype(np.int64), np.array(values, dtype=np.float64), count)


def dots(series):
    """The drawing as a set of (bucket, level), read back from the characters."""
    half = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
    found = set()
    for line, base in zip(drawn(series), (LEVELS // 2, 0), strict=True):
        for place, char in enumerate(line):
            for side in (0, 1):
                for level in range(LEVELS // 2):
                    if (ord(char) - 0x2800) & half[side][level]:
                        found.add((2 * place + side, base + level))
    return found


def test_a_single_spike_among_many_points_is_drawn_to_the_top():
    values = [0.0] * 10_000
    values[6_789] = 1.0
    series = share(values, 40)
    place = 6_789 * 40 // 10_000
    assert series[place] == Bucket(0.0, 1.0)
    assert {(place, level) for level in range(LEVELS)} <= dots(series)
    assert not [dot for dot in dots(series) if dot[1] > 0 and dot[0] != place]


def test_every_bucket_holds_min_and_max_of_its_points():
    values = np.random.default_rng(7).normal(size=1000)
    for place, bucket in enumerate(share(values, 50)):
        part = values[place * 20 : place * 20 + 20]
        assert bucket == Bucket(part.min(), part.max())


def test_points_stand_where_their_steps_are():
    series = share([1.0, 2.0, 3.0], 10, steps=[0, 50, 99])
    assert [place for place, bucket in enumerate(series) if bucket] == [0, 5, 9]


def test_a_short_series_fills_the_width():
    series = share([1.0, 2.0], 10)
    assert series == [Bucket(1.0, 1.0)] * 5 + [Bucket(2.0, 2.0)] * 5


def test_equal_steps_are_drawn_in_their_order():
    assert share([1.0, 2.0], 2, steps=[5, 5]) == [Bucket(1.0, 1.0), Bucket(2.0, 2.0)]


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_leaves_its_bucket_blank_and_the_scale_alone(odd):
    series = share([0.0, odd, 1.0], 3)
    assert series == [Bucket(0.0, 0.0), None, Bucket(1.0, 1.0)]
    assert {place for place, _ in dots(series)} == {0, 2}


def test_nothing_to_draw_is_blank():
    assert drawn(share([math.nan], 4)) == ("\u2800\u2800", "\u2800\u2800")


def test_the_widest_range_of_floats_and_steps_is_drawn():
    series = share([-1.7e308, 1.7e308], 4, steps=[-(2**63) + 1, 2**63 - 1])
    assert {(0, 0), (3, LEVELS - 1)} <= dots(series)


def test_a_constant_is_one_line_in_the_middle():
    assert {level for _, level in dots(share([5.0] * 8, 8))} == {LEVELS // 2 - 1}


def test_neighbouring_floats_are_drawn_without_error():
    assert dots(share([5e-324, 0.0], 2))
