"""`Answer`: what a query gives, to print and to turn into data frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracker.notice import shown
from tracker.query import frames
from tracker.query.printed import Cell, printed

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa


class Answer:
    """Has columns; prints as a table, with what is to be known of the query below it.

    Attributes:
        hints: keys that no run has, with the nearest names.
    """

    hints: list[str]

    def __str__(self) -> str:
        return "\n".join([printed(self.table()), *map(shown, self.hints)])

    __repr__ = __str__

    def table(self) -> dict[str, list[Cell]]:
        """Columns of equal length, as they are printed."""
        raise NotImplementedError

    def columns(self) -> dict[str, list[Any]]:
        """Columns of equal length, each of one type."""
        raise NotImplementedError

    def to_pandas(self) -> Any:
        """`columns` as a pandas DataFrame.

        Raises:
            BadInput: pandas is not installed; says how to.
        """
        return frames.to_pandas(self.columns())

    def to_polars(self) -> pl.DataFrame:
        """`columns` as a polars DataFrame; raises as `to_pandas`."""
        frame: pl.DataFrame = frames.to_polars(self.columns())
        return frame

    def to_arrow(self) -> pa.Table:
        """`columns` as a pyarrow Table; raises as `to_pandas`."""
        return frames.to_arrow(self.columns())
