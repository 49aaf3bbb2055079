"""One remote being served: its lanes, a few workers, and what to do when it does not answer."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from syncd.catalog import Catalog, Entry
from syncd.clock import SYSTEM, Clock
from syncd.crew import Crew
from syncd.delivery import Delivery, Outcome
from syncd.gate import Gate
from syncd.ledger import Ledger
from syncd.notices import Notices
from syncd.schedule import Schedule
from syncd.selection import Selection
from syncd.sinks import Remote, Sink, SinkError
from syncd.telemetry import NOBODY, Observer, Where
from tracker import hours
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
    """What one pass over a remote did.

    Attributes:
        errors: why runs were not delivered.
        closed: why nothing was sent at all, where that is no error; see `syncd.gate`.
    """

    errors: dict[str, str] = field(default_factory=dict)
    closed: str | None = None


class Outlet:
    """Serves one remote with `workers` threads, and one more that is kept for running runs.

    Args:
        pool, file_pool: where visits and puts are made, by default threads of their own.

    Attributes:
        turned_at: when it last came round while it serves, on the clock that no one sets.
    """

    def __init__(
        self, store: StoreFolder, remote: Remote, sink: Sink, ledger: Ledger, *,
        settings: Settings, stop: threading.Event, clock: Clock = SYSTEM,
        pool: Executor | None = None, file_pool: Executor | None = None,
        observer: Observer = NOBODY,
    ) -> None:  # fmt: skip
        self.remote = remote
        self._ledger = ledger
        self._settings = settings
        self._stop = stop
        self._clock = clock
        filters = settings.remotes.get(remote.name) or RemoteSettings(remote.kind, remote.url)
        self._gate = Gate(settings, hours.of(filters.hours))
        self._puts_landed: deque[str] = deque()
        self._wake: Callable[[], None] = lambda: None
        self._delivery = Delivery(
            store, sink, remote.name, ledger, settings=settings, stop=stop, clock=clock,
            asked=lambda pause_s: self._gate.asked(pause_s, clock.monotonic()),
            landed=self._put_landed, pool=file_pool, observer=observer,
        )  # fmt: skip
        self._settled = ledger.settled(remote.name)  # once delivery has said what it opens again
        self._catalog = Catalog(store, self._settled)
        self._schedule = Schedule(settings)
        self._open: dict[str, Entry] = {}
        self.turned_at = clock.monotonic()
        self._look_at = 0.0
        self._look_through_at = 0.0
        self._note_at = 0.0
        self._crew = Crew(
            Where(remote.name, remote.kind), self._delivery, self._gate,
            settings=settings, clock=clock, pool=pool, observer=observer,
        )  # fmt: skip
        self._selection = Selection(
            filters, ledger.taken(remote.name),
            lambda run_id, tags: ledger.take(remote.name, run_id, tags),
        )  # fmt: skip
        self._unread: dict[str, str] = {}
        self._noted = ledger.known(remote.name)

    @property
    def busy(self) -> bool:
        """Whether a run is being visited, or files are being put."""
        return bool(self._crew or self._delivery.puts.futures())

    @property
    def stopped(self) -> str | None:
        """Why nothing is sent at all, None if all is well."""
        return self._gate.refusal

    @property
    def closed(self) -> str | None:
        """Why nothing is sent for now, where that is no error; None if it may be."""
        return self._gate.closed(self._clock.time())

    @property
    def breaker(self) -> str:
        """State of the breaker: "closed", "half-open" or "open"."""
        return self._gate.breaker.state

    @property
    def answers(self) -> bool:
        """Whether it did when it was last asked, if it was."""
        return not self._gate.breaker.in_a_row

    # -- once ------------------------------------------------------------------------------

    def once(self, only: set[str] | None) -> Result:
        """Deliver all that goes there now, each lane until it is done or has failed.

        Runs named by `only` go whatever the remote's filters say. Others are noted, so that what
        is pending counts them.
        """
        runs = self._catalog.runs()
        named = self._delivery.always = only is not None
        result = Result(self._unread, None if named else self.closed)
        wanted = [
            entry for entry in runs.values()
            if (self._goes(entry) if only is None
                else entry.run_id in only and self._is_open(entry))
        ]  # fmt: skip
        left = deque(wanted)
        if result.closed is None:
            self._deliver(left, result, named=named)
            unvisited = [*self._crew.runs, *(entry.run_id for entry in left)]
            stopped = _STOPPED if self._stop.is_set() else self._why_closed()
            result.errors |= dict.fromkeys(unvisited, stopped)
        self._crew.close()
        self._note_undelivered(runs.values(), set() if result.closed else {
            entry.run_id for entry in wanted if entry.run_id not in result.errors
        })  # fmt: skip
        return result

    def _deliver(self, left: deque[Entry], result: Result, *, named: bool) -> None:
        """Visit the runs that are left until each is done or has failed, or none may be visited."""
        putting = dict[str, Entry]()
        entries = {entry.run_id: entry for entry in left}
        while (left or self._crew or putting) and not self._halted():
            while left and len(self._crew) < self._settings.workers and self._opens(named):
                self._crew.start(left.popleft(), self._until_stopped, waited_s=0.0, hurry=True)
            if not self._crew and not putting:
                break
            self._crew.wait()
            for run_id, outcome in self._landed():
                if error := outcome.error or outcome.trouble:
                    result.errors[run_id] = error
                elif outcome.putting:
                    putting[run_id] = entries[run_id]
            for run_id in [run for run in putting if not self._delivery.puts.flying(run)]:
                left.append(putting.pop(run_id))
        left.extend(putting.values())

    def _why_closed(self) -> str:
        pause_s = self._gate.asked_pause_s(self._clock.monotonic())
        asked = f"not tried, as the remote asked for a pause of {pause_s:,.0f} s"
        return self.stopped or self.closed or (asked if pause_s else _LEFT_ALONE)

    def _halted(self) -> bool:
        return self._stop.is_set() or self.stopped is not None

    def _opens(self, named: bool) -> bool:
        """Whether a visit may start, once a short pause that the remote asked for is over."""
        asked_s = self._gate.asked_pause_s(self._clock.monotonic())
        if 0 < asked_s <= self._settings.retry_most_s:
            self._clock.wait(self._stop, asked_s)
        return self._may_start(named=named)

    def _note_undelivered(self, entries: Iterable[Entry], delivered: set[str]) -> None:
        for entry in entries:
            if entry.run_id not in delivered and self._goes(entry):
                self._note(entry)

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
        self._crew.close()

    def turn(self, names: set[str], notices: Notices) -> float:
        """Start what is due; seconds until the next turn, if there is no notice before."""
        now = self._clock.monotonic()
        self._wake = notices.wake
        self._look(names, now)
        self._settle()
        full = self._start_due(now, notices)
        self._note_unvisited(now)
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
        others = sum(not self._schedule.live(r) for r in self._crew.runs if r in self._schedule)
        for run_id in self._schedule.due(now):
            live = self._schedule.live(run_id)
            if len(self._crew) > self._settings.workers:
                return True
            if not live and others >= self._settings.workers:
                return True
            if not self._may_start():
                return True
            others += not live
            waited_s = self._schedule.begun(run_id, now)
            entry = self._open[run_id]
            flying = self._crew.start(entry, self._slice(), waited_s=waited_s, hurry=False)
            flying.add_done_callback(lambda _: notices.wake())
        return False

    def _may_start(self, *, named: bool = False) -> bool:
        return self._gate.allows(self._clock.monotonic(), self._clock.time(), named=named)

    def _slice(self) -> Callable[[], bool]:
        until = self._clock.monotonic() + SLICE_S
        return lambda: self._clock.monotonic() < until and not self._stop.is_set()

    def _put_landed(self, run_id: str) -> None:
        """From the thread that put: its visit is due."""
        self._puts_landed.append(run_id)
        self._wake()

    def _settle(self) -> None:
        now = self._clock.monotonic()
        for run_id, outcome in self._landed():
            self._schedule.ended(run_id, outcome, now)
            if outcome.settled is not None:
                self._open.pop(run_id, None)
        while self._puts_landed:
            self._schedule.landed(self._puts_landed.popleft())

    def _landed(self) -> list[tuple[str, Outcome]]:
        """Visits that have ended."""
        landed = self._crew.landed()
        for run_id, outcome in landed:
            if not outcome.untouched:
                self._noted.add(run_id)
            if outcome.settled is not None:
                self._settled[run_id] = outcome.settled
        return landed

    # -- what is not visited ---------------------------------------------------------------

    def _note_unvisited(self, now: float) -> None:
        """Tell the ledger what waits where no visit does, so that status can show it.

        That is so of runs that were never visited, and of those that go on while they wait.
        """
        flying = set(self._crew.runs)
        new = [e for r, e in self._open.items() if r not in self._noted and r not in flying]
        if now >= self._note_at:
            self._note_at = now + self._settings.poll_interval_s
            new += [self._open[r] for r in self._schedule.held_up(now) if r in self._noted]
        for entry in new[:_NOTES_A_LOOK]:
            self._note(entry)

    def _note(self, entry: Entry) -> None:
        self._noted.add(entry.run_id)
        self._schedule.noted(entry.run_id)
        try:
            self._delivery.note(entry.run_id, entry.folder)
        except OSError as error:
            _log.warning("run %s cannot be read: %s", entry.run_id, error)
