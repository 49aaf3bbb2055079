"""How well delivery is off, as one number; the worst that holds. No I/O, no clock.

    level   it holds while                                      what goes on
    3       fewer than `storage_low_bytes` are free             scalars and the life of runs are
            where the store is                                  recorded, artifacts, media, system
                                                                measures and console are not
    2       `backlog_events` or more events wait                all is recorded; what waits goes
                                                                out in batches, large ones
    1       a remote does not answer, refuses our credentials   all is recorded; the other
            or cannot be used as it is configured               remotes are served
    0       otherwise                                           all is well

It falls by itself, as soon as the reason is gone.
"""

from __future__ import annotations

from collections.abc import Sequence

from syncd.telemetry.observer import Observer, What
from syncd.telemetry.standing import Standing
from tracker.settings import Settings
from tracker.store import nearly_full

WORDS = (
    "all well", "remotes unreachable, recording goes on", "queueing: a backlog waits",
    "storage nearly full: artifacts are not recorded",
)  # fmt: skip
"""What each level says."""


def degradation(
    away: Sequence[str], pending: int, free_bytes: int | None, settings: Settings
) -> int:
    """Give the level; see the table."""
    if nearly_full(free_bytes, settings.storage_low_bytes):
        return 3
    if pending >= settings.backlog_events:
        return 2
    return 1 if away else 0


class Level:
    """The level as it was last found; says when it changes.

    Attributes:
        now: 0 to 3.
    """

    def __init__(self, observer: Observer) -> None:
        self.now = 0
        self._observer = observer

    def look(self, standing: Standing, settings: Settings) -> int:
        """Find the level that holds now."""
        before = self.now
        self.now = degradation(
            standing.away, standing.pending, standing.free_bytes, settings
        )  # fmt: skip
        if self.now != before:
            self._observer.tell(
                What.DEGRADATION_CHANGED, before=before, now=self.now, meaning=WORDS[self.now],
                away=standing.away, pending=standing.pending, free_bytes=standing.free_bytes,
            )  # fmt: skip
        return self.now
