"""What a process wrote, as lines of W&B's `output.log`.

A line is ``[ERROR ]TIME TEXT``: ERROR for stderr, the time (UTC, microseconds) of its first
character. As a terminal does, a line shows what stands behind its last carriage return, so that a
progress bar is one line; the journal has it all. What ends without a line end goes on with the
next text of that writer and stream, in the line that it has: W&B's own client overwrites lines too
(core/internal/filestream/filestreamrequest.go).

The state: ``next``, the ordinal of the next line, and ``open``, "WRITER STREAM" -> [ordinal, time
(ns), text] of the lines without an end.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from tracker.events import Console

MAX_LINE = 65_536
"""Characters of a line; what is beyond goes on in the next."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_NS_PER_US = 1_000


def take(state: dict[str, Any], writer_id: str, event: Console) -> tuple[dict[str, Any], Lines]:
    """Return the state after an event, and the lines by ordinal that it makes or changes."""
    name = f"{writer_id} {event.stream}"
    opened = dict(state.get("open") or {})
    number: int = state.get("next", 0)
    at, time, held = opened.pop(name, None) or (None, event.time, "")
    lines: Lines = {}
    *whole, rest = _split(held + event.text)
    for text in whole:
        if at is None:
            at, number = number, number + 1
        lines[at] = _line(event.stream, time, text)
        at, time = None, event.time
    if rest:
        if at is None:
            at, number = number, number + 1
        lines[at] = _line(event.stream, time, rest)
        opened[name] = [at, time, rest]
    return {"next": number, "open": opened}, lines


Lines = dict[int, str]
"""Lines by ordinal."""


def said(line: str) -> str:
    """Return what a line says, as W&B gives it back: without its time, which stands apart there."""
    return line.removeprefix("ERROR ").partition(" ")[2]


def _split(text: str) -> list[str]:
    found = []
    for line in text.split("\n"):
        shown = _shown(line)
        while len(shown) > MAX_LINE:
            found.append(shown[:MAX_LINE])
            shown = shown[MAX_LINE:]
        found.append(shown)
    return found


def _shown(line: str) -> str:
    """What a terminal shows of a line; a carriage return at its end clears nothing yet."""
    kept, end = (line[:-1], "\r") if line.endswith("\r") else (line, "")
    return kept[kept.rfind("\r") + 1 :] + end


def _line(stream: str, time_ns: int, text: str) -> str:
    try:
        moment = _EPOCH + timedelta(microseconds=time_ns // _NS_PER_US)
    except OverflowError:
        moment = _EPOCH
    said = moment.strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{'ERROR ' if stream == 'stderr' else ''}{said} {text.removesuffix(chr(13))}"
