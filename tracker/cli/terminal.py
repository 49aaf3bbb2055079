"""The terminal: how wide it is, what may be printed on it, and which colour that has."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import unicodedata
from typing import Any

import click

from tracker.notice import shown

UNLIMITED = 10**6
"""Width where nobody's lines wrap: a pipe or a file."""

_WIDEST = 110
"""Columns beyond which running text is hard to read."""

_STATUS_COLOURS = {
    "running": "cyan",
    "finished": "green",
    "failed": "red",
    "crashed": "red",
    "killed": "yellow",
}


def width() -> int:
    """Columns of the terminal; `UNLIMITED` if standard output is none and COLUMNS not set."""
    if not sys.stdout.isatty() and not os.environ.get("COLUMNS"):
        return UNLIMITED
    return max(20, shutil.get_terminal_size().columns)


def colourful() -> bool:
    """Whether colours are wanted: a terminal that has them, and no NO_COLOR."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain


def styled(text: str, **style: Any) -> str:
    """`text` in a `click.style`, where colours are wanted."""
    return click.style(text, **style) if colourful() else text


def status(text: str, pad: int = 0) -> str:
    """A run's status in its colour, padded to `pad` columns."""
    return styled(shown(text).ljust(pad), fg=_STATUS_COLOURS.get(text))


def columns(text: str) -> int:
    """How many columns `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(char) for char in text)


def _columns_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, room: int) -> str:
    """`text` in at most `room` columns, "…" at its end where something was left out."""
    if columns(text) <= room:
        return text
    kept, used = [], 0
    for char in text:
        used += _columns_of(char)
        if used > room - 1:
            break
        kept.append(char)
    return "".join(kept) + "…" if room > 0 else ""


def folded(text: str, room: int) -> list[str]:
    """`text` in pieces of at most `room` columns, broken anywhere, as terminals do it."""
    if columns(text) <= room:
        return [text]
    pieces, used = [""], 0
    for char in text:
        wide = _columns_of(char)
        if used + wide > room and pieces[-1]:
            pieces.append("")
            used = 0
        pieces[-1] += char
        used += wide
    return pieces


def wrapped(first: str, text: str) -> list[str]:
    """`first` and `text` behind it, in lines that fit; the others stand below `text`.

    Texts are not cut: a word longer than a line is broken, and where nobody's lines wrap all
    is one line.
    """
    indent = " " * columns(first)
    if width() >= UNLIMITED:
        return [first + text]
    room = max(min(width(), _WIDEST) - len(indent), 20)
    lines = textwrap.wrap(text, room, break_on_hyphens=False) or [""]
    return [(indent if number else first) + line for number, line in enumerate(lines)]


def fitted(text: str, room: int, *, right: bool = False) -> str:
    """`text` in exactly `room` columns, cut or padded."""
    text = cut(text, room)
    pad = " " * (room - columns(text))
    return pad + text if right else text + pad
