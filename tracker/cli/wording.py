"""Wording of figures: numbers, durations, times and sizes as a person reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from tracker.notice import shown

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024
_EXACT = 10**7
_LENGTHS = ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s"))
"""Seconds of a unit and of the smaller one that is said with it, and their letters."""


def number(value: float | None, digits: int = 4) -> str:
    """A figure in `digits` significant digits; whole numbers below 10 million exactly."""
    if value is None:
        return "-"
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return f"{value:.{digits}g}"


def value_text(value: Any) -> str:
    """A config, summary or logged value, safe for a terminal."""
    if isinstance(value, float):
        return number(value, 10)
    if isinstance(value, str):
        return shown(value)
    return shown(str(value))


def duration(seconds: float | None) -> str:
    """A length of time: "0.4s", "12s", "3m04s", "2h05m", "3d04h"."""
    if seconds is None:
        return "-"
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 9.95:  # noqa: PLR2004 - what still rounds to one digit before the point
        return f"{seconds:.1f}s"
    whole = round(seconds)
    for unit, name, below, smaller in _LENGTHS:
        if whole >= unit:
            return f"{whole // unit}{name}{whole % unit // below:02}{smaller}"
    return f"{whole}s"


def day_and_time(at: datetime | None) -> str:
    """A time on the local clock, "2026-01-31 14:05:09"."""
    return "-" if at is None else _local(at).strftime("%Y-%m-%d %H:%M:%S")


def short_time(at: datetime | None) -> str:
    """A local time in 11 columns: "01-31 14:05", of another year "2025-01-31"."""
    if at is None:
        return "-"
    local = _local(at)
    same_year = local.year == datetime.now().astimezone().year
    return local.strftime("%m-%d %H:%M" if same_year else "%Y-%m-%d")


def clock_time(at: datetime) -> str:
    """A local time of day with milliseconds, "14:05:09.123"."""
    local = _local(at)
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03}"


def ago(at: datetime) -> str:
    """How long ago a time was: "3m04s ago"; of the future "in 12s"."""
    seconds = (datetime.now(timezone.utc) - at).total_seconds()
    return f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"


def _local(at: datetime) -> datetime:
    try:
        return at.astimezone()
    except (OverflowError, OSError, ValueError):  # a recorded clock can have said anything
        return at


def size(count: int) -> str:
    """A number of bytes: "17 B", "4.2 MiB"."""
    amount = float(count)
    for unit in _UNITS[:-1]:
        if amount < _STEP:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _STEP
    return f"{amount:.1f} {_UNITS[-1]}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun: "1 run", "1,200 runs"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def unknown_events(count: int) -> str:
    """What is said of events of a run that a later version made, and what to do about them."""
    return (
        f"{counted(count, 'event')} of a kind that this version does not know; kept and carried "
        "along. Upgrade: pip install --upgrade tracker-syncd"
    )


def spans(numbers: Sequence[int]) -> str:
    """Sorted numbers in short: "0 to 7, 9"."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(f"{a} to {b}" if a < b else str(a) for a, b in parts)
