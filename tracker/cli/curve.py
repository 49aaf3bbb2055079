"""Curves on a terminal: series over one axis in braille dots, or in ASCII letters.

Nothing is hidden: a column of dots reaches from the smallest to the largest value that falls
into it, so that a spike of one point is seen. Neighbouring points are joined by a line, except
across a value that is not finite. Several series are told apart without colour: each has a
letter, which stands at its end and now and then along it.
"""

from __future__ import annotations

import os
import string
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from tracker.cli import dots, terminal, wording
from tracker.cli.dots import Paint
from tracker.notice import shown

LEAST_WIDTH, LEAST_HEIGHT = 24, 5
"""Columns and lines that a picture is laid out for at least; in less room it is cut."""

LETTERS = string.ascii_lowercase
"""Marks of the series, in their order; series beyond them are not drawn, but counted."""

_BETWEEN = "  "

_MIDDLE = 7
"""Lines from which on the y axis has a label in its middle."""

_DIGITS = range(4, 18)
"""Significant digits of labels: as few as tell them apart; 17 tell any two floats apart."""


class Series(NamedTuple):
    """One curve: `ys` over `xs`, columns of equal length, in any order of `xs`."""

    name: str
    xs: NDArray[np.float64] | NDArray[np.int64]
    ys: NDArray[np.float64]


