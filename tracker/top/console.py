"""The pane of the console: what the run wrote, the last lines of it."""

from __future__ import annotations

import click

from tracker.cli import terminal, wording
from tracker.notice import shown
from tracker.query import RunView
from tracker.top.colours import dim, warning

_TIME = len("12:34:56")

MOST = 1000
"""Lines that can be scrolled back to; all of them: `tracker export --what console`."""


def lines(run: RunView, width: int) -> list[str]:
    """The last lines, each with its time; those of standard error in another colour."""
    found = list[str]()
    for line in run.last_lines(MOST):
        text = shown(click.unstyle(line.text).rstrip("\r").rpartition("\r")[2])
        time = wording.clock_time(line.time)[:_TIME]
        for piece in terminal.folded(text, max(1, width - _TIME - 2)):
            said = warning(piece) if line.stream == "stderr" else piece
            found.append(f"{dim(time)}  {said}".rstrip())
            time = " " * _TIME
    return found or [dim("nothing was written to the console, or it was not captured")]
