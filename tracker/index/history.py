"""Reading the points of one metric of a run."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import numpy as np

from tracker.index import branches, chunks
from tracker.index.chunks import Part
from tracker.index.encoding import Floats, Ints, decode_floats, decode_ints
from tracker.index.schema import CHUNK_BITS


class History(NamedTuple):
    """Points of one metric, columns of equal length.

    Order: by journal (start, writer id), within a journal by seq. That is the order in
    which they were logged; steps may repeat and go back.

    Attributes:
        steps: int64.
        times: int64, nanoseconds since 1970-01-01 UTC.
        values: float64; True is 1, integers beyond 2**53 are the nearest float64.
        writers: int64, which of `writer_ids` logged the point.
        writer_ids: the writers, in order.
    """

    steps: Ints
    times: Ints
    values: Floats
    writers: Ints
    writer_ids: tuple[str, ...]

    def only(self, which: branches.Mask | Ints) -> History:
        """The points where a mask is true, or at some places in that order."""
        return History(
            self.steps[which], self.times[which], self.values[which], self.writers[which],
            self.writer_ids,
        )  # fmt: skip


def read(
    connection: sqlite3.Connection, run: int, key: int, *, branch: str = "newest",
    rank: int | None = None,
) -> History:  # fmt: skip
    """Read the points of a run's key; empty columns if there are none.

    Args:
        connection: the index.
        run: row id of the run.
        key: number of the key.
        branch: "newest", "old" (what rewinds left behind) or "all".
        rank: of processes of this rank only.

    Raises:
        ValueError: the stored columns are damaged.
    """
    parts = chunks.parts(connection, run, key, rank)
    rewinds = [] if branch == "all" else branches.rewinds(connection, run)
    points, seqs = _points(connection, parts, with_seqs=bool(rewinds))
    if not rewinds and branch != "old":
        return points
    old = _left_behind(points, parts, seqs, rewinds)
    return points.only(old if branch == "old" else ~old)


def _left_behind(
    points: History, parts: list[Part], seqs: Ints, rewinds: list[branches.Rewind]
) -> branches.Mask:
    """Which points are on an older branch."""
    old = np.zeros(len(seqs), np.bool_)
    ids = {part.writer: part.journal for part in parts}
    journals = [ids[writer] for writer in points.writer_ids]
    places = [points.writers == number for number in range(len(journals))]
    ends = [(j, int(seqs[place].max())) for j, place in zip(journals, places, strict=True)]
    for rewind in branches.holding(rewinds, ends):
        for journal, place in zip(journals, places, strict=True):
            old[place] |= rewind.left_behind(journal, seqs[place], points.steps[place])
    return old


def _points(
    connection: sqlite3.Connection, parts: list[Part], *, with_seqs: bool
) -> tuple[History, Ints]:
    """All points of some parts, and their sequence numbers where asked for or needed."""
    writers = tuple(dict.fromkeys(part.writer for part in parts))
    total = sum(part.rows for part in parts)
    steps, times, seqs, ordinals = (np.empty(total, np.int64) for _ in range(4))
    values = np.empty(total)
    sorting = len(parts) > len(writers)  # the points of one writer stand in several sheets
    with_seqs |= sorting
    at = 0
    for part in parts:
        place = slice(at, at + part.rows)
        _fill(connection, part, (steps[place], times[place], seqs[place]), values[place], with_seqs)
        ordinals[place] = writers.index(part.writer)
        at += part.rows
    if sorting:
        order = np.lexsort((seqs, ordinals))
        steps, times, values, ordinals, seqs = (
            steps[order], times[order], values[order], ordinals[order], seqs[order]
        )  # fmt: skip
    return History(steps, times, values, ordinals, writers), seqs


def _fill(
    connection: sqlite3.Connection,
    part: Part,
    axes: tuple[Ints, Ints, Ints],
    values: Floats,
    with_seqs: bool,
) -> None:
    columns = "steps, times, seqs" if with_seqs else "steps, times"
    axis_rows = connection.execute(
        f"SELECT rows, {columns} FROM chunk WHERE id >= ? AND id < ? ORDER BY id",  # noqa: S608 - names are ours
        _ids(part.sheet),
    )
    points = connection.execute(
        "SELECT data FROM points WHERE id >= ? AND id < ? ORDER BY id", _ids(part.series)
    )
    at = 0
    for (rows, *blobs), (data,) in zip(axis_rows, points, strict=True):
        place = slice(at, at + rows)
        for axis, blob in zip(axes, blobs, strict=False):
            decode_ints(blob, axis[place])
        decode_floats(data, values[place])
        at += rows
    if at != len(values):
        raise ValueError(f"{at} points where {len(values)} were noted")


def _ids(parent: int) -> tuple[int, int]:
    return parent << CHUNK_BITS, (parent + 1) << CHUNK_BITS
