"""Tables that fit the terminal: columns give up room, then drop out, before a line wraps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tracker.cli import terminal

_BETWEEN = "  "


@dataclass
class Column:
    """One column: its heading and cells, already safe for a terminal.

    `least` is the width it can be cut to; `right` aligns figures; an `optional` column is
    left out where there is no room for it; `is_status` shows statuses in their colours.
    """

    heading: str
    cells: list[str] = field(default_factory=list)
    least: int = 4
    right: bool = False
    optional: bool = False
    is_status: bool = False

    @property
    def natural(self) -> int:
        """Width at which nothing is cut."""
        return max(terminal.columns(text) for text in (self.heading, *self.cells))


def lines(columns: Sequence[Column], room: int) -> list[str]:
    """Heading and rows, none of them wider than `room` as long as the first column fits."""
    kept, widths = _fitting(columns, room)
    rows = list(zip(*(column.cells for column in kept), strict=True))
    heading = _line(kept, [column.heading for column in kept], widths, heading=True)
    return [heading, *(_line(kept, row, widths) for row in rows)]


def _fitting(columns: Sequence[Column], room: int) -> tuple[list[Column], list[int]]:
    kept = [column for column in columns if not column.optional]
    while len(kept) > 1 and _total([column.least for column in kept]) > room:
        kept.pop()
    widths = _shrunk([column.natural for column in kept], [c.least for c in kept], room)
    for column in columns:
        if column.optional and _total([*widths, column.natural]) <= room:
            kept.append(column)
            widths.append(column.natural)
    return kept, widths


def _shrunk(widths: list[int], least: Sequence[int], room: int) -> list[int]:
    """Take from the widest column that can still give, until all fit."""
    while _total(widths) > room:
        giving = [n for n, width in enumerate(widths) if width > least[n]]
        if not giving:
            break
        widths[max(giving, key=lambda n: widths[n])] -= 1
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_BETWEEN) * (len(widths) - 1)


def _line(
    columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int], *, heading: bool = False
) -> str:
    parts = []
    for column, cell, width in zip(columns, cells, widths, strict=True):
        text = terminal.fitted(cell, width, right=column.right)
        if heading:
            text = terminal.styled(text, dim=True)
        elif column.is_status:
            text = terminal.status(cell, width)
        parts.append(text)
    return _BETWEEN.join(parts).rstrip()
