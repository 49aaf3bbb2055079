"""Files of tables in each format; see `tracker.cli.dataset`.

csv      a header, then RFC 4180 with LF; null is empty; NaN, inf and -inf
jsonl    a document a row; NaN, Infinity and -Infinity are strings
parquet  compressed with zstd; a time is a column of microseconds, which every reader knows, and one
         more with "_ns" behind its name, exact

In csv and jsonl a time is ISO 8601 in UTC with nanoseconds.
"""

from __future__ import annotations

import csv
from itertools import starmap
from pathlib import Path
from typing import Any

from tracker.cli import document
from tracker.cli.dataset import INT, REAL, TEXT, TIME, Columns, Opening
from tracker.cli.layout import cell, time_text
from tracker.cli.parquet import pyarrow

_GROUP_ROWS = 1 << 18
"""Rows of a Parquet row group, at most."""


def opening(form: str) -> Opening:
    """What begins a file of a format."""
    found: dict[str, Opening] = {"csv": _Csv, "jsonl": _Jsonl, "parquet": _Parquet}
    return found[form]


class _Lines:
    """What both text formats share: rows, with texts for times."""

    _ending = ""

    def __init__(self, path: Path, columns: Columns) -> None:
        self._file = path.with_name(path.name + self._ending).open(
            "w", encoding="utf-8", newline=""
        )
        self._columns = columns

    def _rows(self, columns: list[Any]) -> Any:
        said = []
        for kind, column in zip(self._columns.values(), columns, strict=True):
            plain = column.tolist() if hasattr(column, "tolist") else column
            said.append([_time(time) for time in plain] if kind == TIME else plain)
        return zip(*said, strict=True)

    def close(self) -> None:
        """Write what is left."""
        self._file.close()


class _Csv(_Lines):
    _ending = ".csv"

    def __init__(self, path: Path, columns: Columns) -> None:
        super().__init__(path, columns)
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(columns)

    def add(self, columns: list[Any]) -> None:
        """Write rows."""
        self._writer.writerows([cell(value) for value in row] for row in self._rows(columns))


class _Jsonl(_Lines):
    _ending = ".jsonl"

    def add(self, columns: list[Any]) -> None:
        """Write rows."""
        names = list(self._columns)
        for row in self._rows(columns):
            self._file.write(document.line(dict(zip(names, row, strict=True))) + "\n")


class _Parquet:
    def __init__(self, path: Path, columns: Columns) -> None:
        self._pa, parquet = pyarrow()
        pa = self._pa
        kinds = {TEXT: pa.string(), INT: pa.int64(), REAL: pa.float64()}
        fields = []
        for name, kind in columns.items():
            if kind == TIME:
                fields.append((name, pa.timestamp("us", tz="UTC")))
                fields.append((f"{name}_ns", pa.int64()))
            else:
                fields.append((name, kinds[kind]))
        self._columns = columns
        self._schema = pa.schema(list(starmap(pa.field, fields)))
        where = path.with_name(path.name + ".parquet")
        self._writer = parquet.ParquetWriter(
            where, self._schema, compression="zstd", store_schema=False
        )
        self._held: list[Any] = []
        self._rows = 0

    def add(self, columns: list[Any]) -> None:
        """Write rows, once there are enough for a group."""
        pa = self._pa
        arrays = []
        for kind, column in zip(self._columns.values(), columns, strict=True):
            if kind != TIME:
                arrays.append(column)
                continue
            exact = pa.array(column, pa.int64())
            arrays += [_micros(pa, exact), exact]
        table = pa.table(
            [
                pa.array(array, field.type)
                for array, field in zip(arrays, self._schema, strict=True)
            ],
            schema=self._schema,
        )
        self._held.append(table)
        self._rows += table.num_rows
        if self._rows >= _GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(self._pa.concat_tables(self._held), _GROUP_ROWS)
            self._held, self._rows = [], 0


def _micros(pa: Any, exact: Any) -> Any:
    """Nanoseconds as times of microseconds, cut."""
    return exact.cast(pa.timestamp("ns", tz="UTC")).cast(pa.timestamp("us", tz="UTC"), safe=False)


def _time(time_ns: int | None) -> str | None:
    return None if time_ns is None else time_text(time_ns)
