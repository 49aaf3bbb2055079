"""Columns on one axis: several metrics of a run, or one metric of several runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.index import buckets
from tracker.index.buckets import Buckets, Table
from tracker.index.encoding import Floats, Ints
from tracker.query.frames import installed

if TYPE_CHECKING:
    import pandas as pd


class Aligned(NamedTuple):
    """Columns on one axis. A row is a place on it, or a bucket of neighbouring places.

    Attributes:
        by: the axis: "step", "time", "relative time", or the name of a metric.
        at: where each row begins on it: steps or nanoseconds since 1970-01-01 UTC (int64),
            seconds since the start of the run, or values of the metric (float64).
        columns: what the columns are called: keys, or ids of runs.
        values: float64, a row each, a column each: by the policy; NaN where there is nothing.
        low: as `values`: the least number of the row. Infinities count, NaN does not.
        high: the largest.
        counts: int64: how many points there are; 0 tells nothing from a NaN that was logged.
    """

    by: str
    at: Ints | Floats
    columns: tuple[str, ...]
    values: Floats
    low: Floats
    high: Floats
    counts: Ints

    def to_pandas(self) -> pd.DataFrame:
        """`values` as a DataFrame, its index the axis (of time: with its zone, UTC).

        Raises:
            BadInput: pandas is not installed.
        """
        pd = installed("pandas", without="its fields are NumPy arrays")
        index: Any = pd.to_datetime(self.at, utc=True) if self.by == "time" else self.at
        return pd.DataFrame(self.values, pd.Index(index, name=self.by), list(self.columns))


def joined(by: str, at: NDArray[Any], columns: Sequence[str], tables: Sequence[Table],
           policy: str) -> Aligned:  # fmt: skip
    """Put figures by bucket side by side; buckets without any point are left out.

    Args:
        by: the axis.
        at: where each bucket begins.
        columns: what the columns are called.
        tables: figures of each column, see `tracker.index.buckets.ROW`.
        policy: "last", "first" or "mean" of a bucket.
    """
    shape = len(at), len(columns)
    values, low, high = (np.full(shape, np.nan) for _ in range(3))
    counts = np.zeros(shape, np.int64)
    for number, table in enumerate(tables):
        rows = table["bucket"]
        values[rows, number] = mean(table) if policy == "mean" else table[policy]
        low[rows, number], high[rows, number] = table["min"], table["max"]
        counts[rows, number] = table["count"]
    kept = counts.any(axis=1)
    return Aligned(by, at[kept], tuple(columns), values[kept], low[kept], high[kept], counts[kept])


def mean(table: Table) -> Floats:
    """Mean of the numbers of each row; NaN without any, and of both infinities."""
    with np.errstate(all="ignore"):
        found: Floats = table["sum"] / table["numbers"]
    return found


def of_points(
    by: str, columns: Sequence[str], points: Sequence[tuple[NDArray[Any], Floats]],
    most: int | None, policy: str,
) -> Aligned:  # fmt: skip
    """Align points, each column as places on the axis and values, in the order of logging.

    Args:
        by: the axis.
        columns: what the columns are called.
        points: of each column.
        most: rows at most, of equal width; None: a row for each place.
        policy: "last", "first" or "mean" of a row.
    """
    places = np.unique(np.concatenate([at for at, _ in points]))
    if most is not None and len(places) > most:
        places = _spread(places, most)
    cut = Buckets(places)
    tables = [
        buckets.of_points(
            cut, at, values, np.zeros(len(at), np.int64), np.arange(len(at), dtype=np.int64)
        )
        for at, values in points
    ]
    return joined(by, places, columns, tables, policy)


def _spread(places: NDArray[Any], most: int) -> NDArray[Any]:
    """Beginnings of at most so many rows of equal width."""
    if places.dtype.kind == "i":
        return buckets.equal(int(places[0]), int(places[-1]), most).starts
    # Halves first: the difference of two huge values is more than a float holds.
    starts = np.linspace(places[0] / 2, places[-1] / 2, most, endpoint=False) * 2
    starts[0] = places[0]
    return np.unique(starts)
