"""`wandb.Table`: rows under named columns; cells may be media."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath
from typing import Any, ClassVar

import msgspec

from tracker.errors import BadInput
from tracker.events import Json
from tracker.values import brief
from tracker.wandb import said
from tracker.wandb.configs import friendly
from tracker.wandb.media import File, Media

_NOT_HERE = ("cast", "get_index", "index_ref", "set_fk", "set_pk")
"""Calls of wandb's tables that do nothing here."""


class Table(Media):
    """A table, from rows or a data frame of pandas.

    It is logged as it is at that moment, also when it is logged again.

    Args:
        columns: their names.
        data: rows, an array of two dimensions, or a data frame.
        rows: the same under an older name.
        dataframe: a data frame; its columns are the table's.

    Raises:
        BadInput: a row has not as many cells as there are columns.
    """

    form = "table"
    type = "table-file"
    MAX_ROWS: ClassVar[int] = 10_000
    """Most points that wandb's curves are made of."""

    def __init__(
        self, columns: Sequence[Any] | None = None, data: Any = None, rows: Any = None,
        dataframe: Any = None, **more: Any,
    ) -> None:  # fmt: skip
        del more  # types of columns, modes of logging: a table is logged as it is
        super().__init__()
        if dataframe is None and hasattr(data, "iloc"):
            dataframe, data = data, None
        if dataframe is not None:
            columns, data = list(dataframe.columns), dataframe.values
        given = rows if data is None else data
        found = [] if given is None else given.tolist() if hasattr(given, "tolist") else given
        self.columns: list[Any] = list(columns or ("Input", "Output", "Expected"))
        self.data: list[list[Any]] = []
        for row in found:
            self.add_data(*row)

    def add_data(self, *cells: Any) -> None:
        """Add a row.

        Raises:
            BadInput: it has not as many cells as there are columns.
        """
        if len(cells) != len(self.columns):
            raise BadInput(
                f"a row of {len(cells)} cells does not fit the {len(self.columns)} columns "
                f"{brief(self.columns)}."
            )
        self.data.append(list(cells))

    def add_row(self, *row: Any) -> None:
        """Add a row; `add_data` under an older name."""
        self.add_data(*row)

    def add_column(self, name: str, data: Any, optional: bool = False) -> None:
        """Add a column, a cell for each row.

        Raises:
            BadInput: there are not as many cells as rows.
        """
        del optional
        cells = list(data)
        if self.data and len(cells) != len(self.data):
            raise BadInput(f"column {name!r} has {len(cells)} cells for {len(self.data)} rows.")
        self.data = [[*row, cell] for row, cell in zip(self.data, cells, strict=False)] or [
            [cell] for cell in cells
        ]
        self.columns.append(name)

    def add_computed_columns(self, make: Callable[[int, dict[str, Any]], dict[str, Any]]) -> None:
        """Add columns that `make` gives of a row's number and cells."""
        made = [make(number, row) for number, row in self._dicts()]
        for name in made[0] if made else ():
            self.add_column(name, [row[name] for row in made])

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield rows with their numbers."""
        yield from enumerate(self.data)

    def get_column(self, name: str, convert_to: str | None = None) -> Any:
        """Give the cells of a column, as an array with convert_to="numpy"."""
        cells = [row[self.columns.index(name)] for row in self.data]
        if convert_to != "numpy":
            return cells
        import numpy as np  # noqa: PLC0415 - only for who asks for an array

        return np.array(cells)

    def get_dataframe(self) -> Any:
        """Give a data frame of pandas.

        Raises:
            ImportError: pandas is not there.
        """
        import pandas as pd  # noqa: PLC0415 - the caller's choice

        return pd.DataFrame(self.data, columns=self.columns)

    def __getattr__(self, name: str) -> Any:
        if name in _NOT_HERE:
            return said.Absent(f"Table.{name}")
        raise AttributeError(f"a table has no {name!r} on tracker")

    def about(self) -> dict[str, Json]:
        """Give wandb's typed JSON."""
        return {**super().about(), "ncols": len(self.columns), "nrows": len(self.data)}

    def files(self) -> list[File]:
        """Give the file of the table, as wandb writes it."""
        return [self._written()[0]]

    def extras(self) -> list[File]:
        """Files of the media in its cells; these name them by "path"."""
        return self._written()[1]

    def _dicts(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, row in enumerate(self.data):
            yield number, dict(zip(self.columns, row, strict=True))

    def _written(self) -> tuple[File, list[File]]:
        extras: list[File] = []
        data = [[_cell(cell, extras) for cell in row] for row in self.data]
        content = {"columns": [friendly(name) for name in self.columns], "data": data}
        return File("table.table.json", msgspec.json.encode(content)), extras


def _cell(cell: Any, extras: list[File]) -> Json:
    if not isinstance(cell, Media):
        return friendly(cell)
    about = cell.about()
    for file in cell.files():
        name = f"{len(extras)}{''.join(PurePath(file.name).suffixes)}"
        extras.append(File(name, file.content))
        about["path"] = name
    extras.extend(File(f"{len(extras)}-{f.name}", f.content) for f in cell.extras())
    return about
