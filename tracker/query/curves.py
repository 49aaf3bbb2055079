"""Curves: points of metrics for drawing and comparing, as many as are asked for.

What a call wants of an axis is read chunk by chunk (see `tracker.index.chunks`), so that a zoom
into a long run, or a coarse look at it, costs little.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.errors import BadInput
from tracker.index import Index, buckets, chunks, sample
from tracker.index.chunks import Selection
from tracker.index.encoding import Floats
from tracker.index.history import History
from tracker.index.index import numbers
from tracker.query import aligned
from tracker.query.aligned import Aligned
from tracker.query.policy import POLICIES, check_choice, settle

ROWS = 1000
"""Rows on an axis where no two runs meet, unless another number is asked for."""

ALL = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)
CLOCKS = ("time", "relative time")
NS_PER_S = 1_000_000_000

Span = tuple[int, int]
Curve = tuple[str, str]
"""A run id and a key."""


def span(step: slice | Sequence[int | None] | None) -> Span:
    """Least and most step that are wanted.

    Raises:
        BadInput: it is neither a slice without stride nor a pair.
    """
    if step is None:
        return ALL
    if isinstance(step, slice) and step.step in (None, 1):
        ends = step.start, None if step.stop is None else step.stop - 1
    elif not isinstance(step, slice | str) and len(step) == 2:  # noqa: PLR2004 - from and to
        ends = step[0], step[1]
    else:
        raise BadInput(f"step={step!r} cannot be used; give (from, to), both within, or a slice.")
    least, most = (limit if end is None else int(end) for end, limit in zip(ends, ALL, strict=True))
    return max(least, ALL[0]), min(most, ALL[1])


class Wanted(NamedTuple):
    """What is wanted of each curve: see `RunView.history`."""

    steps: Span
    points: int | None
    policy: str
    branch: str
    rank: int | None

    def all_points(self) -> Wanted:
        """The same, none of them left out or joined."""
        return self._replace(points=None, policy="all")


def wanted(
    step: slice | Sequence[int | None] | None, points: int | None, policy: str, branch: str,
    rank: int | None,
) -> Wanted:  # fmt: skip
    """Check what a person asks for.

    Raises:
        BadInput: one of them cannot be used; says what can.
    """
    check_choice(policy, branch)
    if points is not None and points < sample.KEPT:
        raise BadInput(f"points={points!r} cannot be used; it is {sample.KEPT} or more.")
    return Wanted(span(step), points, policy, branch, rank)


def one(index: Index, curve: Curve, want: Wanted) -> History:
    """Points of one metric of one run, see `RunView.history`."""
    most = want.points
    if most is not None and want.policy == "all":
        return _selected(index, curve, want, lambda found: sample.sampled(found, most))
    if want.steps == ALL:
        read = index.history(*curve, branch=want.branch, rank=want.rank)
    else:
        read = _selected(index, curve, want, sample.everything)
    settled = settle(read, want.policy)
    return settled if most is None else sample.of_history(settled, most)


def _selected(
    index: Index, curve: Curve, want: Wanted, reading: Callable[[Selection], History]
) -> History:
    return index.read(lambda connection: reading(_selection(connection, curve, "step", want)))


def _selection(connection: sqlite3.Connection, curve: Curve, axis: str, want: Wanted) -> Selection:
    parts = chunks.parts(connection, *numbers(connection, *curve), want.rank)
    return Selection(connection, parts, axis, want.steps, want.branch)


def columns(
    index: Index, names: Sequence[str], curves: Sequence[Curve], by: str, want: Wanted
) -> Aligned:
    """Curves side by side on one axis, see `Store.history`.

    Raises:
        BadInput: the policy does not leave one value a row.
    """
    if want.policy not in POLICIES[1:]:
        raise BadInput(
            f"policy={want.policy!r} cannot be used where columns are aligned; it is one of "
            f"{', '.join(POLICIES[1:])}."
        )
    if by == "step" and want.points is None:
        read = [one(index, curve, want.all_points()) for curve in curves]
        found = [(points.steps, points.values) for points in read]
        return aligned.of_points(by, names, found, None, want.policy)
    if by == "step" or (by in CLOCKS and want.steps == ALL):
        return _bucketed(index, names, curves, by, want)
    found = [_placed(index, curve, by, want) for curve in curves]
    return aligned.of_points(by, names, found, want.points or ROWS, want.policy)


def _bucketed(
    index: Index, names: Sequence[str], curves: Sequence[Curve], by: str, want: Wanted
) -> Aligned:
    """Curves in buckets of steps or of time, read in one transaction."""
    axis = "step" if by == "step" else "time"
    origins = [began(index, run) if by == "relative time" else 0 for run, _ in curves]

    def read(connection: sqlite3.Connection) -> Aligned:
        found = [_selection(connection, curve, axis, want) for curve in curves]
        reaches = [
            (reach[0] - origin, reach[1] - origin)
            for selection, origin in zip(found, origins, strict=True)
            if (reach := selection.reach()) is not None
        ]
        least = min((reach[0] for reach in reaches), default=0)
        most = max((reach[1] for reach in reaches), default=0)
        cut = buckets.equal(least, most, want.points or ROWS)
        tables = [
            buckets.gathered(selection, cut.moved(origin), ends=want.policy != "mean")
            for selection, origin in zip(found, origins, strict=True)
        ]
        at = cut.starts / NS_PER_S if by == "relative time" else cut.starts
        return aligned.joined(by, at, names, tables, want.policy)

    return index.read(read)


def _placed(index: Index, curve: Curve, by: str, want: Wanted) -> tuple[NDArray[Any], Floats]:
    """Where points stand by a clock, or by what another metric was at their step."""
    y = one(index, curve, want.all_points())
    if by == "time":
        return y.times, y.values
    if by == "relative time":
        return (y.times - began(index, curve[0])) / NS_PER_S, y.values
    x = index.history(curve[0], by, branch=want.branch, rank=want.rank)
    x = settle(x.only(np.isfinite(x.values)), "last")
    if not len(x.steps):
        return np.empty(0), np.empty(0)
    at = np.minimum(np.searchsorted(x.steps, y.steps), len(x.steps) - 1)
    there = x.steps[at] == y.steps
    return x.values[at[there]], y.values[there]


def began(index: Index, run_id: str) -> int:
    """When a run started, in nanoseconds since 1970-01-01 UTC."""
    rows = index.query("SELECT started_at FROM runs WHERE id = ?", (run_id,))
    return int(rows[0][0]) if rows else 0
