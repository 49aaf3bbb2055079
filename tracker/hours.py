"""Hours of the day at which something may be done, such as nights only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from tracker.errors import BadInput

PATTERN = r"^([01]?\d|2[0-3]):([0-5]\d)\s*-\s*(?:([01]?\d|2[0-3]):([0-5]\d)|24:00)$"
"""What a span looks like."""

_SPAN = re.compile(PATTERN)
_MINUTE_S = 60
_DAY = 24 * 60


class Hours:
    """Spans of a day by this machine's clock, such as "22:00-06:00"; one may go over midnight.

    One that ends where it begins is the whole day.

    Raises:
        BadInput: one cannot be read.
    """

    def __init__(self, spans: Iterable[str]) -> None:
        self._texts = tuple(spans)
        self._spans = [_span(text) for text in self._texts]

    def __str__(self) -> str:
        return ", ".join(self._texts)

    def closed_s(self, wall: float) -> float:
        """Seconds from `wall` (since 1970 UTC) until the next span begins; 0 within one."""
        at = _local(wall)
        minute = at.hour * 60 + at.minute
        if any((minute - begin) % _DAY < length for begin, length in self._spans):
            return 0.0
        minutes = min((begin - minute) % _DAY for begin, _ in self._spans)
        return max(minutes * _MINUTE_S - at.second - at.microsecond / 1e6, 0.001)

    def next_begin(self, wall: float) -> str:
        """When the next span begins, as a person reads it."""
        at = _local(wall) + timedelta(seconds=self.closed_s(wall) + 0.5)
        return at.strftime("%H:%M")


def of(spans: Iterable[str]) -> Hours | None:
    """The hours that a setting says; None where it is empty, which is always."""
    texts = tuple(spans)
    return Hours(texts) if texts else None


def _local(wall: float) -> datetime:
    return datetime.fromtimestamp(wall).astimezone()


def _span(text: str) -> tuple[int, int]:
    """Minute of the day at which it begins, and how many minutes it has."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise BadInput(f"{text!r} are no hours; give them as HH:MM-HH:MM, such as 22:00-06:00.")
    begin = int(found[1]) * 60 + int(found[2])
    end = int(found[3]) * 60 + int(found[4]) if found[3] else _DAY
    return begin, (end - begin) % _DAY or _DAY
