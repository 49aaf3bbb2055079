"""Layouts of exported log calls: CSV and JSON lines; Parquet has its own module.

CSV        a row a call: `_step`, `_time`, `_writer`, then a column for each key. Not finite:
           NaN, inf, -inf; bools: 1 and 0; what a call did not log is empty, and so is an
           empty text.
JSON lines a document a call: {"step", "time", "writer", "metrics", "texts"}. Not finite: the
           strings "NaN", "Infinity", "-Infinity"; as texts stand apart, none is mistaken.
           Integers and bools stand exactly as logged.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from typing import Any, Protocol

from tracker.cli import document, wording
from tracker.cli.calls import Calls
from tracker.events import Value
from tracker.query import Row, moment

FIXED = ("_step", "_time", "_writer")
"""Columns that every table has before those of the keys."""


class Target(Protocol):
    """Where text goes."""

    def write(self, text: str, /) -> Any:
        """Take some text."""


def column_name(key: str, taken: Collection[str]) -> str:
    """Name of a key's column: the key; with "_" behind it as often as it is taken."""
    name = key
    while name in taken:
        name += "_"
    return name


def write_csv(calls: Calls, target: Target) -> None:
    """Write all calls as CSV (RFC 4180 quoting, lines end with LF)."""
    keys = list(dict.fromkeys([*calls.numbers, *calls.texts]))
    names = list(FIXED)
    for key in keys:
        names.append(column_name(key, names))
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(names)
    for row in calls:
        fixed = (row.step, time_text(row.time_ns), row.writer)
        writer.writerow((*fixed, *(cell(row.values.get(key)) for key in keys)))


def cell(value: Value | None) -> Value | None:
    """A value as CSV has it."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):  # noqa: PLR0124 - NaN is what differs from itself
        return wording.number(value)
    return value


def write_jsonl(calls: Calls, target: Target) -> None:
    """Write all calls as JSON lines."""
    for row in calls:
        target.write(document.line(call_fields(row)) + "\n")


def call_fields(row: Row) -> dict[str, Any]:
    """A call as JSON says it, numbers and texts apart."""
    return {
        "step": row.step,
        "time": time_text(row.time_ns),
        "writer": row.writer,
        "metrics": {key: value for key, value in row.values.items() if not isinstance(value, str)},
        "texts": {key: value for key, value in row.values.items() if isinstance(value, str)},
    }


def time_text(time_ns: int) -> str:
    """A time as ISO 8601 in UTC, to the nanosecond."""
    whole = moment(time_ns).replace(tzinfo=None).isoformat(timespec="microseconds")
    return f"{whole}{time_ns % 1000:03d}+00:00"
