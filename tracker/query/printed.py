"""Columns as a table of plain text, for `print` and notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tracker.notice import shown

Cell = Any
"""What a run has under a heading; None for nothing."""

_MOST_ROWS = 100
_WIDEST = 40


def printed(columns: Mapping[str, Sequence[Cell]]) -> str:
    """A heading and a line a row; of very many the first, and how many more there are."""
    rows = len(next(iter(columns.values()), ()))
    parts = [_column(shown(name), values[:_MOST_ROWS]) for name, values in columns.items()]
    lines = ["  ".join(cells).rstrip() for cells in zip(*parts, strict=True)]
    if rows > _MOST_ROWS:
        lines.append(f"and {rows - _MOST_ROWS:,} more")
    return "\n".join(lines)


def cell(value: Cell) -> str:
    """A value in few characters, safe for a terminal."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M")
    text = shown(str(value))
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _column(heading: str, values: Sequence[Cell]) -> list[str]:
    """Cells of one width; numbers to the right."""
    texts = [heading, *map(cell, values)]
    width = max(map(len, texts))
    right = any(isinstance(value, (int, float)) for value in values)
    return [text.rjust(width) if right else text.ljust(width) for text in texts]
