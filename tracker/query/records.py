"""What a run holds, one small class per kind of thing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from tracker.events import Value

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def moment(time_ns: int) -> datetime:
    """Wall time of an event, aware, in UTC; microseconds are as fine as datetime goes."""
    return _EPOCH + timedelta(microseconds=time_ns // 1000)


def nanoseconds(at: datetime) -> int:
    """Nanoseconds since 1970-01-01 UTC of an aware time: what `moment` is given."""
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


@dataclass(frozen=True)
class Figures:
    """Figures of one metric.

    NaN is counted, in `count` and in `nans`, and may be first or last; min, max and mean
    pass over it, and are NaN if nothing else was logged (their steps then None). Infinities
    are values like any other. `first` and `last` go by the order of logging, so that a late
    step counts as last; `last_step` is the step that `last` was logged at. `min_step` and
    `max_step` are the lowest steps at which the value was reached.
    """

    count: int
    nans: int
    first: float
    last: float
    min: float
    max: float
    mean: float
    last_step: int
    min_step: int | None
    max_step: int | None

    @classmethod
    def stored(cls, row: tuple[Any, ...]) -> Figures:
        """From the columns of the view `metrics`, where NULL stands for NaN."""
        values = (math.nan if value is None else value for value in row[2:7])
        return cls(*row[:2], *values, *row[7:])


class Text(NamedTuple):
    """A string logged under a key."""

    step: int
    time: datetime
    value: str


class Version(NamedTuple):
    """A version of an artifact; `manifest` is the digest of its list of files, `size` in bytes."""

    name: str
    type: str
    version: str
    manifest: str
    files: int
    size: int
    time: datetime


class Damage(NamedTuple):
    """What could not be read of a run's journals: a `tracker.journal.Gap`, as it was found."""

    writer: str
    file: str
    offset: int
    length: int
    kind: str
    first_seq: int | None
    last_seq: int | None

    @property
    def harmless(self) -> bool:
        """Whether nothing that was ever promised is lost."""
        return self.kind in ("torn tail", "failed write")


class Rewind(NamedTuple):
    """Where an attempt began at a step that an earlier one had reached.

    What `writers` hold from `step` on is an older branch, and so is what `writer` itself held
    when it recorded the rewind.
    """

    step: int
    time: datetime
    writer: str
    writers: list[str]


class Row(NamedTuple):
    """One `log` call, exactly as it was made: text values and large integers too."""

    step: int
    time_ns: int
    values: dict[str, Value]
    writer: str

    @property
    def time(self) -> datetime:
        """Wall time, aware, in UTC, cut to microseconds; `time_ns` is exact."""
        return moment(self.time_ns)
