"""Columns as data frames of pandas, polars and pyarrow, for who has installed them."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tracker.errors import BadInput

_LEAST, _MOST = -(2**63), 2**63 - 1

Columns = Mapping[str, list[Any]]


def of_one_type(values: list[Any]) -> list[Any]:
    """Values as they are if they are bools, numbers, times or texts alone; else as texts."""
    types = {type(value) for value in values if value is not None}
    if len(types) == 1 and types <= {bool, float, str, datetime}:
        return values
    if types and types <= {int, float}:
        if types == {int} and all(_LEAST <= (value or 0) <= _MOST for value in values):
            return values
        return [None if value is None else float(value) for value in values]
    return [None if value is None else _text(value) for value in values]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def to_pandas(columns: Columns) -> Any:
    """A pandas DataFrame."""
    pandas = installed("pandas")
    return pandas.DataFrame({
        name: [math.nan if value is None else value for value in values]
        if any(isinstance(value, float) for value in values) else values
        for name, values in columns.items()
    })  # fmt: skip


def to_polars(columns: Columns) -> Any:
    """A polars DataFrame."""
    return installed("polars").DataFrame(dict(columns), strict=False)


def to_arrow(columns: Columns) -> Any:
    """A pyarrow Table."""
    return installed("pyarrow").table(dict(columns))


def installed(package: str, *, without: str = ".columns() gives lists, .table() a text") -> Any:
    """The package, imported when it is first asked for.

    Raises:
        BadInput: it is not installed; says how to, and what there is `without` it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise BadInput(
            f"the package {package} is not installed: pip install {package}. Without it: {without}."
        ) from error
