"""Trends: a metric over wall time, all runs together."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import NamedTuple

import numpy as np

from tracker.errors import RunError
from tracker.index import buckets, chunks
from tracker.index.buckets import Buckets, Table
from tracker.index.chunks import Selection
from tracker.index.encoding import Floats, Ints
from tracker.index.schema import clamp
from tracker.query.aligned import mean
from tracker.query.curves import ALL, NS_PER_S, Span
from tracker.query.nearest import nearest_said
from tracker.query.records import nanoseconds

_ROUND_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
    2 * 86_400, 7 * 86_400, 14 * 86_400, 28 * 86_400, 91 * 86_400, 364 * 86_400,
)  # fmt: skip
"""Widths of a bucket that a person reads with ease, in seconds."""


class Trend(NamedTuple):
    """Figures of a metric by wall time, all runs together; a row for each span that has points.

    Attributes:
        times: int64, nanoseconds since 1970-01-01 UTC, where each span begins.
        width_s: seconds from one beginning to the next.
        runs: int64, runs that logged it meanwhile.
        counts: int64, points.
        nans: int64, how many of them are NaN.
        mean: float64, as min and max of the numbers; NaN where there is none. Infinities count.
        min: float64.
        max: float64.
    """

    times: Ints
    width_s: int
    runs: Ints
    counts: Ints
    nans: Ints
    mean: Floats
    min: Floats
    max: Floats


def reach(since: datetime | None, until: datetime | None) -> Span:
    """First and last nanosecond that are wanted."""
    least = ALL[0] if since is None else nanoseconds(since)
    return clamp(least), ALL[1] if until is None else clamp(nanoseconds(until) - 1)


def zone_s(at: datetime | None) -> int:
    """Seconds by which this machine's clock is ahead of UTC at a time, or now."""
    offset = (at or datetime.now(timezone.utc)).astimezone().utcoffset()
    return int(offset.total_seconds()) if offset else 0


class Question(NamedTuple):
    """Of which runs and times a trend is wanted, and in how many rows at most.

    Rows begin at round times of a zone that is `zone_s` seconds ahead of UTC. `doubt` is what is
    said where there is nothing, see `Index.doubt`.
    """

    key: str
    project: str | None
    reach: Span
    rows: int
    zone_s: int
    doubt: str


def read(connection: sqlite3.Connection, asked: Question) -> Trend:
    """Read a trend, see `Store.trend`.

    Raises:
        RunError: no run of those has the metric; names the nearest.
    """
    key, project = asked.key, asked.project
    runs = connection.execute(
        "SELECT metric.run, word.id FROM word JOIN run JOIN metric "
        "ON metric.run = run.id AND metric.key = word.id "
        "WHERE word.text = ? AND (? IS NULL OR run.project = ?)",
        (key, project, project),
    ).fetchall()
    if not runs:
        raise RunError(_none(connection, key, project) + asked.doubt)
    found = list(_selections(connection, runs, asked.reach))
    ends = [ends for selection in found if (ends := selection.reach()) is not None]
    if not ends:
        return _trend([], Buckets(np.empty(0, np.int64)), 0)
    least, last = min(end[0] for end in ends), max(end[1] for end in ends)
    width_s, cut = _round(least, last, asked.rows, asked.zone_s)
    return _trend([buckets.gathered(one, cut, ends=False) for one in found], cut, width_s)


def _selections(
    connection: sqlite3.Connection, runs: list[tuple[int, int]], reach: Span
) -> Iterator[Selection]:
    rewound = {row[0] for row in connection.execute("SELECT DISTINCT run FROM rewind")}
    for run, word in runs:
        branch = "newest" if run in rewound else "all"
        yield Selection(connection, chunks.parts(connection, run, word), "time", reach, branch)


def _round(least: int, last: int, most: int, zone_s: int) -> tuple[int, Buckets]:
    """Spans of a round width, at most so many unless they are years, that begin at round times."""
    for width_s in _ROUND_S:
        width, shift = width_s * NS_PER_S, zone_s * NS_PER_S
        first, final = (least + shift) // width, (last + shift) // width
        if final - first < most:
            break
    starts = [max(ALL[0], number * width - shift) for number in range(first, final + 1)]
    return width_s, Buckets(np.array(starts, np.int64))


def _trend(tables: list[Table], cut: Buckets, width_s: int) -> Trend:
    whole = buckets.merged(tables)
    places = whole["bucket"]
    logged = np.concatenate([np.empty(0, np.int64), *(table["bucket"] for table in tables)])
    runs = np.bincount(logged, minlength=len(cut.starts))[places]
    return Trend(
        cut.starts[places], width_s, runs, whole["count"], whole["count"] - whole["numbers"],
        mean(whole), whole["min"], whole["max"],
    )  # fmt: skip


def _none(connection: sqlite3.Connection, key: str, project: str | None) -> str:
    names = connection.execute(
        "SELECT DISTINCT word.text FROM run JOIN metric ON metric.run = run.id "
        "JOIN word ON word.id = metric.key "
        "WHERE (? IS NULL OR run.project = ?) AND substr(word.text, 1, 1) <> char(31)",
        (project, project),
    )
    where = "" if project is None else f" of the project {project!r}"
    near = nearest_said(key, (name for (name,) in names)) or "None has any metric."
    return f"no run{where} has a metric {key!r}. {near}"
