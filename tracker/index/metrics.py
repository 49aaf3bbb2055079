"""The table `metric`: figures per run and key, made from those of the chunks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import numpy as np

from tracker.index import figures
from tracker.index.schema import CHUNK_BITS
from tracker.index.words import Words


def refresh(connection: sqlite3.Connection, words: Words, run: int, keys: Iterable[str]) -> None:
    """Make the rows of a run's keys anew, after points were added under them."""
    wanted = {words.number(key) for key in keys}
    sheets: set[int] = set()
    for key in wanted:
        found = connection.execute("SELECT sheet FROM series WHERE run = ? AND key = ?", (run, key))
        sheets.update(row[0] for row in found)
    parts: dict[int, list[figures.Part]] = {key: [] for key in wanted}
    for sheet in sorted(sheets):
        for key, part in _parts(connection, sheet):
            if key in wanted:
                parts[key].append(part)
    connection.executemany(
        "INSERT OR REPLACE INTO metric VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(run, key, *figures.of_run(found).row()) for key, found in parts.items()],
    )


def _parts(connection: sqlite3.Connection, sheet: int) -> list[tuple[int, figures.Part]]:
    keys, rows, start, writer = connection.execute(
        "SELECT keys, rows, start, writer FROM sheet JOIN journal ON journal.id = sheet.journal "
        "WHERE sheet.id = ?",
        (sheet,),
    ).fetchone()
    numbers = [int(key) for key in keys.split(",")]
    chunks = connection.execute(
        "SELECT first_seq, last_seq, last_step, figures FROM chunk WHERE id >= ? AND id < ? "
        "ORDER BY id",
        (sheet << CHUNK_BITS, (sheet + 1) << CHUNK_BITS),
    ).fetchall()
    table = np.frombuffer(b"".join(chunk[3] for chunk in chunks), figures.Record)
    total = figures.of_sheet(table.reshape(len(chunks), len(numbers)))
    _, last_seq, last_step, _ = chunks[-1]
    return [
        (key, figures.Part(start, writer, chunks[0][0], last_seq, last_step, rows, values))
        for key, values in zip(numbers, total.tolist(), strict=True)
    ]
