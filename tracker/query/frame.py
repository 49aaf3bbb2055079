"""A run's calls as a pandas DataFrame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tracker.query.frames import installed
from tracker.query.records import Row

if TYPE_CHECKING:
    import pandas as pd

FIXED = ("_step", "_time", "_writer")


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """A row a call: `_step`, `_time` (UTC, nanoseconds), `_writer`, and a column a key.

    Numbers are as pandas takes them, NaN where a call did not log the key. A key that is called
    as one of the three has "_" behind it.

    Raises:
        BadInput: pandas is not installed.
    """
    pd = installed("pandas", without="history() gives NumPy columns")
    listed = list(rows)
    logged = [values for _, _, values, _ in listed]
    keys = dict.fromkeys(key for values in logged for key in values)
    columns = {
        "_step": pd.Series([row.step for row in listed], dtype="int64"),
        "_time": pd.to_datetime([row.time_ns for row in listed], unit="ns", utc=True),
        "_writer": [row.writer for row in listed],
    }
    for key in keys:
        name = f"{key}_" if key in FIXED else key
        columns[name] = pd.Series([values.get(key) for values in logged])
    return pd.DataFrame(columns)
