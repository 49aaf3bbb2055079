"""Times and lengths of time as a person gives them: 2026-11-24, 7d ago, 30m."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from tracker.errors import BadInput

_LENGTH = re.compile(r"(\d{1,6})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def length(text: str) -> timedelta | None:
    """The length of time that a person means by 30m, 24h, 7d or 2w; None if it is none."""
    found = _LENGTH.fullmatch(text.strip())
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def moment(text: str, now: datetime) -> datetime:
    """The time that a person means, in UTC; without a zone it is this machine's.

    Raises:
        BadInput: it cannot be read as one.
    """
    wanted = text.strip()
    try:
        if (ago := length(wanted.removesuffix("ago"))) is not None:
            return now - ago
        return datetime.fromisoformat(wanted.replace("Z", "+00:00")).astimezone(timezone.utc)
    except (ValueError, OverflowError, OSError):
        raise BadInput(
            f"{text!r} is no time; give a date (2026-11-24, 2026-11-24T18:30) or how long ago "
            "(30m, 24h, 7d, 2w)."
        ) from None
