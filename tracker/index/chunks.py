"""Chunks of one key's points: where they stand on an axis, and which of them need decoding.

The figures of a chunk tell all that a bucket wants of it, so one that lies whole in a bucket is
not decoded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.index import branches
from tracker.index.branches import Mask, Rewind
from tracker.index.encoding import Floats, Ints, decode_floats, decode_ints
from tracker.index.figures import Record
from tracker.index.schema import CHUNK_BITS

AXES = ("step", "time")

_FIGURED_KEYS = 128
"""Keys of a sheet from which on the figures of a chunk, which stand together, are longer than the
values of one key."""

_COLUMNS = (
    "id, rows, first_seq, last_seq, first_step, last_step, least_step, most_step, "
    "first_time, last_time, least_time, most_time"
)


class Part(NamedTuple):
    """One key in one sheet; `place` is where the key stands among the `keys` of the sheet."""

    run: int
    series: int
    sheet: int
    rows: int
    writer: str
    journal: int
    place: int
    keys: int


class Extent(NamedTuple):
    """First and last, least and most of each chunk on an axis."""

    first: Ints
    last: Ints
    least: Ints
    most: Ints


class Chunks(NamedTuple):
    """The chunks of a part, a row each; `figures` is None where decoding costs less."""

    part: Part
    numbers: Ints
    rows: Ints
    first_seqs: Ints
    last_seqs: Ints
    step: Extent
    time: Extent
    figures: NDArray[Any] | None

    def extent(self, axis: str) -> Extent:
        """Where they stand on an axis."""
        return self.step if axis == "step" else self.time


class Points(NamedTuple):
    """Decoded points, columns of equal length."""

    steps: Ints
    times: Ints
    seqs: Ints
    values: Floats

    def only(self, which: Any) -> Points:
        """Some of them."""
        return Points(self.steps[which], self.times[which], self.seqs[which], self.values[which])

    def on(self, axis: str) -> Ints:
        """Where they stand on an axis."""
        return self.steps if axis == "step" else self.times


def parts(
    connection: sqlite3.Connection, run: int, key: int, rank: int | None = None
) -> list[Part]:
    """Where a run's key stands, in the order of journals (start, writer id)."""
    found = connection.execute(
        "SELECT series.run, series.id, sheet.id, sheet.rows, journal.writer, journal.id, "
        "sheet.keys FROM series "
        "JOIN sheet ON sheet.id = series.sheet JOIN journal ON journal.id = sheet.journal "
        "WHERE series.run = ? AND series.key = ? AND (? IS NULL OR journal.rank = ?) "
        "ORDER BY journal.start, journal.writer, sheet.id",
        (run, key, rank, rank),
    )
    return [_part(key, row) for row in found]


def _part(key: int, row: tuple[Any, ...]) -> Part:
    run, series, sheet, rows, writer, journal, keys = row
    names = keys.split(",")
    place = names.index(str(key))
    return Part(run, series, sheet, rows, writer, journal, place, len(names))


def within(
    connection: sqlite3.Connection, part: Part, axis: str, least: int, most: int
) -> Chunks | None:
    """Chunks of a part that reach into a span of an axis; None if there are none."""
    figured = part.keys <= _FIGURED_KEYS
    rows = connection.execute(
        f"SELECT {_COLUMNS}{', figures' if figured else ''} FROM chunk "  # noqa: S608 - names are ours
        f"WHERE id >= ? AND id < ? AND most_{axis} >= ? AND least_{axis} <= ? ORDER BY id",
        (part.sheet << CHUNK_BITS, (part.sheet + 1) << CHUNK_BITS, least, most),
    ).fetchall()
    if not rows:
        return None
    columns = np.array([row[:12] for row in rows], np.int64).T
    figures = None
    if figured:
        table = np.frombuffer(b"".join([row[12] for row in rows]), Record)
        figures = table.reshape(len(rows), part.keys)[:, part.place]
    numbers = columns[0] - (part.sheet << CHUNK_BITS)
    rows_of, first_seqs, last_seqs = columns[1:4]
    step, time = Extent(*columns[4:8]), Extent(*columns[8:12])
    return Chunks(part, numbers, rows_of, first_seqs, last_seqs, step, time, figures)


def decode(connection: sqlite3.Connection, chunks: Chunks, at: int) -> Points:
    """Read one of the chunks.

    Raises:
        ValueError: the stored columns are damaged.
    """
    part, number, rows = chunks.part, int(chunks.numbers[at]), int(chunks.rows[at])
    axes = connection.execute(
        "SELECT steps, times, seqs FROM chunk WHERE id = ?", ((part.sheet << CHUNK_BITS) + number,)
    ).fetchone()
    data = connection.execute(
        "SELECT data FROM points WHERE id = ?", ((part.series << CHUNK_BITS) + number,)
    ).fetchone()
    if axes is None or data is None:
        raise ValueError(f"chunk {number} of sheet {part.sheet} is not there")
    steps, times, seqs = np.empty((3, rows), np.int64)
    found = Points(steps, times, seqs, np.empty(rows))
    for blob, column in zip(axes, (steps, times, seqs), strict=True):
        decode_ints(blob, column)
    decode_floats(data[0], found.values)
    return found


