"""Sampling: fewer points of one metric, of which a curve looks the same.

Each bucket of the axis keeps its first and last point, and those with its least and largest
number, so that no spike vanishes however narrow it is (M4: Jugel, Jerzak, Hackenbroich and Markl,
"M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014). NaN and infinities have
no height in a curve: the first of each in a bucket is kept beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.index.branches import Mask
from tracker.index.buckets import Buckets, equal, snapped
from tracker.index.chunks import Chunks, Points, Selection
from tracker.index.encoding import Floats, Ints
from tracker.index.history import History

KEPT = 4
"""Points that a bucket keeps where all values are finite."""


class _Column(NamedTuple):
    """Points in no order, and which of the writers logged each."""

    at: Ints
    points: Points
    writers: Ints


def sampled(selection: Selection, most: int) -> History:
    """Points of a selection in the order of the axis: all if they are at most so many, else picked.

    With more, each bucket of `cut` keeps its own.
    """
    buckets = cut(selection, most)
    few = selection.sure() <= most
    found = _sorted(_joined(_opened(selection) if few else _candidates(selection, buckets)))
    if len(found.at) > most or (len(found.at) and not few):
        found = _only(found, picks(found.at, found.points.values, buckets))
    return _history(found, selection)


def cut(selection: Selection, most: int) -> Buckets:
    """The buckets of which each keeps its points: `most // 4`, moved to where chunks begin."""
    reach = selection.reach() or (0, 0)
    begins = [chunks.extent(selection.axis).least for chunks in selection.chunks]
    return snapped(equal(*reach, max(1, most // KEPT)), begins)


def everything(selection: Selection) -> History:
    """Every point of a selection, in the order of logging."""
    found = _joined(_opened(selection))
    return _history(_only(found, np.lexsort((found.points.seqs, found.writers))), selection)


def of_history(points: History, most: int) -> History:
    """The same by step, of points that were read already and stand in the order of steps."""
    steps = points.steps
    if len(steps) <= most:
        return points
    buckets = equal(int(steps[0]), int(steps[-1]), max(1, most // KEPT))
    return points.only(picks(steps, points.values, buckets))


def picks(at: Ints, values: Floats, buckets: Buckets) -> Ints:
    """Places of the points to keep, ascending; `at` is sorted and not empty."""
    places = buckets.places(at[[0, -1]])
    inner = buckets.starts[places[0] + 1 : places[1] + 1]
    cuts = np.unique(np.r_[0, np.searchsorted(at, inner), len(at)])
    finite = np.isfinite(values)
    plain = bool(finite.all())
    kept: list[int] = []
    for begin, end in pairwise(cuts.tolist()):
        part = values[begin:end]
        kept += (begin, end - 1)
        if plain:
            kept += (begin + int(part.argmin()), begin + int(part.argmax()))
        else:
            kept += _odd(part, finite[begin:end], begin)
    return np.unique(np.array(kept, np.int64))


def _odd(part: Floats, finite: Mask, begin: int) -> list[int]:
    """Least and largest of the finite values; the first NaN, the first of each infinity."""
    kept = []
    if finite.any():
        kept += [int(np.where(finite, part, np.inf).argmin())]
        kept += [int(np.where(finite, part, -np.inf).argmax())]
    for hits in (np.isnan(part), part == np.inf, part == -np.inf):
        if hits.any():
            kept.append(int(hits.argmax()))
    return [begin + place for place in kept]


def _candidates(selection: Selection, buckets: Buckets) -> Iterator[_Column]:
    """Points of which those to keep are some: four of a whole chunk, picked ones of others."""
    for found in selection.sorted(buckets.places):
        chunks, extent = found.chunks, found.chunks.extent(selection.axis)
        plain = found.whole
        if chunks.figures is not None:
            figures = chunks.figures
            plain = plain & (figures["numbers"] == chunks.rows)
            plain &= np.isfinite(figures["min"]) & np.isfinite(figures["max"])
            plain &= (extent.first == extent.least) & (extent.last == extent.most)
            if plain.any():
                yield _told(chunks, plain, selection.axis, found.ordinal)
        for at in np.union1d(found.opened, np.flatnonzero(found.whole & ~plain)).tolist():
            column = _sorted(_column(selection, chunks, int(at), found.ordinal))
            if len(column.at):
                yield _only(column, picks(column.at, column.points.values, buckets))


def _told(chunks: Chunks, which: Mask, axis: str, ordinal: int) -> _Column:
    """First, least, largest and last points of chunks, by their figures alone."""
    assert chunks.figures is not None  # noqa: S101 - else none is told
    figures = chunks.figures[which]
    step, time = chunks.step, chunks.time
    firsts, lasts = chunks.first_seqs[which], chunks.last_seqs[which]
    steps = [step.first[which], figures["min_step"], figures["max_step"], step.last[which]]
    times = [time.first[which], figures["min_time"], figures["max_time"], time.last[which]]
    values = [figures["first"], figures["min"], figures["max"], figures["last"]]
    columns = Points(*map(np.stack, (steps, times, (firsts, firsts, firsts, lasts), values)))
    fresh = np.ones(columns.steps.shape, np.bool_)
    fresh[3] = firsts != lasts
    for extreme in (1, 2):  # which may be the first or last point once more
        for end in (0, 3):
            again = [column[extreme] == column[end] for column in (steps, times, values)]
            fresh[extreme] &= ~np.logical_and.reduce(again)
    points = columns.only(fresh)
    return _Column(points.on(axis), points, np.full(len(points.seqs), ordinal))


def _column(selection: Selection, chunks: Chunks, at: int, ordinal: int) -> _Column:
    points = selection.points(chunks, at)
    return _Column(points.on(selection.axis), points, np.full(len(points.seqs), ordinal))


def _opened(selection: Selection) -> Iterator[_Column]:
    """Every point."""
    for found in selection.sorted(lambda column: np.arange(len(column))):
        for at in np.union1d(found.opened, np.flatnonzero(found.whole)).tolist():
            yield _column(selection, found.chunks, int(at), found.ordinal)


def _joined(columns: Iterable[_Column]) -> _Column:
    """One after the other."""
    empty = np.empty(0, np.int64)
    nothing = _Column(empty, Points(empty, empty, empty, np.empty(0)), empty)
    at, points, writers = zip(nothing, *columns, strict=True)
    steps, times, seqs, values = map(np.concatenate, zip(*points, strict=True))
    joined = Points(steps, times, seqs, values)
    return _Column(np.concatenate(at), joined, np.concatenate(writers))


def _sorted(column: _Column) -> _Column:
    """In the order of the axis, then of logging."""
    return _only(column, np.lexsort((column.points.seqs, column.writers, column.at)))


def _only(column: _Column, which: NDArray[np.intp]) -> _Column:
    return _Column(column.at[which], column.points.only(which), column.writers[which])


def _history(column: _Column, selection: Selection) -> History:
    points = column.points
    return History(points.steps, points.times, points.values, column.writers, selection.writers)
