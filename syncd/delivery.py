"""Delivery of a store's runs to one remote: each visit, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from syncd import parked, retry
from syncd.clock import SYSTEM, Clock
from syncd.cursors import LaneRecord
from syncd.lane import Lane
from syncd.ledger import Ledger
from syncd.policy import Policy
from syncd.sinks import Rejected, Retryable, Sink
from syncd.tail import Tail
from syncd.visit import Tools, Visit
from tracker.artifacts import Blobs
from tracker.settings import Settings
from tracker.store import StoreFolder

_COARSEST_TICK_S = 2.0
_NS = 1e9


@dataclass(frozen=True)
class Outcome:
    """What a visit left behind.

    Attributes:
        more: there is more to do at once; the time given was up.
        error: why it failed, None if it did not.
        next_try_s: seconds until it may be tried again after a failure.
        reached: whether the remote answered; False speaks against the remote, not the run;
            None says that it was not asked.
        settled: the folder's time (ns) if nothing is left to do for good.
        waiting: events that may be sent but wait for company.
        ended: no writer of the run lives.
    """

    more: bool = False
    error: str | None = None
    next_try_s: float = 0.0
    reached: bool | None = None
    settled: int | None = None
    waiting: int = 0
    ended: bool = True


class Delivery:
    """Delivers runs of one store to one remote; safe to use from several threads, a run in each."""

    def __init__(
        self, store: StoreFolder, sink: Sink, remote: str, ledger: Ledger, *,
        settings: Settings, stop: threading.Event, clock: Clock = SYSTEM,
    ) -> None:  # fmt: skip
        self._remote = remote
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        call = lambda action: retry.quickly(action, settings, stop, clock)  # noqa: E731 - a word for it
        policy = Policy.of(settings.remotes.get(remote))
        self._tools = Tools(sink, ledger, Blobs(store.blobs), policy, clock, call)
        self._resting = set[str]()
        """Runs whose pause, as the wall's clock tells it, is being waited for."""

    def visit(
        self, run_id: str, folder: Path, *, waited_s: float, hurry: bool, go_on: Callable[[], bool]
    ) -> Outcome:
        """Take a lane as far as it goes now, or until `go_on` says no.

        Raises:
            Unauthorized: the remote refuses our credentials.
        """
        record = self._ledger.lane(self._remote, run_id)
        if not hurry and (left_s := self._left_s(record)) > 0:
            return Outcome(error=record.error, next_try_s=left_s)
        record.next_try = 0.0
        lane = Lane(self._settings, record.failures, record.next_try, record.error)
        modified = folder.stat().st_mtime_ns
        visit = Visit(self._tools, record, folder, waited_s=waited_s, hurry=hurry)
        more, failure, pause_s = False, None, 0.0
        try:
            more = _work(visit, lane, go_on)
        except (Retryable, Rejected, OSError) as error:
            failure = error
            record.looked_up_at = None  # perhaps the run is not there any more as it was known
            now = self._clock.time()  # asked once: what it shows next may be of another year
            lane.failed(str(error), now, getattr(error, "retry_after", None))
            pause_s = lane.next_try - now
        settled = visit.settled and failure is None and not more and self._old_enough(modified)
        record.settled = modified if settled else None
        self._save(record, lane, visit)
        return Outcome(
            more, record.error if failure else None, pause_s,
            not isinstance(failure, Retryable) if visit.asked else None,
            record.settled, visit.tail.pending, visit.tail.ended,
        )  # fmt: skip

    def note(self, run_id: str, folder: Path) -> None:
        """Put a run that cannot be visited yet into the ledger, so that status can show it."""
        record = self._ledger.lane(self._remote, run_id)
        record.pending = Tail(folder, record.cursors).written
        self._ledger.save(record)

    def retry_parked(self, run_id: str, folder: Path) -> None:
        """Send again what is parked of a run; what is refused again stays parked.

        Raises:
            Retryable, Rejected: the remote cannot be reached, or the run is not there.
        """
        parked.send_again(self._tools, self._ledger.lane(self._remote, run_id), folder)

    def _left_s(self, record: LaneRecord) -> float:
        """What is left of a lane's pause; asked for again after that, 0 whatever the clock shows.

        Set back by years it must not make a pause of as many.
        """
        left_s = record.next_try - self._clock.time()
        if left_s <= 0 or record.run_id in self._resting:
            self._resting.discard(record.run_id)
            return 0.0
        self._resting.add(record.run_id)
        return min(left_s, self._settings.slow_retry_s)

    def _old_enough(self, modified_ns: int) -> bool:
        """Whether a folder's time can tell a later change from this one; it may be of tomorrow."""
        return abs(self._clock.time() - modified_ns / _NS) > _COARSEST_TICK_S

    def _save(self, record: LaneRecord, lane: Lane, visit: Visit) -> None:
        before = (record.failures, record.next_try, record.error, record.pending)
        after = (lane.failures, lane.next_try, lane.error, visit.tail.written)
        record.failures, record.next_try, record.error, record.pending = after
        if visit.asked or before != after or record.settled is not None:
            self._ledger.save(record)


def _work(visit: Visit, lane: Lane, go_on: Callable[[], bool]) -> bool:
    """Do a visit's work; a run that is not there as it was known is looked up anew, once."""
    try:
        return visit.work(lane, go_on)
    except Rejected:
        known_before = visit.record.looked_up_at is not None and not visit.opened
        visit.record.looked_up_at = None
        if known_before:
            return visit.work(lane, go_on)
        raise
