"""A metric on a terminal: its drawing beside its figures, two lines for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.cli import sparkline, terminal, wording
from tracker.index.history import History
from tracker.notice import shown
from tracker.query import Figures

_COUNT = len("12,345,678 points")
_NAME_MOST = 32
_DRAWING_LEAST, _DRAWING_MOST = 14, 48
_DRAWING_PIPED = 16
_FIGURES = 41
"""Columns of "min -1.234e+100 @ 123456 last -1.234e+100", as wide as figures come."""


class Rooms(NamedTuple):
    """Columns for names and for drawings."""

    name: int
    drawing: int


def rooms_for(keys: Sequence[str], width: int) -> Rooms:
    """Share out `width`: names are cut only where a terminal is too narrow for them."""
    longest = max(_COUNT, *(terminal.columns(shown(key)) for key in keys))
    if width >= terminal.UNLIMITED:
        return Rooms(longest, _DRAWING_PIPED)
    free = width - _FIGURES - len("  " * 3)
    name = max(_COUNT, min(longest, _NAME_MOST, free - _DRAWING_LEAST))
    return Rooms(name, max(_DRAWING_LEAST, min(_DRAWING_MOST, free - name)))


def metric_lines(key: str, figures: Figures, history: History, rooms: Rooms) -> Iterator[str]:
    """Yield the two lines of a metric; a third where values are not finite."""
    series = sparkline.buckets(history.steps, history.values, rooms.drawing * 2)
    upper, lower = sparkline.drawn(series)
    name = terminal.styled(terminal.fitted(shown(key), rooms.name), bold=True)
    yield f"  {name}  {upper}  {_figures('max', figures.max, figures.max_step, figures.last)}"
    count = terminal.fitted(wording.counted(figures.count, "point"), rooms.name)
    below = _figures("min", figures.min, figures.min_step, None)
    yield f"  {count}  {lower}  {below}mean {wording.number(figures.mean)}"
    if odd := _not_finite(history.values):
        yield f"  {' ' * rooms.name}  {odd}"


def _figures(word: str, value: float, step: int | None, last: float | None) -> str:
    at = "" if step is None else f" @ {step}"
    text = f"{word} {wording.number(value)}{at}"
    end = "" if last is None else f"last {wording.number(last)}"
    return f"{text.ljust(24)} {end}"


def _not_finite(values: NDArray[np.float64]) -> str:
    counts = {
        "NaN": int(np.isnan(values).sum()),
        "inf": int(np.isposinf(values).sum()),
        "-inf": int(np.isneginf(values).sum()),
    }
    parts = [f"{count:,} {name}" for name, count in counts.items() if count]
    return f"not drawn: {', '.join(parts)}" if parts else ""
