"""Intervals are those of the tables, and hold as often as they say."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from tracker.query.noise import LEVEL, contrast, spread
from tracker.query.student import quantile

# Two sides, 5 %: from the tables of Student's t in textbooks.
TABLE = {1: 12.7062, 2: 4.30265, 3: 3.18245, 5: 2.57058, 10: 2.22814, 30: 2.04227, 120: 1.97993}


@pytest.mark.parametrize(("freedom", "value"), TABLE.items())
def test_quantiles_of_t_are_those_of_the_tables(freedom, value):
    assert quantile(0.975, freedom) == pytest.approx(value, rel=3e-6)


def test_quantiles_of_t_have_their_closed_forms():
    """With 1 degree of freedom it is Cauchy's, with 2 algebraic, with very many normal."""
    for p in (0.5, 0.6, 0.9, 0.999, 1 - 1e-7):
        assert quantile(p, 1) == pytest.approx(math.tan(math.pi * (p - 0.5)), abs=1e-9, rel=1e-8)
        two = (2 * p - 1) / math.sqrt(2 * p * (1 - p))
        assert quantile(p, 2) == pytest.approx(two, abs=1e-9, rel=1e-8)
    assert quantile(0.975, 1e6) == pytest.approx(statistics.NormalDist().inv_cdf(0.975), rel=2e-6)
    assert quantile(0.9, 2.5) == pytest.approx(1.7302509288, rel=1e-9)


def test_welch_has_the_interval_that_scipy_has():
    """Unequal numbers and variances: ttest_ind(equal_var=False) has 7.94 degrees of freedom."""
    one, other = spread([27.5, 21.0, 19.0, 23.6, 17.0, 17.9]), spread([27.1, 22.0, 20.8, 23.4])
    found = contrast(one, other)
    assert found.delta == pytest.approx(21.0 - 23.325)
    assert (found.low, found.high) == pytest.approx((-7.215376760444687, 2.565376760444681))
    assert (found.rule, found.inside) == ("welch", True)


@pytest.mark.parametrize(("n", "m"), [(3, 3), (5, 3), (4, 1), (1, 6)])
def test_an_interval_holds_the_true_difference_as_often_as_it_says(n, m):
    """Seed 7, 1,000 draws. Welch's is a little on the safe side with so few values."""
    dice = random.Random(7)
    held = 0
    for _ in range(1000):
        one = spread([dice.gauss(1.0, 1.0) for _ in range(n)])
        other = spread([dice.gauss(0.5, 1.0) for _ in range(m)])
        found = contrast(one, other)
        # With one value the interval is for a further value: it is that which is held.
        held += found.low <= 0.5 <= found.high if min(n, m) > 1 else _further(one, other, dice)
    assert LEVEL - 0.025 < held / 1000 < LEVEL + 0.03


def _further(one, other, dice):
    many = one if one.n > 1 else other
    mean = 1.0 if many is one else 0.5
    single = spread([dice.gauss(mean, 1.0)])
    return contrast(single, many).inside


def test_without_repeats_the_noise_is_not_known():
    found = contrast(spread([1.0]), spread([2.0]))
    assert (found.rule, found.inside, found.low) == ("unknown", None, None)


def test_more_comparisons_make_the_interval_wider():
    one, other = spread([1.0, 1.2, 1.1]), spread([1.5, 1.4, 1.6])
    alone, many = contrast(one, other), contrast(one, other, 10)
    assert (alone.level, many.level) == pytest.approx((0.95, 0.995))
    assert many.low < alone.low
    assert many.high > alone.high


def test_equal_values_have_no_spread_and_huge_ones_no_overflow():
    assert spread([0.1, 0.1, 0.1]).std == 0.0
    found = contrast(spread([1e308, -1e308]), spread([1.7e308, 1.6e308]))
    assert math.isfinite(spread([1e308, -1e308]).std)
    assert found.inside
    assert spread([0.0, 0.0]).mean == 0.0
