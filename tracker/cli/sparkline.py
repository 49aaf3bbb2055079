"""Sparklines: a series in two lines of braille dots, each bucket drawn from its min to its max."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEVELS = 8
"""Heights of two lines of dots."""

_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
"""Braille bits of the left and right half of a character, from the lowest dot up (Unicode 2800)."""


class Bucket(NamedTuple):
    """Smallest and largest finite value among neighbouring points."""

    low: float
    high: float


def buckets(
    steps: NDArray[np.int64], values: NDArray[np.float64], count: int
) -> list[Bucket | None]:
    """Share points out over `count` buckets of equal width in steps.

    A bucket without a finite value is None. Where all steps are the same, the points' order
    stands for them. Where there are fewer steps than buckets, each step fills several.
    """
    finite = np.isfinite(values)
    if not finite.any():
        return [None] * count
    at = steps.astype(np.float64)
    at = np.arange(len(at), dtype=np.float64) if at.min() == at.max() else at - at.min()
    span = at.max() + 1
    parts = int(min(count, span))
    places = np.minimum(at[finite] * parts // span, parts - 1).astype(np.int64)
    lows, highs = np.full(parts, np.inf), np.full(parts, -np.inf)
    np.minimum.at(lows, places, values[finite])
    np.maximum.at(highs, places, values[finite])
    found = [
        Bucket(low, high) if low <= high else None
        for low, high in zip(lows.tolist(), highs.tolist(), strict=True)
    ]
    return [found[place * parts // count] for place in range(count)]


def drawn(series: Sequence[Bucket | None]) -> tuple[str, str]:
    """Upper and lower line of a drawing, two buckets a character; a None is left blank."""
    known = [bucket for bucket in series if bucket is not None]
    low = min((bucket.low for bucket in known), default=0.0)
    high = max((bucket.high for bucket in known), default=0.0)
    upper = [0] * ((len(series) + 1) // 2)
    lower = list(upper)
    for place, bucket in enumerate(series):
        if bucket is None:
            continue
        for level in range(_level(bucket.low, low, high), _level(bucket.high, low, high) + 1):
            line = upper if level >= LEVELS // 2 else lower
            line[place // 2] |= _DOTS[place % 2][level % (LEVELS // 2)]
    return _text(upper), _text(lower)


def _level(value: float, low: float, high: float) -> int:
    if high == low:
        return LEVELS // 2 - 1
    # Halves first: the difference of two huge values is more than a float holds.
    span = high / 2 - low / 2
    share = (value / 2 - low / 2) / span if span else 0.0
    return min(LEVELS - 1, max(0, round(share * (LEVELS - 1))))


def _text(line: Sequence[int]) -> str:
    return "".join(chr(0x2800 + dots) for dots in line)
