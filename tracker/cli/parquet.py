"""Exported log calls as Parquet; needs pyarrow, the extra `parquet`.

A row a call: `_step` (int64), `_time` (timestamp, nanoseconds, UTC), `_writer` (string),
then a column of doubles for each metric and one of strings for each text, null where the call
did not log it. NaN and infinities are doubles like any other; bools are 1 and 0; integers
beyond 2**53 become the nearest double. A column whose name is taken has "_" behind it: that
of the texts, where numbers and texts were logged under one key. The file's metadata name the
run: `tracker.run`, `tracker.name`, `tracker.project`.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from tracker.cli.calls import Calls
from tracker.cli.layout import FIXED, column_name
from tracker.errors import TrackerError
from tracker.query import Row, RunView

GROUP_ROWS = 16_384


def write_parquet(calls: Calls, run: RunView, path: Path) -> None:
    """Write all calls into the file `path`, in row groups of `GROUP_ROWS`.

    Raises:
        TrackerError: pyarrow is not installed.
    """
    pa, parquet = pyarrow()
    columns = _columns(calls)
    fields = [("_step", pa.int64()), ("_time", pa.timestamp("ns", tz="UTC"))]
    fields.append(("_writer", pa.string()))
    for name, (_, is_text) in columns.items():
        fields.append((name, pa.string() if is_text else pa.float64()))
    about = {"tracker.run": run.id, "tracker.name": run.name, "tracker.project": run.project}
    schema = pa.schema(fields, metadata=about)
    rows = iter(calls)
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(rows, GROUP_ROWS)):
            writer.write_table(pa.Table.from_pydict(_data(group, columns), schema=schema))


def check_installed() -> None:
    """Make sure that pyarrow is there.

    Raises:
        TrackerError: it is not; says how to get it.
    """
    pyarrow()


def pyarrow() -> tuple[Any, Any]:
    """The packages pyarrow and pyarrow.parquet.

    Raises:
        TrackerError: they are not installed; says how to get them.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and 100 ms
        from pyarrow import parquet  # noqa: PLC0415 - as above
    except ImportError as error:
        raise TrackerError(
            "Parquet needs pyarrow, which is not installed: pip install 'tracker-syncd[parquet]' "
            "(csv and jsonl need nothing more)."
        ) from error
    return pa, parquet


def _columns(calls: Calls) -> dict[str, tuple[str, bool]]:
    """Name of each column: its key, and whether it holds the texts."""
    columns: dict[str, tuple[str, bool]] = {}
    for keys, is_text in ((calls.numbers, False), (calls.texts, True)):
        for key in keys:
            columns[column_name(key, {*FIXED, *columns})] = (key, is_text)
    return columns


def _data(group: list[Row], columns: dict[str, tuple[str, bool]]) -> dict[str, list[Any]]:
    data: dict[str, list[Any]] = {
        "_step": [row.step for row in group],
        "_time": [row.time_ns for row in group],
        "_writer": [row.writer for row in group],
    }
    for name, (key, is_text) in columns.items():
        data[name] = [_text(row, key) if is_text else _number(row, key) for row in group]
    return data


def _text(row: Row, key: str) -> str | None:
    value = row.values.get(key)
    return value if isinstance(value, str) else None


def _number(row: Row, key: str) -> float | None:
    value = row.values.get(key)
    return None if value is None or isinstance(value, str) else float(value)
