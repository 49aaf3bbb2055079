"""Showing something again and again: in its place on a terminal, below each other elsewhere."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import time
from collections.abc import Callable

_EVERY_S = 1.0
_SHARE = 4
"""What takes long to find out is shown less often: for each second of work so many of rest."""

_CLEAR, _HOME = "\x1b[2J", "\x1b[H"
_TO_LINE_END, _TO_END = "\x1b[K", "\x1b[J"


def again_and_again(show: Callable[[], None]) -> None:
    """Call `show`, which prints, each second until Ctrl-C."""
    on_terminal = sys.stdout.isatty()
    if on_terminal:
        sys.stdout.write(_CLEAR)
    try:
        while True:
            began = time.monotonic()
            if on_terminal:
                _draw(_printed(show))
            else:
                show()
            sys.stdout.flush()
            time.sleep(max(_EVERY_S, _SHARE * (time.monotonic() - began)))
    except KeyboardInterrupt:
        return


def _printed(show: Callable[[], None]) -> list[str]:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        show()
    return text.getvalue().splitlines()


def _draw(lines: list[str]) -> None:
    """Put the lines over those that stand there, as many as the terminal has room for now."""
    width, height = shutil.get_terminal_size()
    shown = lines[: height - 1]
    if len(lines) > len(shown):
        shown[-1:] = [f"... and {len(lines) - len(shown) + 1} more lines: syncd status"]
    drawn = "".join(f"{line[: width - 1]}{_TO_LINE_END}\n" for line in shown)
    sys.stdout.write(f"{_HOME}{drawn}{_TO_END}")
