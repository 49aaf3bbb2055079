"""Two multisets of points are equal by digest when they are, and only then; memory stays small."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from syncd.points import SHARES, Points, hexadecimal
from syncd.sinks import Point

NOTHING = Points()


def some(rows, wanted=()):
    points = Points(wanted)
    points.add(Point(*row) for row in rows)
    return points


def rows(seed, count=300):
    chosen = random.Random(seed)
    return [
        (chosen.choice("ab"), chosen.randrange(-3, 3), chosen.randrange(3), chosen.choice(VALUES))
        for _ in range(count)
    ]


VALUES = (0.0, -1.0, -2.0, 1e300, float("nan"), float("inf"), 1 / 3)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_is_of_no_meaning_and_each_row_is(seed):
    """Also rows that are there twice, and -1 for -2, which Python's hash takes for the same."""
    first = rows(seed)
    shuffled = random.Random(seed).sample(first, len(first))
    assert some(first).digest == some(shuffled).digest
    assert some(first).apart(some(shuffled), NOTHING) == []
    for other in (
        first[1:], [*first, first[0]], [(k, -2 if s == -1 else -1 if s == -2 else s, t, v)
                                       for k, s, t, v in first],
    ):  # fmt: skip
        assert some(first).digest != some(other).digest
        assert some(first).apart(some(other), NOTHING)


def test_rows_of_the_shares_that_differ_tell_what_differs():
    there = [("a", step, 5, step / 3) for step in range(5000)]
    here = [*there[:-1], ("a", 4999, 6, 4999 / 3)]
    apart = some(there).apart(some(here), NOTHING)
    assert 1 <= len(apart) <= 2
    left, right = some(there, apart).rows, some(here, apart).rows
    assert list((left - right).elements()) == [there[-1]]
    assert list((right - left).elements()) == [here[-1]]
    assert left.total() < 5000 * 20 / SHARES + 20


def test_what_waits_may_be_there_or_not():
    here, waiting = some([("a", 0, 0, 1.0)]), some([("a", 1, 0, 2.0)])
    both = some([("a", 0, 0, 1.0), ("a", 1, 0, 2.0)])
    assert here.apart(here, waiting) == both.apart(here, waiting) == []
    assert some([]).apart(here, waiting)


def test_zero_has_one_sign_and_nan_one_form():
    assert some([("a", 0, 0, -0.0)]).digest == some([("a", 0, 0, 0)]).digest
    assert some([("a", 0, 0, float("-nan"))]).digest == some([("a", 0, 0, float("nan"))]).digest


def test_digests_of_parts_add_up():
    first, second = rows(1), rows(2)
    parts = some(first).digest + some(second).digest
    assert hexadecimal(parts) == hexadecimal(some(first + second).digest)
    assert len(hexadecimal(0)) == 32


def test_memory_does_not_grow_with_the_points():
    points = Points()
    tracemalloc.start()
    try:
        points.add(Point("k", step, 0, 0.5) for step in range(1000))
        before = tracemalloc.get_traced_memory()[0]
        points.add(Point("k", step, 0, 0.5) for step in range(1000, 20_000))
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 250_000, "only until each share has some"
