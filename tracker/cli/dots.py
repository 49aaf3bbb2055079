"""Dots of curves, put together into the characters of a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Paint = Callable[[int, str], str]
"""Gives a text the colour of the series with this number."""

Grid = NDArray[np.bool_]
"""Which dots of a picture a series has, from its upper left corner: rows by columns."""

_LETTER_EVERY = 24
"""Columns from one letter along a curve to the next."""

_STAGGER = 5
"""Columns between the letters of neighbouring series."""


_BLANK = 0x2800
"""No dots at all: a space is shown for it, as some fonts draw hollow ones."""


class Kind(NamedTuple):
    """How many rows and columns of dots a character has; `bits` is each one's Unicode bit."""

    rows: int
    columns: int
    bits: tuple[tuple[int, ...], ...]


BRAILLE = Kind(4, 2, ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80)))
"""Braille patterns (Unicode from 2800)."""

ASCII = Kind(1, 1, ((1,),))
"""A letter a dot."""


def grid(
    columns: NDArray[np.int64], heights: NDArray[np.int64], joined: NDArray[np.bool_],
    shape: tuple[int, int],
) -> Grid:  # fmt: skip
    """Mark points and the lines between them.

    Args:
        columns: of each point, from the left, never descending.
        heights: of each point, from the bottom.
        joined: whether a line leads to the point from the one before.
        shape: rows and columns of dots.
    """
    found = np.zeros(shape, np.bool_)
    if not len(columns):
        return found
    rows = shape[0] - 1 - heights
    begins = np.flatnonzero(np.r_[True, columns[1:] != columns[:-1]])
    tops, bottoms = np.minimum.reduceat(rows, begins), np.maximum.reduceat(rows, begins)
    for column, top, bottom in zip(columns[begins], tops, bottoms, strict=True):
        found[top : bottom + 1, column] = True
    for begin in begins[1:]:
        if joined[begin]:
            _line(found, (rows[begin - 1], columns[begin - 1]), (rows[begin], columns[begin]))
    return found


def _line(found: Grid, start: tuple[int, int], end: tuple[int, int]) -> None:
    count = max(abs(end[0] - start[0]), abs(end[1] - start[1])) + 1
    rows = np.rint(np.linspace(start[0], end[0], count)).astype(np.int64)
    columns = np.rint(np.linspace(start[1], end[1], count)).astype(np.int64)
    found[rows, columns] = True


def lines(
    grids: Sequence[Grid], kind: Kind, letters: Sequence[str], paint: Paint | None = None
) -> list[str]:
    """Put the dots of all series into lines of text.

    Where several series share a character, it has the colour (in ASCII: the letter) of one
    after the other along the line, so that a series below another is still seen. One series
    alone has no letter.
    """
    cells = np.stack([_blocks(one, kind).any(axis=(1, 3)) for one in grids])
    owners = _owners(cells)
    if kind is BRAILLE:
        text = _braille(grids)
        marks = _marks(cells) if len(grids) > 1 else ()
        for number, row, column in marks:
            owners[row, column] = number
            text[row][column] = letters[number]
    else:
        seen = (" ", "*") if len(grids) == 1 else (" ", *letters)
        text = [[seen[number + 1] for number in line] for line in owners]
    if paint is None:
        return ["".join(line) for line in text]
    return [
        "".join(char if n < 0 else paint(n, char) for n, char in zip(line, chars, strict=True))
        for line, chars in zip(owners.tolist(), text, strict=True)
    ]


def _blocks(one: Grid, kind: Kind) -> Grid:
    tall, wide = one.shape
    return one.reshape(tall // kind.rows, kind.rows, wide // kind.columns, kind.columns)


def _owners(cells: Grid) -> NDArray[np.int64]:
    """The series that each character belongs to, by its number; -1 for none."""
    counts = cells.sum(axis=0)
    turns = np.arange(cells.shape[2]) % np.maximum(counts, 1)
    chosen = cells & (np.cumsum(cells, axis=0) == turns + 1)
    return np.where(counts > 0, chosen.argmax(axis=0), -1)


def _braille(grids: Sequence[Grid]) -> list[list[str]]:
    union = np.logical_or.reduce(list(grids))
    sums = (_blocks(union, BRAILLE) * np.array(BRAILLE.bits)[:, None, :]).sum(axis=(1, 3))
    return [[chr(_BLANK + bits) if bits else " " for bits in line] for line in sums.tolist()]


def _marks(cells: Grid) -> Iterator[tuple[int, int, int]]:
    """Where letters stand: series, row, column. Where a series is alone, but one at any rate."""
    free = np.ones(cells.shape[1:], np.bool_)
    alone = cells.sum(axis=0) == 1
    for number, own in enumerate(cells):
        reached = np.flatnonzero(own.any(axis=0))
        if not len(reached):
            continue
        end = int(reached[-1])
        behind = range(end - _LETTER_EVERY - number * _STAGGER, -1, -_LETTER_EVERY)
        for column in (end, *behind):
            place = _near(own & alone & free, column)
            if place is None and column == end:
                place = _near(own & free, column)
            if place is not None:
                free[place] = False
                yield (number, *place)


def _near(where: Grid, column: int) -> tuple[int, int] | None:
    """The place next to a column, on it or left of it, and the uppermost one there."""
    first = max(0, column - _LETTER_EVERY + 1)
    reached = np.flatnonzero(where[:, first : column + 1].any(axis=0))
    if not len(reached):
        return None
    at = first + int(reached[-1])
    return int(where[:, at].argmax()), at