class Branch:
    """Which points of a run's key are on a branch.

    Args:
        connection: the index.
        name: "newest", "old" (what rewinds left behind) or "all".
        found: the chunks of the key.
    """

    def __init__(self, connection: sqlite3.Connection, name: str, found: Sequence[Chunks]) -> None:
        self._name = name
        self._rewinds: list[Rewind] = []
        if name != "all" and found:
            ends = [(chunks.part.journal, int(chunks.last_seqs[-1])) for chunks in found]
            noted = branches.rewinds(connection, found[0].part.run)
            self._rewinds = branches.holding(noted, ends)

    def sort(self, chunks: Chunks) -> tuple[Mask, Mask]:
        """Which of the chunks are on it whole, and of which some points may be."""
        count = len(chunks.rows)
        left, touched = np.zeros((2, count), np.bool_)
        for rewind in self._rewinds:
            limit = rewind.limit(chunks.part.journal)
            touched |= (chunks.first_seqs <= limit) & (chunks.step.most >= rewind.step)
            left |= (chunks.last_seqs <= limit) & (chunks.step.least >= rewind.step)
        if self._name == "all":
            return ~touched, touched
        return (left, touched & ~left) if self._name == "old" else (~touched, touched & ~left)

    def cut(self, part: Part, points: Points) -> Points:
        """Those of a part's points that are on it."""
        if self._name == "all":
            return points
        old = np.zeros(len(points.seqs), np.bool_)
        for rewind in self._rewinds:
            old |= rewind.left_behind(part.journal, points.seqs, points.steps)
        return points.only(old if self._name == "old" else ~old)


class Sorted(NamedTuple):
    """Chunks of a part, told apart: `whole` need no decoding, `opened` may hold what is wanted."""

    ordinal: int
    chunks: Chunks
    whole: Mask
    opened: Ints


class Selection:
    """What is read of one run's key: the chunks in a span of an axis, on a branch.

    Args:
        connection: the index.
        found: the parts of the key, see `parts`.
        axis: "step" or "time".
        span: least and most place on it, both of them within.
        branch: see `Branch`.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        found: Sequence[Part],
        axis: str,
        span: tuple[int, int],
        branch: str,
    ) -> None:
        self.axis, self.span = axis, span
        self._connection = connection
        whole_span = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)
        reach = whole_span if branch != "all" else span  # ends of a key tell its branches
        read = [within(connection, part, axis, *reach) for part in found]
        self.chunks = [chunks for chunks in read if chunks is not None]
        self._branch = Branch(connection, branch, self.chunks)
        ordinals = {part.journal: 0 for part in found}
        self._ordinals = {journal: number for number, journal in enumerate(ordinals)}
        self.writers = tuple(dict.fromkeys(part.writer for part in found))

    def sure(self) -> int:
        """Points of the chunks that are within as a whole: there are at least so many."""
        counted = 0
        for chunks in self.chunks:
            extent = chunks.extent(self.axis)
            inside = (extent.least >= self.span[0]) & (extent.most <= self.span[1])
            counted += int(chunks.rows[self._branch.sort(chunks)[0] & inside].sum())
        return counted

    def reach(self) -> tuple[int, int] | None:
        """Least and most place of the chunks on the axis, within the span; None: there is none."""
        extents = [chunks.extent(self.axis) for chunks in self.chunks]
        least = max(self.span[0], min((int(e.least.min()) for e in extents), default=1))
        most = min(self.span[1], max((int(e.most.max()) for e in extents), default=0))
        return (least, most) if extents and least <= most else None

    def sorted(self, places: Any) -> Iterator[Sorted]:
        """Tell chunks apart: whole ones lie in one bucket, as `places` says, and in the span."""
        for chunks in self.chunks:
            extent = chunks.extent(self.axis)
            on, some = self._branch.sort(chunks)
            inside = (extent.least >= self.span[0]) & (extent.most <= self.span[1])
            outside = (extent.most < self.span[0]) | (extent.least > self.span[1])
            whole = on & inside & (places(extent.least) == places(extent.most))
            if chunks.figures is None:
                whole[:] = False
            opened = np.flatnonzero((on | some) & ~whole & ~outside)
            yield Sorted(self._ordinals[chunks.part.journal], chunks, whole, opened)

    def points(self, chunks: Chunks, at: int) -> Points:
        """The wanted points of one of the chunks."""
        found = self._branch.cut(chunks.part, decode(self._connection, chunks, at))
        places = found.on(self.axis)
        inside = (places >= self.span[0]) & (places <= self.span[1])
        return found if inside.all() else found.only(inside)
