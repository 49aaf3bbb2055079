"""Figures of a metric: of a chunk, of the chunks of a sheet, of all sheets of a run.

NaN is counted, and may be first or last, but min, max and mean pass over it. Infinities
are values like any other; the mean of both of them is NaN. The steps of min and max are
the lowest at which the value was reached. All of it is a function of the points and the
fixed cutting into chunks, never of when they were read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Record = np.dtype(
    [
        ("numbers", "<i8"),
        ("sum", "<f8"),
        ("min", "<f8"),
        ("min_step", "<i8"),
        ("max", "<f8"),
        ("max_step", "<i8"),
        ("first", "<f8"),
        ("last", "<f8"),
        ("min_time", "<i8"),
        ("max_time", "<i8"),
    ]
)
"""Figures of one key in one chunk. Without any number, min and max are NaN.

The times are those of the points that `min_step` and `max_step` name.
"""

_NO_STEP = np.iinfo(np.int64).max


def of_chunk(
    steps: NDArray[np.int64], times: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[Any]:
    """Figures per key of a chunk; `values` has one row a key, contiguous."""
    figures = np.empty(len(values), Record)
    with np.errstate(all="ignore"):
        if np.isnan(values).any():
            numbers = ~np.isnan(values)
            figures["numbers"] = numbers.sum(axis=1)
            figures["sum"] = np.where(numbers, values, 0.0).sum(axis=1)
        else:
            figures["numbers"] = values.shape[1]
            figures["sum"] = values.sum(axis=1)
        figures["min"] = least = np.fmin.reduce(values, axis=1)
        figures["max"] = most = np.fmax.reduce(values, axis=1)
    for name, extreme in (("min", least), ("max", most)):
        at = _lowest(steps, values == extreme[:, None])
        figures[f"{name}_step"], figures[f"{name}_time"] = steps[at], times[at]
    figures["first"] = values[:, 0]
    figures["last"] = values[:, -1]
    return figures


def _lowest(steps: NDArray[np.int64], hits: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Place of the first hit with the lowest step, in each row."""
    at = np.where(hits, steps, _NO_STEP).argmin(axis=1)
    found = hits[np.arange(len(hits)), at]
    lowest: NDArray[np.intp] = at if found.all() else np.where(found, at, hits.argmax(axis=1))
    return lowest


def of_sheet(chunks: NDArray[Any]) -> NDArray[Any]:
    """Figures per key of a whole sheet; `chunks` has one row a chunk, in order."""
    if len(chunks) == 1:
        whole: NDArray[Any] = chunks[0]
        return whole
    total = np.empty(chunks.shape[1], Record)
    total["numbers"] = chunks["numbers"].sum(axis=0)
    with np.errstate(all="ignore"):
        total["sum"] = np.cumsum(chunks["sum"], axis=0)[-1]
        total["min"] = least = np.fmin.reduce(chunks["min"], axis=0)
        total["max"] = most = np.fmax.reduce(chunks["max"], axis=0)
    total["min_step"] = np.where(chunks["min"] == least, chunks["min_step"], _NO_STEP).min(axis=0)
    total["max_step"] = np.where(chunks["max"] == most, chunks["max_step"], _NO_STEP).min(axis=0)
    total["min_time"] = total["max_time"] = 0  # of a chunk only
    total["first"] = chunks[0]["first"]
    total["last"] = chunks[-1]["last"]
    return total


class Part(NamedTuple):
    """One key in one sheet. Sorted, parts stand in the order in which sums are taken."""

    start: int
    writer: str
    first_seq: int
    last_seq: int
    last_step: int
    rows: int
    figures: tuple[int, float, float, int, float, int, float, float, int, int]


@dataclass(frozen=True)
class Total:
    """A row of the table `metric` behind run and key, as SQLite holds it: None for NaN."""

    count: int
    nans: int
    first: float | None
    last: float | None
    min: float | None
    max: float | None
    mean: float | None
    last_step: int
    min_step: int | None
    max_step: int | None

    def row(self) -> tuple[int | float | None, ...]:
        """The columns in the table's order."""
        return tuple(vars(self).values())


def of_run(parts: Sequence[Part]) -> Total:
    """Join a key's sheets, given in any order."""
    ordered = sorted(parts, key=lambda part: part[:4])
    count = sum(part.rows for part in ordered)
    numbers = sum(part.figures[0] for part in ordered)
    last = max(ordered, key=lambda part: (part.start, part.writer, part.last_seq))
    total = 0.0
    for part in ordered:
        total += part.figures[1]
    with_numbers = [part.figures for part in ordered if part.figures[0]]
    low = min(((f[2], f[3]) for f in with_numbers), default=(None, None))
    high = max(((f[4], -f[5]) for f in with_numbers), default=None)
    return Total(
        count, count - numbers, _stored(ordered[0].figures[6]), _stored(last.figures[7]),
        low[0], high[0] if high else None, _stored(total / numbers) if numbers else None,
        last.last_step, low[1], -high[1] if high else None,
    )  # fmt: skip


def _stored(value: float) -> float | None:
    return None if value != value else value  # noqa: PLR0124 - NaN is what differs from itself
