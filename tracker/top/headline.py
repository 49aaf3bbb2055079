"""What stands above the list: how many runs there are, what is pending, and what is amiss."""

from __future__ import annotations

from tracker.cli import terminal
from tracker.notice import shown
from tracker.top.sight import Sight

_NOTE_LINES = 5


def head(sight: Sight, place: str, width: int) -> str:
    """One line about the store, which is at `place`."""
    if sight.filter:
        parts = [f"{len(sight.ids):,} of {sight.runs:,} runs like {sight.filter!r}"]
    else:
        parts = [f"{sight.runs:,} runs"]
    parts += [f"{sight.running:,} running", f"sync: {sight.sync}"]
    if sight.wish.log:
        parts.append("log scale")
    told = terminal.cut(shown("  ".join(["tracker top", *parts])), width)
    room = width - terminal.columns(told) - terminal.columns(shown(place))
    return told + " " * room + shown(place) if room > 1 else told


def note(sight: Sight, width: int) -> str:
    """Lines of what a person must know; "" where there is nothing."""
    said = [] if sight.note is None else sight.note.split("\n")
    pieces = [piece for line in said for piece in terminal.folded(shown(line), width)]
    return "\n".join(pieces[:_NOTE_LINES])
