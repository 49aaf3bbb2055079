"""Sheets: the points of one journal that share a set of keys, cut into chunks.

A row of a sheet is one `log` call: step, time and seq once, and a value per key. Chunks hold
a number of rows that only the number of keys decides, the last one what remains, so the same
rows always make the same chunks. The last chunk is read back and written anew when rows are added.

The first `SHEETS` sets of keys of a journal get a sheet each. What comes with yet another set goes
to sheets of one key each: so no key is spread over millions of sheets, however many names stand
beside it, and its figures stay cheap to keep up to date.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.events import Log, Value
from tracker.index import figures
from tracker.index.encoding import (
    Floats,
    Ints,
    decode_floats,
    decode_ints,
    encode_floats,
    encode_ints,
)
from tracker.index.schema import CHUNK_BITS, clamp
from tracker.index.words import Words, inserted

CHUNK_ROWS = 4096
CHUNK_ROWS_LEAST = 128
CHUNK_VALUES = 256 * 1024
"""Values in a chunk over all keys, so that following a wide run rewrites 2 MiB at most."""

SHEETS = 1000
"""Sheets in a journal from which on new sets of keys get none of their own."""


def chunk_rows(keys: int) -> int:
    """Rows in a full chunk of a sheet of so many keys."""
    return min(CHUNK_ROWS, max(CHUNK_ROWS_LEAST, CHUNK_VALUES // keys))


class Text(NamedTuple):
    """A string logged under a key."""

    seq: int
    step: int
    time: int
    key: str
    value: str


@dataclass(frozen=True)
class Rows:
    """Some rows of a sheet in order of seq; `values` has one row a key."""

    seqs: Ints
    steps: Ints
    times: Ints
    values: Floats

    def part(self, part: slice) -> Rows:
        """Some of the rows."""
        return Rows(self.seqs[part], self.steps[part], self.times[part], self.values[:, part])

    @classmethod
    def joined(cls, parts: list[Rows]) -> Rows:
        """One after the other."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.seqs for part in parts]),
            np.concatenate([part.steps for part in parts]),
            np.concatenate([part.times for part in parts]),
            np.concatenate([part.values for part in parts], axis=1),
        )

    def in_order(self) -> Rows:
        """Sorted by seq."""
        order = np.argsort(self.seqs, kind="stable")
        return Rows(self.seqs[order], self.steps[order], self.times[order], self.values[:, order])


