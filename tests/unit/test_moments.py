"""Times are read as a person gives them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tracker.errors import BadInput
from tracker.moments import moment

NOW = datetime(2026, 11, 24, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("24h ago", NOW - timedelta(hours=24)),
        ("0m", NOW),
        ("2 w", NOW - timedelta(weeks=2)),
        ("2026-11-24T08:30Z", NOW.replace(hour=8, minute=30)),
        ("2026-11-24T08:30+02:00", NOW.replace(hour=6, minute=30)),
        ("2026-11-24", datetime(2026, 11, 24).astimezone()),
    ],
)
def test_a_time_is_what_a_person_means(text, meant):
    found = moment(text, NOW)
    assert found == meant
    assert found.tzinfo is timezone.utc


@pytest.mark.parametrize("text", ["", "yester", "7", "7y", "-7d", "2026-13-01", "999999w", "d"])
def test_what_is_no_time_is_refused_with_what_is(text):
    with pytest.raises(BadInput, match="30m, 24h, 7d, 2w"):
        moment(text, NOW)
