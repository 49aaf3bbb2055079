"""A step that was logged more than once is reported as its policy says."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from tracker.errors import BadInput
from tracker.index.history import History
from tracker.query.policy import POLICIES, check_choice, settle

NAN = math.nan


def points(*pairs):
    steps, values = zip(*pairs, strict=True) if pairs else ((), ())
    count = len(pairs)
    return History(
        np.array(steps, np.int64), np.arange(count), np.array(values, float),
        np.arange(count) % 2, ("a" * 16, "b" * 16),
    )  # fmt: skip


def told(found):
    return list(zip(found.steps.tolist(), found.values.tolist(), strict=True))


def test_each_policy_leaves_the_point_it_names():
    logged = points((3, 1.0), (1, 5.0), (3, 2.0), (2, 7.0), (3, 6.0))
    assert told(settle(logged, "all")) == [(3, 1.0), (1, 5.0), (3, 2.0), (2, 7.0), (3, 6.0)]
    assert told(settle(logged, "last")) == [(1, 5.0), (2, 7.0), (3, 6.0)]
    assert told(settle(logged, "first")) == [(1, 5.0), (2, 7.0), (3, 1.0)]
    assert told(settle(logged, "mean")) == [(1, 5.0), (2, 7.0), (3, 3.0)]
    assert settle(logged, "last").times.tolist() == [1, 3, 4]
    assert settle(logged, "mean").times.tolist() == [1, 3, 4]
    assert settle(logged, "first").writers.tolist() == [1, 1, 0]


def test_the_mean_passes_over_nan_unless_there_is_nothing_else():
    found = settle(points((0, NAN), (0, 4.0), (1, NAN), (1, NAN), (2, math.inf), (2, 1.0)), "mean")
    assert found.steps.tolist() == [0, 1, 2]
    assert found.values[0] == 4.0
    assert math.isnan(found.values[1])
    assert found.values[2] == math.inf


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_stays_nothing(policy):
    assert told(settle(points(), policy)) == []


@pytest.mark.parametrize("seed", range(20))
def test_any_points_give_what_a_plain_loop_over_them_gives(seed):
    print("seed", seed)  # noqa: T201 - shown when it fails
    dice = random.Random(seed)
    pairs = [(dice.randint(-4, 4), float(dice.randint(0, 99))) for _ in range(dice.randint(1, 60))]
    groups = {}
    for step, value in pairs:
        groups.setdefault(step, []).append(value)
    ordered = sorted(groups.items())
    assert told(settle(points(*pairs), "last")) == [(s, g[-1]) for s, g in ordered]
    assert told(settle(points(*pairs), "first")) == [(s, g[0]) for s, g in ordered]
    means = [(s, pytest.approx(sum(g) / len(g))) for s, g in ordered]
    assert told(settle(points(*pairs), "mean")) == means


def test_an_unknown_word_is_refused_with_what_there_is():
    with pytest.raises(BadInput, match="policy='median' cannot be used; it is one of all, last"):
        check_choice("median", "newest")
    with pytest.raises(BadInput, match="branch='main' cannot be used; it is one of newest, old"):
        check_choice("all", "main")
