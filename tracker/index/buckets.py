"""Buckets: neighbouring places of an axis that are shown as one, and figures of each.

Figures pass over NaN as those of a metric do (see `tracker.index.figures`): it is counted,
infinities are values like any other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.index.chunks import Points, Selection, Sorted
from tracker.index.encoding import Floats, Ints

Table = NDArray[Any]

ROW = np.dtype(
    [
        ("bucket", "<i8"),
        ("count", "<i8"),
        ("numbers", "<i8"),
        ("sum", "<f8"),
        ("min", "<f8"),
        ("max", "<f8"),
        ("first_at", "<i8"),
        ("first_order", "<i8"),
        ("first_seq", "<i8"),
        ("first", "<f8"),
        ("last_at", "<i8"),
        ("last_order", "<i8"),
        ("last_seq", "<i8"),
        ("last", "<f8"),
    ]
)
"""Figures of some points of a bucket; `first` and `last` by their place on the axis, then by the
order of logging. min and max are NaN without a number."""


class Buckets:
    """Buckets by where each begins, ascending; the last one ends with the axis."""

    def __init__(self, starts: Ints | Floats) -> None:
        self.starts = starts

    def places(self, column: NDArray[Any]) -> Ints:
        """Which bucket each of some places of the axis is in."""
        found = np.searchsorted(self.starts, column, "right")
        return found.astype(np.int64) - 1

    def moved(self, by: int) -> Buckets:
        """The same further on along the axis."""
        return Buckets(self.starts + by)


def equal(least: int, most: int, count: int) -> Buckets:
    """At most `count` buckets of equal width, give or take one, over least to most."""
    span = most - least + 1
    count = min(count, span)
    return Buckets(np.array([least + -(-n * span // count) for n in range(count)], np.int64))


def snapped(buckets: Buckets, begins: Iterable[Ints]) -> Buckets:
    """Let buckets begin where a chunk does, if one does less than half a bucket away.

    So chunks lie whole in a bucket wherever that can be, and need not be decoded.
    """
    near = sorted({int(at) for column in begins for at in column})
    starts = [int(at) for at in buckets.starts]
    if len(starts) < 2:  # noqa: PLR2004 - the first one stays, the axis begins there
        return buckets
    half = min(b - a for a, b in pairwise(starts))
    moved = starts[:1]
    for start in starts[1:]:
        at = bisect_left(near, start)
        found = min(near[max(0, at - 1) : at + 1], key=lambda n: abs(n - start), default=start)
        moved.append(found if 2 * abs(found - start) < half else start)
    return Buckets(np.array(moved, np.int64))


def of_points(buckets: Buckets, at: NDArray[Any], values: Floats, order: Ints, seqs: Ints) -> Table:
    """Figures of points, a row for each bucket that has any."""
    if not len(at):
        return np.empty(0, ROW)
    by_place = np.lexsort((seqs, order, at))
    at, values, order, seqs = at[by_place], values[by_place], order[by_place], seqs[by_place]
    places = buckets.places(at)
    begins = np.flatnonzero(np.r_[True, places[1:] != places[:-1]])
    ends = np.r_[begins[1:], len(places)] - 1
    numbers = ~np.isnan(values)
    if at.dtype.kind == "f":  # only their order counts from here on
        at = np.arange(len(at))
    table = np.empty(len(begins), ROW)
    table["bucket"], table["count"] = places[begins], ends - begins + 1
    table["numbers"] = np.add.reduceat(numbers.astype(np.int64), begins)
    with np.errstate(all="ignore"):
        table["sum"] = np.add.reduceat(np.where(numbers, values, 0.0), begins)
        table["min"] = np.fmin.reduceat(values, begins)
        table["max"] = np.fmax.reduceat(values, begins)
    for name, rows in (("first", begins), ("last", ends)):
        table[name], table[f"{name}_at"] = values[rows], at[rows]
        table[f"{name}_order"], table[f"{name}_seq"] = order[rows], seqs[rows]
    return table


def gathered(selection: Selection, buckets: Buckets, *, ends: bool) -> Table:
    """Figures of a selection, by bucket; `ends`: whether first and last are wanted."""
    tables = []
    for found in selection.sorted(buckets.places):
        opened = found.opened
        if ends:
            extent = found.chunks.extent(selection.axis)
            plain = (extent.first == extent.least) & (extent.last == extent.most)
            opened = np.union1d(opened, np.flatnonzero(found.whole & ~plain))
            found = found._replace(whole=found.whole & plain)  # noqa: PLW2901 - it gets smaller
        if found.whole.any():
            tables.append(_of_chunks(found, selection.axis, buckets))
        for at in opened.tolist():
            points = selection.points(found.chunks, at)
            tables.append(_of_opened(points, selection.axis, found.ordinal, buckets))
    return merged(tables)


def _of_opened(points: Points, axis: str, ordinal: int, buckets: Buckets) -> Table:
    order = np.full(len(points.seqs), ordinal)
    return of_points(buckets, points.on(axis), points.values, order, points.seqs)


def _of_chunks(found: Sorted, axis: str, buckets: Buckets) -> Table:
    chunks, whole = found.chunks, found.whole
    assert chunks.figures is not None  # noqa: S101 - else none is whole
    figures, extent = chunks.figures[whole], chunks.extent(axis)
    table = np.empty(len(figures), ROW)
    table["bucket"] = buckets.places(extent.least[whole])
    table["count"] = chunks.rows[whole]
    for name in ("numbers", "sum", "min", "max", "first", "last"):
        table[name] = figures[name]
    table["first_at"], table["last_at"] = extent.least[whole], extent.most[whole]
    table["first_order"] = table["last_order"] = found.ordinal
    table["first_seq"], table["last_seq"] = chunks.first_seqs[whole], chunks.last_seqs[whole]
    return table


def merged(tables: Sequence[Table]) -> Table:
    """Join figures, one row a bucket, in the order of buckets."""
    table = np.concatenate([np.empty(0, ROW), *tables])
    if not len(table):
        return table
    by_first = _ordered(table, "first")
    table = table[by_first]
    begins = np.flatnonzero(np.r_[True, table["bucket"][1:] != table["bucket"][:-1]])
    ends = np.r_[begins[1:], len(table)] - 1
    joined = table[begins]
    with np.errstate(all="ignore"):
        for name in ("count", "numbers", "sum"):
            joined[name] = np.add.reduceat(table[name], begins)
        joined["min"] = np.fmin.reduceat(table["min"], begins)
        joined["max"] = np.fmax.reduceat(table["max"], begins)
    latest = table[_ordered(table, "last")][ends]
    for name in ("last", "last_at", "last_order", "last_seq"):
        joined[name] = latest[name]
    return joined


def _ordered(table: Table, which: str) -> NDArray[np.intp]:
    order = (table[f"{which}_seq"], table[f"{which}_order"], table[f"{which}_at"], table["bucket"])
    return np.lexsort(order)
