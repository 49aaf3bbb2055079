"""The pane of curves: the chosen metrics of the run at the cursor, or of all marked ones."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

import click
import numpy as np

from tracker.cli import terminal, wording
from tracker.cli.curve import LETTERS, Series, braille_shown, curve
from tracker.errors import RunError
from tracker.notice import shown
from tracker.query import RunView
from tracker.top.colours import bold, dim, painted
from tracker.top.points import Points
from tracker.top.wish import Wish

_LEAST_WIDTH, _LEAST_HEIGHT = 58, 9
"""Room that a picture gets at least, where there are several."""

_BETWEEN = "  "
_UNITS = ((2 * 86400, 86400, "days"), (2 * 3600, 3600, "hours"), (120, 60, "minutes"))
"""From how many seconds on a unit is used, and how many it has."""


class Page(NamedTuple):
    """Which metrics are seen at once, of how many, in how many columns of pictures."""

    keys: Sequence[str]
    first: int
    total: int
    columns: int

    @property
    def said(self) -> str:
        """Which they are, where that is not all."""
        if len(self.keys) == self.total:
            return ""
        last = self.first + len(self.keys)
        which = f"{self.first + 1}" if len(self.keys) == 1 else f"{self.first + 1}-{last}"
        return f"metric {which} of {self.total}, n: next"


def page(wish: Wish, keys: Sequence[str]) -> Page:
    """Share the pane out among as many of the metrics as fit."""
    rows, columns = max(1, wish.height // _LEAST_HEIGHT), max(1, wish.width // _LEAST_WIDTH)
    room = rows * columns
    pages = max(1, -(-len(keys) // room))
    first = wish.page % pages * room
    seen = keys[first : first + room]
    return Page(seen, first, len(keys), min(columns, max(1, -(-len(seen) // rows))))


def lines(wish: Wish, runs: Sequence[RunView], keys: Sequence[str], points: Points) -> list[str]:
    """Draw a page of metrics, for each a line of its name and figures and a picture."""
    seen = page(wish, keys)
    rows = -(-len(seen.keys) // seen.columns)
    width = (wish.width - len(_BETWEEN) * (seen.columns - 1)) // seen.columns
    found = list[str]()
    for row in range(rows):
        height = wish.height * (row + 1) // rows - wish.height * row // rows
        beside = seen.keys[row * seen.columns : (row + 1) * seen.columns]
        pictures = [_picture(wish, runs, key, points, (width, height)) for key in beside]
        found += [
            _BETWEEN.join(_padded(part, width) for part in parts).rstrip()
            for parts in zip_longest(*pictures, fillvalue="")
        ]
    return found


def _padded(text: str, width: int) -> str:
    return text + " " * (width - terminal.columns(click.unstyle(text)))


def _picture(
    wish: Wish, runs: Sequence[RunView], key: str, points: Points, room: tuple[int, int]
) -> list[str]:
    width, height = room
    series = list[Series]()
    seconds = 0.0
    for run in runs[: len(LETTERS)]:
        try:
            history = points.of(run, key)
        except RunError:  # the others may have it
            series.append(Series(f"{_name(run)}: none", np.empty(0), np.empty(0)))
            continue
        xs = history.steps.astype(np.float64)
        if wish.by_time:
            xs = (history.times - round(run.started_at.timestamp() * 1e9)) / 1e9
            seconds = max(seconds, float(xs.max(initial=0.0)))
        series.append(Series(_name(run), xs, history.values))
    unit, name = next(
        ((unit, name) for least, unit, name in _UNITS if seconds >= least), (1, "seconds")
    )
    axis = f"{name} since the start" if wish.by_time else "step"
    scaled = [Series(one.name, one.xs / unit, one.ys) for one in series] if wish.by_time else series
    title = _title(runs, key, width)
    if len(runs) == 1 and not len(series[0].xs):
        return [title, f"{_name(runs[0])} has no points of it"]
    return [
        title,
        *curve(
            scaled,
            width,
            height - 1,
            axis=axis,
            braille=braille_shown(sys.__stdout__),
            log=wish.log,
            paint=painted,
        ),
    ]


def _title(runs: Sequence[RunView], key: str, width: int) -> str:
    name = terminal.cut(shown(key), width)
    figures = runs[0].metrics.get(key) if len(runs) == 1 else None
    if figures is None:
        return bold(name)
    number = wording.number
    told = [f"last {number(figures.last)}", f"min {number(figures.min)}"]
    told += [f"max {number(figures.max)}", wording.counted(figures.count, "point")]
    text = terminal.cut("  ".join(["", *told]), max(0, width - terminal.columns(name)))
    return bold(name) + dim(text)


def _name(run: RunView) -> str:
    return run.name or run.id