class Sheet:
    """One sheet, being added to."""

    def __init__(
        self, connection: sqlite3.Connection, sheet: int, rows: int, series: list[int]
    ) -> None:
        self.id = sheet
        self._connection = connection
        self._rows = rows
        self._series = series
        self._full = chunk_rows(len(series))
        self._pending: list[Rows] = []
        self._pending_rows = 0

    def add(self, rows: Rows) -> None:
        """Add rows behind those that are there; full chunks are written."""
        if not self._pending and self._rows % self._full:
            self._reopen()
        self._pending.append(rows)
        self._pending_rows += len(rows.seqs)
        if self._pending_rows >= self._full:
            self._write_full()

    def save(self) -> None:
        """Write what is left as the last chunk."""
        if not self._pending_rows:
            return
        self._write_chunk(Rows.joined(self._pending))
        self._connection.execute("UPDATE sheet SET rows = ? WHERE id = ?", (self._rows, self.id))
        self._pending, self._pending_rows = [], 0

    def _reopen(self) -> None:
        number, count = divmod(self._rows, self._full)
        chunk = (self.id << CHUNK_BITS) + number
        seqs, steps, times = np.empty((3, count), np.int64)
        values = np.empty((len(self._series), count))
        blobs = self._connection.execute(
            "SELECT seqs, steps, times FROM chunk WHERE id = ?", (chunk,)
        ).fetchone()
        for blob, column in zip(blobs or (), (seqs, steps, times), strict=True):
            decode_ints(blob, column)
        for series, numbers in zip(self._series, values, strict=True):
            found = self._connection.execute(
                "SELECT data FROM points WHERE id = ?", ((series << CHUNK_BITS) + number,)
            ).fetchone()
            decode_floats(found[0], numbers)
        self._rows -= count
        self._pending.append(Rows(seqs, steps, times, values))
        self._pending_rows = count

    def _write_full(self) -> None:
        rows = Rows.joined(self._pending)
        at = 0
        while self._pending_rows - at >= self._full:
            self._write_chunk(rows.part(slice(at, at + self._full)))
            at += self._full
        self._pending_rows -= at
        self._pending = [rows.part(slice(at, None))] if self._pending_rows else []
        self._connection.execute("UPDATE sheet SET rows = ? WHERE id = ?", (self._rows, self.id))

    def _write_chunk(self, rows: Rows) -> None:
        number = self._rows // self._full
        values = np.ascontiguousarray(rows.values)
        self._connection.execute(
            "INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (self.id << CHUNK_BITS) + number, len(rows.seqs), int(rows.seqs[0]),
                int(rows.seqs[-1]), *_extent(rows.steps), *_extent(rows.times),
                figures.of_chunk(rows.steps, rows.times, values).tobytes(),
                encode_ints(rows.steps), encode_ints(rows.times), encode_ints(rows.seqs),
            ),
        )  # fmt: skip
        self._connection.executemany(
            "INSERT OR REPLACE INTO points VALUES (?, ?)",
            [
                ((series << CHUNK_BITS) + number, encode_floats(column))
                for series, column in zip(self._series, values, strict=True)
            ],
        )
        self._rows += len(rows.seqs)


class Sheets:
    """The sheets of one journal within one write transaction."""

    def __init__(
        self, connection: sqlite3.Connection, words: Words, run: int, journal: int
    ) -> None:
        self._connection = connection
        self._words = words
        self._run = run
        self._journal = journal
        self._open: dict[tuple[str, ...], Sheet] = {}
        self._count = self._counted()

    def add(self, logs: list[Log]) -> list[Text]:
        """Add the numbers of some calls, in order; returns their strings."""
        by_keys: dict[tuple[str, ...], list[Log]] = {}
        for log in logs:
            keys = tuple(log.values)
            if keys in by_keys:
                by_keys[keys].append(log)
            else:
                by_keys[keys] = [log]
        parts: dict[tuple[str, ...], list[Rows]] = {}
        texts: list[Text] = []
        for keys, same in by_keys.items():
            for names, rows in _columns(keys, same, texts):
                parts.setdefault(names, []).append(rows)
        for sheet, rows in self._placed(parts):
            sheet.add(rows)
        return texts

    def _placed(self, parts: dict[tuple[str, ...], list[Rows]]) -> Iterator[tuple[Sheet, Rows]]:
        """Settle which rows go to which sheet; a set of keys counts from its first row on.

        So it is the same however the journal was cut into blocks.
        """
        placed: dict[Sheet, list[Rows]] = {}
        for names in sorted(parts, key=lambda names: min(rows.seqs[0] for rows in parts[names])):
            sheet = self._sheet(names)
            if sheet is not None:
                placed.setdefault(sheet, []).extend(parts[names])
                continue
            rows = Rows.joined(parts[names]).in_order()  # keys may have come in several orders
            for number, name in enumerate(names):
                alone = replace(rows, values=rows.values[number : number + 1])
                placed.setdefault(self._own_sheet(name), []).append(alone)
        for sheet, found in placed.items():
            rows = Rows.joined(found)
            yield sheet, rows.in_order() if len(found) > 1 else rows

    def save(self) -> set[str]:
        """Write everything; returns the keys that have new points."""
        for sheet in self._open.values():
            sheet.save()
        return set(chain.from_iterable(self._open))

    def _sheet(self, names: tuple[str, ...]) -> Sheet | None:
        """The sheet of a set of keys; None if there are too many for it to get one."""
        sheet = self._open.get(names) or self._stored(names)
        if sheet is None and self._count < SHEETS:
            sheet = self._new(names)
        if sheet is not None:
            self._open[names] = sheet
        return sheet

    def _own_sheet(self, name: str) -> Sheet:
        """The sheet of one key alone."""
        sheet = self._sheet((name,)) or self._new((name,))
        self._open[name,] = sheet
        return sheet

    def _stored(self, names: tuple[str, ...]) -> Sheet | None:
        execute = self._connection.execute
        found = execute(
            "SELECT id, rows FROM sheet WHERE journal = ? AND keys = ?",
            (self._journal, self._keys(names)),
        ).fetchone()
        if found is None:
            return None
        series = execute("SELECT id FROM series WHERE sheet = ? ORDER BY id", (found[0],))
        return Sheet(self._connection, found[0], found[1], [row[0] for row in series])

    def _keys(self, names: tuple[str, ...]) -> str:
        return ",".join(str(self._words.number(name)) for name in names)

    def _new(self, names: tuple[str, ...]) -> Sheet:
        self._count += 1
        sheet = inserted(
            self._connection,
            "INSERT INTO sheet (run, journal, keys, rows) VALUES (?, ?, ?, 0)",
            (self._run, self._journal, self._keys(names)),
        )
        series = [
            inserted(
                self._connection,
                "INSERT INTO series (run, key, sheet) VALUES (?, ?, ?)",
                (self._run, self._words.number(name), sheet),
            )
            for name in names
        ]
        return Sheet(self._connection, sheet, 0, series)

    def _counted(self) -> int:
        """Sheets that the journal has, as far as that matters."""
        found = self._connection.execute(
            "SELECT 1 FROM sheet WHERE journal = ? LIMIT ?", (self._journal, SHEETS)
        )
        return len(found.fetchall())


