"""When each lane of a remote is visited next. No I/O, no clock; times are monotonic seconds.

    after a visit                 the next one
    failed                        when its pause is over; nothing makes it sooner
    its time was up               at once, behind those that waited longer
    events wait for company       when the oldest may have waited `flush_interval_s`
    files are being put           when they have landed, or as below
    all else                      `poll_interval_s` later

A notice that the run was written to makes it due at once, but no sooner than 1 s after its
last visit. Of those due, running ones come first, then who waited longest; of those never
visited the newest first, as they may be running too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from syncd.delivery import Outcome
from tracker.settings import Settings

BETWEEN_VISITS_S = 1.0
"""A running run is looked at no more often than this; more comes together meanwhile."""


@dataclass
class _Lane:
    born: int
    """Its folder's time, to tell which of the new ones is newest."""
    visited: float = -math.inf
    due: float = -math.inf
    earliest: float = -math.inf
    none_waited: float = -math.inf
    """Last moment at which it is known that no event waited."""
    live: bool = False
    visiting: bool = False
    again: bool = False
    """It was written to while it was being visited."""
    written: bool = False
    """It was written to, and neither visited nor noted since."""


class Schedule:
    """Lanes that are not settled, and when each is due."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lanes: dict[str, _Lane] = {}

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._lanes

    def add(self, run_id: str, born: int) -> None:
        """A run that is not settled; due at once if it was not known."""
        self._lanes.setdefault(run_id, _Lane(born))

    def keep_only(self, run_ids: Iterable[str]) -> None:
        """Forget all others: they are gone."""
        wanted = set(run_ids)
        self._lanes = {run_id: lane for run_id, lane in self._lanes.items() if run_id in wanted}

    def noticed(self, run_id: str) -> None:
        """The run was written to."""
        lane = self._lanes[run_id]
        lane.again = lane.visiting
        lane.written = True
        lane.due = min(lane.due, lane.earliest)

    def landed(self, run_id: str) -> None:
        """Files of the run have landed, and wait to be written down."""
        if run_id in self._lanes:
            lane = self._lanes[run_id]
            lane.again = lane.visiting
            lane.due = lane.due if lane.visiting else -math.inf

    def live(self, run_id: str) -> bool:
        """Whether the run was running when it was last visited."""
        return self._lanes[run_id].live

    def due(self, now: float) -> list[str]:
        """Runs to visit now, the most urgent first."""
        due = [(run_id, lane) for run_id, lane in self._lanes.items() if lane.due <= now]
        due.sort(key=lambda each: (not each[1].live, each[1].visited, -each[1].born))
        return [run_id for run_id, _ in due]

    def held_up(self, now: float) -> list[str]:
        """Runs that were written to and are not visited soon, as the remote is away or busy."""
        soon = now + self._settings.poll_interval_s
        return [
            run_id for run_id, lane in self._lanes.items()
            if lane.written and not lane.visiting and (lane.due <= now or lane.earliest > soon)
        ]  # fmt: skip

    def noted(self, run_id: str) -> None:
        """What waits of the run is known."""
        if run_id in self._lanes:
            self._lanes[run_id].written = False

    def next_due(self, now: float) -> float:
        """Seconds until some lane is due, `poll_interval_s` at most."""
        soonest = min((lane.due for lane in self._lanes.values()), default=math.inf)
        return min(max(0.0, soonest - now), self._settings.poll_interval_s)

    def begun(self, run_id: str, now: float) -> float:
        """A visit begins: how many seconds the oldest pending event may have waited, at most."""
        lane = self._lanes[run_id]
        lane.visiting, lane.again, lane.visited = True, False, now
        lane.written = False
        lane.due = lane.earliest = math.inf
        return now - lane.none_waited

    def ended(self, run_id: str, outcome: Outcome, now: float) -> None:
        """A visit ended."""
        lane = self._lanes.get(run_id)
        if lane is None:
            return
        if outcome.settled is not None:
            del self._lanes[run_id]
            return
        lane.visiting, lane.live = False, not outcome.ended
        if outcome.error is not None:
            lane.due = lane.earliest = now + outcome.next_try_s
            return
        if not outcome.waiting:
            lane.none_waited = lane.visited
        lane.earliest = now if outcome.more else now + BETWEEN_VISITS_S
        lane.due = max(lane.earliest, self._next_look(lane, outcome, now))

    def _next_look(self, lane: _Lane, outcome: Outcome, now: float) -> float:
        if outcome.more or lane.again:
            return now
        if outcome.waiting:
            return lane.none_waited + self._settings.flush_interval_s
        return now + self._settings.poll_interval_s
