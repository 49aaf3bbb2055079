"""Curves of compared runs: which are drawn, and by which points."""

from __future__ import annotations

from collections.abc import Iterator

import click
import numpy as np
from numpy.typing import NDArray

from tracker.cli.curve import Series
from tracker.query.compared import Compared
from tracker.query.comparison import Comparison

MOST = 8
"""Curves in one picture; more cannot be told apart."""

_COLOURS = ("cyan", "yellow", "magenta", "green", "blue", "red", "bright_white", "bright_black")


def colours(number: int, text: str) -> str:
    """Paint a text in the colour of a series, see `tracker.cli.curve`."""
    return click.style(text, fg=_COLOURS[number % len(_COLOURS)])


def chosen(comparison: Comparison) -> list[Compared]:
    """Which runs are drawn: all, or the baseline and the best of each setting, then the others.

    In the order of the comparison; none of those that do not have the metric.
    """
    having = [one for one in comparison.runs if comparison.metric in one.values]
    first = [group.runs[0] for group in comparison.groups]
    wanted = [comparison.baseline, *first, *having]
    ids = [one.id for one in wanted if comparison.metric in one.values]
    picked = list(dict.fromkeys(ids))[:MOST]
    return [one for one in having if one.id in picked]


def drawn(comparison: Comparison) -> Iterator[tuple[Compared, Series]]:
    """Yield the runs that are drawn, each with its curve."""
    for one in chosen(comparison):
        points = one.run.history(comparison.metric)
        place = comparison.runs.index(one) + 1
        yield one, Series(f"{comparison.labels[one.id]} (#{place})", points.steps, points.values)


def thinned(points: Series, buckets: int) -> Series:
    """The first, last, smallest and largest finite point of each bucket, in the order of steps.

    A value that is not finite stays where it parts two others, so that a line breaks there.
    """
    order = np.argsort(points.xs, kind="stable")
    xs, ys = points.xs[order], points.ys[order]
    if len(xs) <= 4 * buckets:
        return Series(points.name, xs, ys)
    at = xs.astype(np.float64)
    span = at[-1] / 2 - at[0] / 2
    if span:
        places = np.minimum((at / 2 - at[0] / 2) / span * buckets, buckets - 1).astype(np.int64)
    else:
        places = np.arange(len(xs)) * buckets // len(xs)
    kept = np.zeros(len(xs), np.bool_)
    odd = ~np.isfinite(ys)
    kept[1:] |= odd[1:] & ~odd[:-1]
    for value in (np.where(odd, np.inf, ys), np.where(odd, np.inf, -ys)):
        kept[_firsts(np.lexsort((value, places)), places)] = True
    kept[_firsts(np.arange(len(xs)), places)] = True
    kept[_firsts(np.arange(len(xs))[::-1], places)] = True
    return Series(points.name, xs[kept], ys[kept])


def _firsts(order: NDArray[np.intp], places: NDArray[np.int64]) -> NDArray[np.intp]:
    """The first point of each place in an order that is one of places."""
    sorted_places = places[order]
    return order[np.flatnonzero(np.r_[True, sorted_places[1:] != sorted_places[:-1]])]