def _columns(
    keys: tuple[str, ...], logs: list[Log], texts: list[Text]
) -> Iterator[tuple[tuple[str, ...], Rows]]:
    """Turn calls with the same keys into rows, under the sorted names of what is a number."""
    flat: list[Any] = list(chain.from_iterable([log.values.values() for log in logs]))
    try:
        numbers = array("d", flat)
    except TypeError:  # strings among them
        yield from _without_texts(logs, texts)
        return
    if not keys:
        return
    values = np.frombuffer(numbers).reshape(len(logs), len(keys)).T
    names = tuple(sorted(keys))
    if names != keys:
        values = values[sorted(range(len(keys)), key=keys.__getitem__)]
    yield (
        names,
        Rows(
            _int64(log.seq for log in logs),
            _int64(log.step for log in logs),
            _int64(log.time for log in logs),
            values,
        ),
    )


def _without_texts(logs: list[Log], texts: list[Text]) -> Iterator[tuple[tuple[str, ...], Rows]]:
    by_keys: dict[tuple[str, ...], list[Log]] = {}
    for log in logs:
        numbers: dict[str, Value] = {}
        for key, value in log.values.items():
            if isinstance(value, str):
                texts.append(Text(log.seq, log.step, log.time, key, value))
            else:
                numbers[key] = value
        by_keys.setdefault(tuple(numbers), []).append(Log(log.seq, log.time, log.step, numbers))
    for keys, same in by_keys.items():
        yield from _columns(keys, same, texts)


def _extent(column: Ints) -> tuple[int, int, int, int]:
    """First and last, least and most."""
    return int(column[0]), int(column[-1]), int(column.min()), int(column.max())


def _int64(numbers: Iterable[int]) -> NDArray[np.int64]:
    """As a column. What 64 bits do not hold, and no writer of ours writes, becomes the limit."""
    listed = list(numbers)
    try:
        packed = array("q", listed)
    except OverflowError:
        packed = array("q", [clamp(number) for number in listed])
    return np.frombuffer(packed, np.int64)
