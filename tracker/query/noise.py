"""Noise: what runs that are equal but for the seed differ by, and what is more than that.

Runs are one group where everything that was set is equal: config (but for the seed keys), code
and the data that was used. A run without any config is alone: nothing says what it repeats.

Whether two groups differ is told by an interval for the difference of their means; a difference
is inside the noise if 0 is in it.

    n >= 2 in both     the interval of Welch (Biometrika 34, 1947, page 28): variances need not be
                       equal; degrees of freedom by Satterthwaite
    n = 1 in one       the prediction interval for one further value of the other group: as if the
                       single run scattered as that group does
    n = 1 in both      the noise is not known

All assume values that scatter about as a normal distribution does. The level is 95 % for all
comparisons with a baseline together: each of m has 1 - 0.05 / m (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tracker.query.student import quantile

LEVEL = 0.95


class Spread(NamedTuple):
    """Some values: their number, mean, standard deviation (None for one value), lowest, highest."""

    n: int
    mean: float
    std: float | None
    low: float
    high: float


class Contrast(NamedTuple):
    """The difference of two means and its interval, at a level; None where noise is not known.

    `rule` is "welch", "prediction" or "unknown".
    """

    delta: float
    low: float | None
    high: float | None
    level: float
    rule: str

    @property
    def inside(self) -> bool | None:
        """Whether the difference is inside the noise; None where that is not known."""
        if self.low is None or self.high is None:
            return None
        return self.low <= 0 <= self.high


def spread(values: Sequence[float]) -> Spread:
    """Figures of finite values, at least one of them."""
    count = len(values)
    scale = max(map(abs, values)) or 1.0  # squares of huge values are more than a float holds
    mean = math.fsum(value / scale for value in values) / count
    std = None
    if count > 1:
        squares = math.fsum((value / scale - mean) ** 2 for value in values)
        std = math.sqrt(squares / (count - 1)) * scale if min(values) < max(values) else 0.0
    return Spread(count, mean * scale, std, min(values), max(values))


def contrast(one: Spread, other: Spread, comparisons: int = 1) -> Contrast:
    """Compare the mean of `one` with that of `other`, as one of so many comparisons."""
    level = 1 - (1 - LEVEL) / max(1, comparisons)
    delta = one.mean - other.mean
    if one.std is not None and other.std is not None:
        rule, half = "welch", _welch(one, other, (1 + level) / 2)
    elif one.std is not None or other.std is not None:
        many = one if one.std is not None else other
        factor = quantile((1 + level) / 2, many.n - 1) * math.sqrt(1 + 1 / many.n)
        rule, half = "prediction", (many.std or 0.0) * factor
    else:
        return Contrast(delta, None, None, level, "unknown")
    return Contrast(delta, delta - half, delta + half, level, rule)


def _welch(one: Spread, other: Spread, probability: float) -> float:
    """Half the width of the interval."""
    scale = max(one.std or 0.0, other.std or 0.0)
    if not scale:
        return 0.0
    parts = [((s.std or 0.0) / scale) ** 2 / s.n for s in (one, other)]
    total = sum(parts)
    freedom = total**2 / sum(
        part**2 / (s.n - 1) for part, s in zip(parts, (one, other), strict=True)
    )
    return quantile(probability, freedom) * math.sqrt(total) * scale
