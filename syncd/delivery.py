"""Delivery of a store's runs to one remote: each visit, and what came of it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

import msgspec

from syncd import parked, retry
from syncd.clock import SYSTEM, Clock
from syncd.cursors import LaneRecord
from syncd.lane import Lane
from syncd.ledger import Ledger
from syncd.policy import Policy
from syncd.puts import Puts
from syncd.removed import Removed
from syncd.sinks import File, Note, Rejected, RemoteRun, Retryable, Sink, Version
from syncd.tail import Tail
from syncd.telemetry import NOBODY, Observer, observing
from syncd.verified import place
from syncd.visit import Tools, Visit
from tracker import hours
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
        putting: files of it are being put; there is more to do when they have landed.
        trouble: why its files wait for another try; its events went on.
        untouched: the visit left no trace, as the credentials are refused.
    """

    more: bool = False
    error: str | None = None
    next_try_s: float = 0.0
    reached: bool | None = None
    settled: int | None = None
    waiting: int = 0
    ended: bool = True
    putting: bool = False
    trouble: str | None = None
    untouched: bool = False


class Delivery:
    """Delivers runs of one store to one remote; safe to use from several threads, a run in each.

    Args:
        asked: is told of each pause that the remote asks for, in seconds.
        landed: is told of each run whose files have landed since its last visit.
        pool: where files are put, by default `file_workers` threads.

    Attributes:
        puts: the files on their way.
        always: files go at any hour, as a person named the runs.
    """

    def __init__(
        self, store: StoreFolder, sink: Sink, remote: str, ledger: Ledger, *,
        settings: Settings, stop: threading.Event, clock: Clock = SYSTEM,
        asked: Callable[[float], None] = lambda _: None,
        landed: Callable[[str], None] = lambda _: None, pool: Executor | None = None,
        observer: Observer = NOBODY,
    ) -> None:  # fmt: skip
        self._remote = remote
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        self._observer = observer
        self.always = False
        self._sink = sink
        self._stop = stop
        self._asked = asked
        self.puts = Puts(
            self._put, settings, clock, stop=stop, pool=pool, landed=landed, deliver=self._deliver
        )
        known = settings.remotes.get(remote)
        self._file_hours = hours.of(known.file_hours if known else ())
        self._tools = Tools(
            sink, place(known.kind, known.url) if known else "", ledger, Blobs(store.blobs),
            Removed(store), Policy.of(known), clock, self.puts,
            call=self._calls(), files_go=self._files_go, observer=observer,
        )  # fmt: skip
        self._now_known = ledger.reopen(remote, parked.NOW_KNOWN)
        """Runs with events that an older version parked as it did not know their kind."""
        self._resting = set[str]()
        """Runs whose pause, as the wall's clock tells it, is being waited for."""

    def visit(
        self, run_id: str, folder: Path, *, waited_s: float, hurry: bool,
        go_on: Callable[[], bool], probing: bool = False,
    ) -> Outcome:  # fmt: skip
        """Take a lane as far as it goes now, or until `go_on` says no.

        If it is `probing`, a remote that did not answer for others is tried with one request.

        Raises:
            Unauthorized: the remote refuses our credentials.
        """
        observing.set(self._observer)  # for the requests that this thread makes
        record = self._ledger.lane(self._remote, run_id)
        if hurry:
            self.puts.hurry(run_id)
        elif (left_s := self._left_s(record)) > 0:
            return Outcome(error=record.error, next_try_s=left_s)
        record.next_try = 0.0
        lane = Lane(self._settings, record.failures, record.next_try, record.error)
        modified = folder.stat().st_mtime_ns
        old = self._old_enough(modified)  # asked now: what comes while it is read shows in its time
        tools = replace(self._tools, call=self._calls(probing=probing))
        visit = Visit(tools, record, folder, waited_s=waited_s, hurry=hurry)
        more, failure, pause_s = False, None, 0.0
        try:
            more = _work(visit, lane, go_on)
            if run_id in self._now_known and not more:
                parked.send_known(self._tools, record, folder)
                self._now_known.discard(run_id)
                visit = Visit(tools, record, folder, waited_s=waited_s, hurry=hurry)
                more = _work(visit, lane, go_on)
        except (Retryable, Rejected, OSError) as error:
            failure = error
            record.looked_up_at = None  # perhaps the run is not there any more as it was known
            now = self._clock.time()  # asked once: what it shows next may be of another year
            lane.failed(str(error), now, getattr(error, "retry_after", None))
            pause_s = lane.next_try - now
            if lane.failures == 1:  # those after it are the slow schedule's own
                visit.passage.delayed(str(error), pause_s)
        visit.close()
        settled = visit.settled and failure is None and not more and old
        record.settled = modified if settled else None
        self._save(record, lane, visit)
        elsewhere = visit.tail.elsewhere if visit.behind else 0
        self._ledger.note_elsewhere(record, elsewhere)
        return Outcome(
            more, str(failure) if failure else None, pause_s,
            not isinstance(failure or visit.trouble, Retryable) if visit.asked else None,
            record.settled, visit.tail.pending, visit.tail.ended, visit.putting,
            str(visit.trouble) if visit.trouble else None,
        )  # fmt: skip

    def note(self, run_id: str, folder: Path) -> None:
        """Put a run that cannot be visited yet into the ledger, so that status can show it."""
        record = self._ledger.lane(self._remote, run_id)
        tail = Tail(folder, record.cursors)
        record.pending, record.oldest = tail.written, tail.oldest()
        self._ledger.save(record)

    def retry_parked(self, run_id: str, folder: Path) -> None:
        """Send again what is parked of a run; what is refused again stays parked.

        Raises:
            Retryable, Rejected: the remote cannot be reached, or the run is not there.
        """
        parked.send_again(self._tools, self._ledger.lane(self._remote, run_id), folder)

    def _calls(self, *, probing: bool = False) -> Callable[[Callable[[], object]], object]:
        """Quick attempts at each call; while it is `probing`, one at the first."""
        one = msgspec.structs.replace(self._settings, quick_attempts=1)
        settings = one if probing else self._settings

        def call(action: Callable[[], object]) -> object:
            nonlocal settings
            telling = partial(self._telling, action)
            answer = retry.quickly(telling, settings, self._stop, self._clock)
            settings = self._settings
            return answer

        return call

    def _telling(self, action: Callable[[], object]) -> object:
        """Make one attempt; tell of the pause that the remote asks for."""
        try:
            return action()
        except Retryable as error:
            if error.retry_after:
                self._asked(error.retry_after)
            raise

    def _put(self, run: RemoteRun, file: File) -> object:
        observing.set(self._observer)
        return self._tools.call(lambda: self._sink.put(run, file))

    def _deliver(self, run: RemoteRun, version: Version) -> list[Note] | None:
        observing.set(self._observer)
        done = self._tools.call(lambda: self._sink.version(run, version))
        return cast("list[Note] | None", done)

    def _files_go(self) -> bool:
        if self.always or self._file_hours is None:
            return True
        return self._file_hours.closed_s(self._clock.time()) == 0

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
        error = lane.error or self.puts.trouble(record.run_id)
        after = (lane.failures, lane.next_try, error, visit.tail.written)
        record.failures, record.next_try, record.error, record.pending = after
        with contextlib.suppress(OSError):  # the store is away, and that was said
            record.oldest = visit.tail.oldest()
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