class _Range(NamedTuple):
    """Smallest and largest value along an axis; of a logarithmic one their logarithms."""

    low: float
    high: float
    log: bool = False

    def places(self, values: NDArray[np.float64], count: int) -> NDArray[np.int64]:
        """Which of `count` places each value has; the middle one where all values are equal."""
        # Halves first: the difference of two huge values is more than a float holds.
        span = self.high / 2 - self.low / 2
        if not span:
            return np.full(len(values), (count - 1) // 2, np.int64)
        shares = (values / 2 - self.low / 2) / span
        return np.rint(shares * (count - 1)).astype(np.int64)

    def labels(self, parts: int) -> list[str]:
        """Texts for both ends and the borders of `parts` between; one where there is one value."""
        if self.low == self.high:
            return [wording.number(self._value(self.low))]
        low, high = self.low / parts, self.high / parts
        between = [low * (parts - n) + high * n for n in range(1, parts)]
        values = [self._value(value) for value in (self.low, *between, self.high)]
        texts: list[str] = []
        for digits in _DIGITS:
            texts = [wording.number(value, digits) for value in values]
            if len(set(texts)) == len(texts):
                break
        return texts

    def _value(self, place: float) -> float:
        return float(10.0**place) if self.log else place


class _Frame(NamedTuple):
    """What stands around the curves: axes in characters that the terminal can show."""

    side: str
    tick: str
    corner: str
    floor: str


_LINES = _Frame("│", "┤", "└", "─")
_ASCII = _Frame("|", "+", "+", "-")


def braille_shown(stream: TextIO | None = None) -> bool:
    """Whether standard output can show braille: it takes Unicode, and is no bare console.

    `stream` stands for it where something else took its place.
    """
    if os.environ.get("TERM") in ("linux", "dumb"):
        return False
    try:
        "\u28ff┤".encode((stream or sys.stdout).encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def curve(
    series: Sequence[Series],
    width: int,
    height: int,
    *,
    axis: str = "step",
    braille: bool = True,
    paint: Paint | None = None,
    log: bool = False,
) -> list[str]:
    """Draw series into one picture.

    Args:
        series: what to draw.
        width: columns of the whole picture, axes included.
        height: lines of the whole picture, axes and legend included.
        axis: what the x axis counts.
        braille: draw in braille dots; else in ASCII (see `braille_shown`).
        paint: gives texts their colours; without it there are none.
        log: a logarithmic y axis; values that are not above 0 have no place on it.

    Returns:
        Lines without their ends: at most `height`, none wider than `width`. The scale is that
        of the finite values; others are not drawn, but counted in the legend.
    """
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        whole = curve(
            series, max(width, LEAST_WIDTH), max(height, LEAST_HEIGHT), axis=axis,
            braille=braille, log=log,
        )  # fmt: skip
        return [terminal.cut(line, width) for line in whole[:height]]
    drawn = [_finite(_logarithms(one) if log else one) for one in series[: len(LETTERS)]]
    legend = _legend(series, width, max(1, height // 3), paint, log=log)
    xs, ys = _range([one.xs for one in drawn]), _range([one.ys for one in drawn])
    if xs is None or ys is None:
        what = "finite value above 0" if log else "finite value"
        return [terminal.cut(f"nothing to draw: there is no {what}", width), *legend]
    ys = ys._replace(log=log)
    rows = height - len(legend) - 2
    labels = ys.labels(2 if rows >= _MIDDLE else 1)
    room = max(map(len, labels))
    columns = width - room - 2
    kind = dots.BRAILLE if braille else dots.ASCII
    tall, wide = rows * kind.rows, columns * kind.columns
    grids = [
        dots.grid(xs.places(one.xs, wide), ys.places(one.ys, tall), one.joined, (tall, wide))
        for one in drawn
    ]
    lines = dots.lines(grids, kind, LETTERS, paint)
    frame = _LINES if braille else _ASCII
    return [
        *_beside(labels, room, lines, frame),
        *_below(xs.labels(1), axis, room, columns, frame),
        *legend,
    ]


class _Drawn(NamedTuple):
    """The finite points of a series in the order of x; `joined`: by a line to the one before."""

    xs: NDArray[np.float64]
    ys: NDArray[np.float64]
    joined: NDArray[np.bool_]


def _finite(one: Series) -> _Drawn:
    order = np.argsort(one.xs, kind="stable")
    xs, ys = one.xs[order].astype(np.float64), one.ys[order]
    finite = np.isfinite(xs) & np.isfinite(ys)
    breaks = np.cumsum(~finite)[finite]
    return _Drawn(xs[finite], ys[finite], np.diff(breaks, prepend=-1) == 0)


def _logarithms(one: Series) -> Series:
    ys = np.full(len(one.ys), np.nan)
    return one._replace(ys=np.log10(one.ys, out=ys, where=one.ys > 0))


def _range(columns: Sequence[NDArray[np.float64]]) -> _Range | None:
    filled = [column for column in columns if len(column)]
    if not filled:
        return None
    return _Range(float(min(c.min() for c in filled)), float(max(c.max() for c in filled)))


def _beside(labels: Sequence[str], room: int, lines: Sequence[str], frame: _Frame) -> Iterator[str]:
    """The curves, with the y axis to their left."""
    last = len(lines) - 1
    at = {last - round(n * last / (len(labels) - 1)): text for n, text in enumerate(labels[:-1])}
    at = {0: labels[-1], **at} if len(labels) > 1 else {last // 2: labels[0]}
    for number, line in enumerate(lines):
        text = at.get(number)
        side = frame.side if text is None else frame.tick
        yield f"{(text or '').rjust(room)} {side}{line}"


def _below(
    labels: Sequence[str], axis: str, room: int, columns: int, frame: _Frame
) -> Iterator[str]:
    """The x axis: a line, and below it both ends and what is counted."""
    yield f"{' ' * room} {frame.corner}{frame.floor * columns}"
    first, last = labels if len(labels) > 1 else ("", "")
    free = columns + 1 - len(first) - len(last) - 2
    middle = shown(axis) if len(labels) > 1 else f"{shown(axis)} {labels[0]}"
    between = terminal.cut(middle, max(0, free))
    pad = max(0, free + 2 - terminal.columns(between))
    yield f"{' ' * (room + 1)}{first}{' ' * (pad // 2)}{between}{' ' * (pad - pad // 2)}{last}"


def _legend(
    series: Sequence[Series], width: int, most: int, paint: Paint | None, *, log: bool
) -> list[str]:
    """Names of the series with their letters, and what is not drawn of each, in `most` lines."""
    lines = list[list[int]]()
    texts = list[str]()
    used = 0
    for number, (letter, one) in enumerate(zip(LETTERS, series, strict=False)):
        named = said(one, log=log)
        text = named if len(series) == 1 else f"{letter} {named}"
        texts.append(terminal.cut(text, width))
        room = terminal.columns(texts[-1])
        if not lines or used + len(_BETWEEN) + room > width:
            lines.append([])
            used = -len(_BETWEEN)
        lines[-1].append(number)
        used += len(_BETWEEN) + room
    fitting = len(series) == len(texts) and len(lines) <= most
    kept = lines if fitting else lines[: most - 1]
    told = [_BETWEEN.join(paint(n, texts[n]) if paint else texts[n] for n in ns) for ns in kept]
    if not fitting:
        rest = len(series) - sum(map(len, kept))
        told.append(terminal.cut(_more(rest, len(series) - len(texts), bool(kept)), width))
    return told


def _more(rest: int, undrawn: int, some: bool) -> str:
    text = f"and {rest:,} more" if some else wording.counted(rest, "series", "series")
    return f"{text}, {undrawn:,} of them not drawn" if undrawn else text


def said(one: Series, *, log: bool = False) -> str:
    """The name of a series, safe for a terminal, and which values of it are not drawn."""
    odd = {
        "NaN": np.isnan(one.ys),
        "inf": np.isposinf(one.ys),
        "-inf": np.isneginf(one.ys),
        "not above 0": np.isfinite(one.ys) & (one.ys <= 0) & log,
    }
    kinds = [kind for kind, there in odd.items() if there.any()]
    return f"{shown(one.name)} (not drawn: {', '.join(kinds)})" if kinds else shown(one.name)
