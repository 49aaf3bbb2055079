"""What W&B's GraphQL gives back of a run: its rows, its measures of the machine, its console.

Rows: all of them, in pages by `_step`.

`history` takes a range of steps and how many rows it may give; it thins out what is more. No two
rows of ours share a step, so a range of so many steps is whole. Steps may be far apart: a range
grows for as long as fewer rows come than were asked for, which says that it was whole too.
"""

from __future__ import annotations

from collections.abc import Iterator

from syncd.sinks import Point, Retryable
from syncd.sinks.wandb.api import Api, Place, TooLongError, UnknownFieldError
from syncd.sinks.wandb.translation import Row, points, system_points
from tracker.integrations.wandb.clock import STEP

PAGE = 1_000
"""Rows that are asked for at once, as W&B's own client does."""


_LINES = 1_000
_MOST_SAMPLES = 1 << 20
"""Rows of system metrics that are asked for at most, all at once: W&B has no pages of them."""


def read_points(api: Api, place: Place, last_step: int) -> Iterator[Point]:
    """Yield the points of a run whose highest `_step` is `last_step`."""
    for row in read_rows(api, place, last_step):
        yield from points(row)


def read_rows(api: Api, place: Place, last_step: int) -> Iterator[Row]:
    """Yield the rows of a run, by step.

    Raises:
        Retryable: a single row is too long to be read.
    """
    low, page = 0, PAGE
    width = page
    while low <= last_step:
        high = min(low + width, last_step + 1)
        try:
            rows = api.history(place, low, high, page)
        except TooLongError:
            if page == 1:
                raise Retryable(f"{place.path}: the row at step {low} is too long") from None
            page = width = page // 2
            continue
        if high - low > page <= len(rows):  # perhaps there are more than were given
            width = max(width // 2, page)
            continue
        yield from sorted(rows, key=lambda row: int(row[STEP] or 0))
        low = high
        width = width * 2 if len(rows) * 2 < page else width


def read_system(api: Api, place: Place) -> list[Point] | None:
    """Return the measures of the machine; None where the server does not give all of them.

    `events` thins out what is more than was asked for. So all were given where fewer came, as
    many as the server counts.
    """
    samples = 2 * PAGE
    try:
        while True:
            count, rows = api.events(place, samples)
            if len(rows) < samples or samples >= _MOST_SAMPLES:
                break
            samples *= 4
    except (TooLongError, UnknownFieldError):
        return None
    if count != len(rows):
        return None
    return [point for row in rows for point in system_points(row)]


def read_lines(api: Api, place: Place) -> Iterator[str] | None:
    """Yield the lines of the console, page by page; None where the server does not give them.

    Raises:
        Retryable: a later page is too long to be read.
    """
    try:
        first = api.lines(place, None, _LINES)
    except (TooLongError, UnknownFieldError):
        return None
    return _lines(api, place, *first)


def _lines(api: Api, place: Place, lines: list[str], after: str | None) -> Iterator[str]:
    yield from lines
    while after is not None:
        try:
            lines, after = api.lines(place, after, _LINES)
        except TooLongError:
            raise Retryable(f"{place.path}: a page of its console is too long") from None
        yield from lines
