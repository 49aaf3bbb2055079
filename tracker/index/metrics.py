"""The table `metric`: figures per run and key, made from those of the chunks.

They are those of the newest branch: what a rewind left behind does not count.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tracker.index import branches, figures
from tracker.index.branches import End, Rewind
from tracker.index.encoding import decode_floats, decode_ints
from tracker.index.schema import CHUNK_BITS


class _Chunk(NamedTuple):
    id: int
    rows: int
    first_seq: int
    last_seq: int
    last_step: int
    least_step: int
    most_step: int
    figures: bytes


class _Sheet(NamedTuple):
    id: int
    keys: list[int]
    journal: int
    start: int
    writer: str
    chunks: list[_Chunk]


def refresh_all(connection: sqlite3.Connection, run: int) -> None:
    """Make the rows of all of a run's keys anew."""
    keys = connection.execute("SELECT DISTINCT key FROM series WHERE run = ?", (run,)).fetchall()
    refresh(connection, run, [row[0] for row in keys])


def refresh(connection: sqlite3.Connection, run: int, keys: Iterable[int]) -> None:
    """Make the rows of a run's keys anew, after points were added under them."""
    wanted = set(keys)
    rewinds = branches.rewinds(connection, run)
    ids: set[int] = set()
    for key in wanted:
        found = connection.execute("SELECT sheet FROM series WHERE run = ? AND key = ?", (run, key))
        ids.update(row[0] for row in found)
    ends = _ends(connection, ids) if rewinds else {}
    parts: dict[int, list[figures.Part]] = {key: [] for key in wanted}
    for number in sorted(ids):
        sheet = _sheet(connection, number)
        behind = _behind(sheet, ends, rewinds)
        for key, part in _whole(sheet):
            if key in wanted and not behind.get(key):
                parts[key].append(part)
        for key in behind:
            if key in wanted:
                parts[key] += _filtered(connection, sheet, key, behind[key])
    connection.executemany(
        "INSERT OR REPLACE INTO metric VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(run, key, *figures.of_run(found).row()) for key, found in parts.items() if found],
    )
    connection.executemany(  # two processes of a run that left each other's points behind
        "DELETE FROM metric WHERE run = ? AND key = ?",
        [(run, key) for key, found in parts.items() if not found],
    )


def _sheet(connection: sqlite3.Connection, number: int) -> _Sheet:
    keys, journal, start, writer = connection.execute(
        "SELECT keys, journal.id, start, writer FROM sheet "
        "JOIN journal ON journal.id = sheet.journal WHERE sheet.id = ?",
        (number,),
    ).fetchone()
    chunks = connection.execute(
        "SELECT id, rows, first_seq, last_seq, last_step, least_step, most_step, figures "
        "FROM chunk WHERE id >= ? AND id < ? ORDER BY id",
        (number << CHUNK_BITS, (number + 1) << CHUNK_BITS),
    )
    numbers = [int(key) for key in keys.split(",")]
    return _Sheet(number, numbers, journal, start, writer, [_Chunk(*row) for row in chunks])


def _ends(connection: sqlite3.Connection, sheets: Iterable[int]) -> dict[int, list[End]]:
    """For each key in some sheets, the journals that hold it and their last seq with it."""
    ends: dict[int, list[End]] = defaultdict(list)
    for sheet in sheets:
        keys, journal, last_seq = connection.execute(
            "SELECT keys, journal, max(last_seq) FROM sheet, chunk "
            "WHERE sheet.id = ? AND chunk.id >= ? AND chunk.id < ?",
            (sheet, sheet << CHUNK_BITS, (sheet + 1) << CHUNK_BITS),
        ).fetchone()
        for key in keys.split(","):
            ends[int(key)].append((journal, last_seq))
    return ends


def _behind(
    sheet: _Sheet, ends: dict[int, list[End]], rewinds: list[Rewind]
) -> dict[int, list[Rewind]]:
    """For each key of a sheet, the rewinds that may leave points of it behind."""
    near = [rewind for rewind in rewinds if rewind.limit(sheet.journal)]
    found = {key: branches.holding(near, ends[key]) for key in sheet.keys if near}
    return {key: holding for key, holding in found.items() if holding}


def _whole(sheet: _Sheet) -> list[tuple[int, figures.Part]]:
    """Figures of each key of a sheet, of all its points."""
    chunks = sheet.chunks
    table = np.frombuffer(b"".join(chunk.figures for chunk in chunks), figures.Record)
    total = figures.of_sheet(table.reshape(len(chunks), len(sheet.keys)))
    rows = sum(chunk.rows for chunk in chunks)
    seqs = chunks[0].first_seq, chunks[-1].last_seq
    return [
        (key, figures.Part(sheet.start, sheet.writer, *seqs, chunks[-1].last_step, rows, values))
        for key, values in zip(sheet.keys, total.tolist(), strict=True)
    ]


def _filtered(
    connection: sqlite3.Connection, sheet: _Sheet, key: int, rewinds: list[Rewind]
) -> list[figures.Part]:
    """Figures of one key of a sheet chunk by chunk, of the points on the newest branch."""
    place = sheet.keys.index(key)
    (series,) = connection.execute(
        "SELECT id FROM series WHERE sheet = ? AND key = ?", (sheet.id, key)
    ).fetchone()
    parts = []
    for number, chunk in enumerate(sheet.chunks):
        touched = [rewind for rewind in rewinds if rewind.step <= chunk.most_step]
        if touched:
            points = (series << CHUNK_BITS) + number
            parts += _cut(connection, sheet, chunk, points, touched)
        else:
            table = np.frombuffer(chunk.figures, figures.Record)
            seqs = chunk.first_seq, chunk.last_seq
            parts.append(
                figures.Part(
                    sheet.start, sheet.writer, *seqs, chunk.last_step, chunk.rows,
                    table[place].item(),
                )
            )  # fmt: skip
    return parts


def _cut(
    connection: sqlite3.Connection, sheet: _Sheet, chunk: _Chunk, points: int,
    rewinds: list[Rewind],
) -> list[figures.Part]:  # fmt: skip
    """As `_filtered`, of a chunk of which some or all is left behind."""
    if any(
        rewind.step <= chunk.least_step and chunk.last_seq <= rewind.limit(sheet.journal)
        for rewind in rewinds
    ):
        return []
    axes = connection.execute("SELECT steps, seqs FROM chunk WHERE id = ?", (chunk.id,)).fetchone()
    data = connection.execute("SELECT data FROM points WHERE id = ?", (points,)).fetchone()
    steps, seqs = np.empty((2, chunk.rows), np.int64)
    values = np.empty(chunk.rows)
    decode_ints(axes[0], steps)
    decode_ints(axes[1], seqs)
    decode_floats(data[0], values)
    old = np.zeros(chunk.rows, np.bool_)
    for rewind in rewinds:
        old |= rewind.left_behind(sheet.journal, seqs, steps)
    steps, seqs, values = steps[~old], seqs[~old], values[~old]
    if not len(seqs):
        return []
    table = figures.of_chunk(steps, steps, values[None, :])  # times are not asked for
    ends = int(seqs[0]), int(seqs[-1]), int(steps[-1])
    return [figures.Part(sheet.start, sheet.writer, *ends, len(seqs), table[0].item())]
