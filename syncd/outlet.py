"""One remote being served: its lanes, a few workers, and what to do when it does not answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from syncd.catalog import Catalog, Entry
from syncd.clock import SYSTEM, Clock
from syncd.delivery import Delivery, Outcome
from syncd.ledger import Ledger
from syncd.retry import Breaker, slow_pause
from syncd.schedule import Schedule
from syncd.selection import Selection
from syncd.sinks import Remote, Sink, SinkError, Unauthorized
from syncd.watch import Notices
from tracker.settings import RemoteSettings, Settings
from tracker.store import StoreFolder
from tracker.unexpected import unexpected

SLICE_S = 5.0
"""A lane with much to do makes room for the others after this long."""

LOOK_S_A_RUN = 0.003
"""Seconds from one look at all runs to the next, for each of them: with 10,000 it is 30 s, and
takes less than 0.3 % of a core. It finds runs that go on where no notice arrives; new ones are
found every `poll_interval_s` by the time of the folder they are in."""

_NOTES_A_LOOK = 20
"""Runs that wait for their first visit are counted this many at a time."""

_LEFT_ALONE = "not tried, as the remote did not answer for others"
_STOPPED = "stopped before all was delivered; what is left goes on next time"
_log = logging.getLogger("syncd")


@dataclass
class Result:
    """What one pass over a remote did: the errors of runs that were not delivered."""

    errors: dict[str, str] = field(default_factory=dict)


class Outlet:
    """Serves one remote with `workers` threads, and one more that is kept for running runs.

    Attributes:
        stopped: why nothing is sent at all, None if all is well.
        turned_at: when it last came round while it serves, on the clock that no one sets.
    """

    def __init__(
        self, store: StoreFolder, remote: Remote, sink: Sink, ledger: Ledger, *,
        settings: Settings, stop: threading.Event, clock: Clock = SYSTEM,
        pool: Executor | None = None,
    ) -> None:  # fmt: skip
        self.remote = remote
        self.stopped: str | None = None
        self._breaker = Breaker(settings.breaker_failures, settings.breaker_pause_s)
        self._ledger = ledger
        self._settings = settings
        self._stop = stop
        self._settled = ledger.settled(remote.name)
        self._catalog = Catalog(store, self._settled)
        self._delivery = Delivery(
            store, sink, remote.name, ledger, settings=settings, stop=stop, clock=clock
        )
        self._schedule = Schedule(settings)
        self._open: dict[str, Entry] = {}
        self._flying: dict[Future[Outcome], str] = {}
        self.turned_at = clock.monotonic()
        self._go_on_at = 0.0
        self._look_at = 0.0
        self._look_through_at = 0.0
        self._clock = clock
        self._pool = pool or ThreadPoolExecutor(
            settings.workers + 1, thread_name_prefix=f"to-{remote.name}"
        )
        self._selection = Selection(
            settings.remotes.get(remote.name) or RemoteSettings(remote.kind, remote.url),
            ledger.taken(remote.name), lambda run_id, tags: ledger.take(remote.name, run_id, tags),
        )  # fmt: skip
        self._unread: dict[str, str] = {}
        self._noted = ledger.known(remote.name)

    @property
    def busy(self) -> bool:
        """Whether a run is being visited."""
        return bool(self._flying)

    # -- once ------------------------------------------------------------------------------

    def once(self, only: set[str] | None) -> Result:
        """Deliver all that goes there now, each lane until it is done or has failed.

        Runs named by `only` go whatever the remote's filters say. Others are noted, so that what
        is pending counts them.
        """
        result = Result()
        delivered = set[str]()
        runs = self._catalog.runs()
        left = [
            entry for entry in runs.values()
            if (self._goes(entry) if only is None
                else entry.run_id in only and self._is_open(entry))
        ]  # fmt: skip
        result.errors |= self._unread
        while (left or self._flying) and not self._stop.is_set() and self.stopped is None:
            while left and len(self._flying) < self._settings.workers and self._may_start():
                self._start(left.pop(0), self._until_stopped, waited_s=0.0, hurry=True)
            if not self._flying:
                break
            for run_id, outcome in self._landed(None):
                if outcome.error is not None:
                    result.errors[run_id] = outcome.error
                else:
                    delivered.add(run_id)
        stopped = _STOPPED if self._stop.is_set() else self.stopped
        self._pool.shutdown(wait=True)
        for run_id in (*self._flying.values(), *(entry.run_id for entry in left)):
            result.errors[run_id] = stopped or _LEFT_ALONE
        for entry in runs.values():
            if entry.run_id not in delivered and self._goes(entry):
                self._note(entry)
        return result

    def retry_parked(self) -> None:
        """Send again what the remote refused for good; for before `once`."""
        runs = self._catalog.runs()
        for run_id in sorted({row["run_id"] for row in self._ledger.parked(self.remote.name)}):
            if run_id in runs and self._takes(runs[run_id]) and not self._stop.is_set():
                try:
                    self._delivery.retry_parked(run_id, runs[run_id].folder)
                except (SinkError, OSError) as error:
                    _log.warning("%s: run %s: %s", self.remote.name, run_id, error)
        self._settled = self._ledger.settled(self.remote.name)

    def _until_stopped(self) -> bool:
        return not self._stop.is_set()

    # -- serving ---------------------------------------------------------------------------

    def serve(self, notices: Notices) -> None:
        """Deliver for as long as nobody stops it."""
        names: set[str] = set()
        while not self._stop.is_set():
            try:
                pause = self.turn(names, notices)
            except Exception as error:  # noqa: BLE001 - the edge of a thread: a store may be away, a disk full, for a while
                _log.warning("%s: %s Goes on in some seconds.", self.remote.name, unexpected(error))
                pause = self._settings.poll_interval_s
            names = notices.wait(pause)
            self.turned_at = self._clock.monotonic()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def turn(self, names: set[str], notices: Notices) -> float:
        """Start what is due; seconds until the next turn, if there is no notice before."""
        now = self._clock.monotonic()
        self._look(names, now)
        self._settle()
        if self.stopped and now >= self._go_on_at:
            self.stopped = None
        full = self._start_due(now, notices)
        self._note_new()
        return self._settings.poll_interval_s if full else self._schedule.next_due(now)

    def _look(self, names: set[str], now: float) -> None:
        """Learn what was written: at the folders named, and now and then at all."""
        for name in names:
            entry = self._catalog.run_in(name)
            if entry is not None and self._goes(entry):
                self._take(entry)
                self._schedule.noticed(entry.run_id)
        if now >= self._look_at:
            self._look_at = now + self._settings.poll_interval_s
            if now >= self._look_through_at or self._catalog.changed:
                self._look_through(now)

    def _look_through(self, now: float) -> None:
        """Look at every run; the more there are, the less often where none came or went."""
        runs = self._catalog.runs()
        for entry in runs.values():
            if self._goes(entry):
                self._take(entry)
        self._open = {r: entry for r, entry in self._open.items() if r in runs}
        self._schedule.keep_only(self._open)
        self._look_through_at = now + len(runs) * LOOK_S_A_RUN

    def _is_open(self, entry: Entry) -> bool:
        return self._settled.get(entry.run_id) != entry.modified

    def _goes(self, entry: Entry) -> bool:
        """Whether something is left to do of a run that goes there."""
        if not self._is_open(entry):
            return False
        if self._takes(entry):
            return True
        if entry.run_id in self._noted:
            self._noted.discard(entry.run_id)
            self._ledger.leave(self.remote.name, entry.run_id)
        return False

    def _takes(self, entry: Entry) -> bool:
        """Whether the filters let a run through; one that cannot be read does not go."""
        try:
            return self._selection.takes(entry)
        except OSError as error:
            if entry.run_id not in self._unread:
                self._unread[entry.run_id] = f"run {entry.run_id} cannot be read: {error}"
                _log.warning("%s", self._unread[entry.run_id])
            return False

    def _take(self, entry: Entry) -> None:
        self._open[entry.run_id] = entry
        self._schedule.add(entry.run_id, entry.modified)

    def _start_due(self, now: float, notices: Notices) -> bool:
        """Start visits; True if there is nobody to start more, for now."""
        if self.stopped:
            return True
        others = sum(
            not self._schedule.live(r) for r in self._flying.values() if r in self._schedule
        )
        for run_id in self._schedule.due(now):
            live = self._schedule.live(run_id)
            if len(self._flying) > self._settings.workers:
                return True
            if not live and others >= self._settings.workers:
                return True
            if not self._may_start():
                return True
            others += not live
            waited_s = self._schedule.begun(run_id, now)
            flying = self._start(self._open[run_id], self._slice(), waited_s=waited_s, hurry=False)
            flying.add_done_callback(lambda _: notices.wake())
        return False

    def _slice(self) -> Callable[[], bool]:
        until = self._clock.monotonic() + SLICE_S
        return lambda: self._clock.monotonic() < until and not self._stop.is_set()

    def _settle(self) -> None:
        for run_id, outcome in self._landed(0.0) if self._flying else ():
            self._schedule.ended(run_id, outcome, self._clock.monotonic())
            if outcome.settled is not None:
                self._open.pop(run_id, None)

    # -- visits ----------------------------------------------------------------------------

    def _may_start(self) -> bool:
        return self._breaker.allows(self._clock.monotonic())

    def _start(
        self, entry: Entry, go_on: Callable[[], bool], *, waited_s: float, hurry: bool
    ) -> Future[Outcome]:
        flying = self._pool.submit(
            self._delivery.visit, entry.run_id, entry.folder, waited_s=waited_s, hurry=hurry,
            go_on=go_on,
        )  # fmt: skip
        self._flying[flying] = entry.run_id
        return flying

    def _landed(self, timeout_s: float | None) -> list[tuple[str, Outcome]]:
        done, _ = wait(self._flying, timeout_s, FIRST_COMPLETED)
        return [
            (run_id := self._flying.pop(flying), self._outcome(run_id, flying)) for flying in done
        ]

    def _outcome(self, run_id: str, flying: Future[Outcome]) -> Outcome:
        self._noted.add(run_id)
        try:
            outcome = flying.result()
        except Unauthorized as error:
            self.stopped = str(error)
            self._noted.discard(run_id)  # the visit left no trace, and it is pending
            self._go_on_at = self._clock.monotonic() + self._settings.slow_retry_s
            self._breaker.succeeded()
            return Outcome(error=self.stopped)
        except Exception as error:  # noqa: BLE001 - the edge of a worker's thread: one run must not end all
            outcome = Outcome(
                error=unexpected(error),
                next_try_s=slow_pause(1, None, self._settings),
            )
        self._tell_breaker(outcome)
        if outcome.settled is not None:
            self._settled[run_id] = outcome.settled
        return outcome

    def _tell_breaker(self, outcome: Outcome) -> None:
        if outcome.reached is None:
            self._breaker.unasked()
        elif outcome.reached:
            self._breaker.succeeded()
        else:
            self._breaker.failed(self._clock.monotonic())

    def _note_new(self) -> None:
        """Put runs that were never visited into the ledger, so that status can show them."""
        flying = set(self._flying.values())
        new = [e for r, e in self._open.items() if r not in self._noted and r not in flying]
        for entry in new[:_NOTES_A_LOOK]:
            self._note(entry)

    def _note(self, entry: Entry) -> None:
        self._noted.add(entry.run_id)
        try:
            self._delivery.note(entry.run_id, entry.folder)
        except OSError as error:
            _log.warning("run %s cannot be read: %s", entry.run_id, error)
