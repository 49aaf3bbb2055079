"""All remotes of one store: once, or for as long as nobody stops it."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from syncd import pauses, remotes
from syncd.cursors import Queue
from syncd.ledger import Ledger
from syncd.outlet import Outlet, Result
from syncd.owner import Owned, Ownership
from syncd.packer import Packer
from syncd.removed import Removed
from syncd.service.notify import Notifier
from syncd.sinks import Remote, Sink
from syncd.sources import Sources
from syncd.telemetry import NOBODY, Observer, What
from syncd.telemetry.level import Level
from syncd.telemetry.standing import RemoteStanding, Standing
from tracker import settings as settings_of
from tracker.credentials import kept
from tracker.errors import BadInput, SettingsError, StoreError, TrackerError
from tracker.journal import journals
from tracker.pending import Published, RemotePending
from tracker.settings import Settings
from tracker.store import StoreFolder, replace_file
from tracker.unexpected import unexpected

_PUBLISH_S = 2.0
_PUBLISH_ANYWAY_S = 60.0
"""Where nothing changed, it is published only so often that a reader sees somebody looks."""

_STOP_S = 3.5
"""Time that the batches in hand have to end after a stop is asked for."""

_TURN_S = 600.0
"""An outlet that did not come round for so long hangs: the watchdog may end this process."""

_PACK_S = 1.0
"""Of each publishing interval that may go into packing, while nobody delivers."""

_PACK_ONCE_S = 5.0
"""What `once` spends on packing at its end; what is left then is for the next time."""

_SILENT = "stopped while the remote kept silent; what is left goes on next time"
_log = logging.getLogger("syncd")

T = TypeVar("T")


class Away(StoreError):
    """The store, or its syncd.db, is not there any more as it was opened."""


class Daemon:
    """Delivers from one store to its remotes; a context that owns the store's delivery.

    A remote that cannot be used as it is configured is not served, the others are.

    Attributes:
        outlets: the remotes being served.
        sinks: what speaks to them, by name.
        broken: why the others are not served, by name.
        paused: remotes that a person wants nothing sent to for now.
        sources: what it takes in by itself; see `syncd.sources`.
        notifier: is told when it is ready, goes on or ends; nobody by default.
        stuck: a remote kept a thread busy beyond the time for ending; nothing is lost by leaving.

    Args:
        store: the store.
        settings: its settings.
        only: the one remote to serve, by name.
        wait: is told who delivers from this store, and then waits for its end; see `Ownership`.

    Raises:
        Owned: another process delivers from this store, or has taken it over.
        BadInput, SettingsError: no remote can be used as it is configured.
        StoreError: syncd.db cannot be opened, or is of a newer version.
        Away: it was served, and is not there any more.
    """

    def __init__(
        self, store: StoreFolder, settings: Settings, only: str | None = None,
        observer: Observer = NOBODY, *, wait: Callable[[str], object] | None = None,
    ) -> None:  # fmt: skip
        self.store = store
        self.outlets: list[Outlet] = []
        self.sinks: dict[str, Sink] = {}
        self.broken: dict[str, str] = {}
        self.paused: dict[str, pauses.Pause] = {}
        self.notifier = Notifier({})
        self.stuck = False
        self._ending = threading.Event()
        self._woken = threading.Event()  # there is a reason to look before it is time
        self._asked_anew = threading.Event()
        self._halt = threading.Event()  # of the outlets that there are now
        self._settings = settings
        self._only = only
        self._observer = observer
        self._level = Level(observer)
        self._trouble: str | None = None
        self._context = contextlib.ExitStack()
        self._owner = Ownership(store, stop=self._ending, wait=wait, lost=self.stop)
        self._packer = Packer(store)
        self.sources = Sources(store, settings, self._owner, self._ending)
        self._published: tuple[float, object] = (0.0, None)
        self._removed = Removed(store)
        self._removed_at: object = None
        self._seen: object = None
        self._credentials: object = None
        self._pauses_error: str | None = None

    def __enter__(self) -> Daemon:  # noqa: PYI034 - Self is not in Python 3.10
        """Take the store and open the way to its remotes."""
        with self._telling(), contextlib.ExitStack() as context:
            found = remotes.of(self._settings, self._only)
            context.callback(self._close_sinks)
            self.paused = pauses.of(self.store, self._settings.remotes)
            errors = self._make_sinks(found)
            if errors and not self.sinks:
                raise errors[0]
            context.enter_context(self._owner)
            self.ledger = Ledger(self.store.ledger, owner=self._owner)
            context.callback(self.ledger.close)
            self.ledger.meet(self._settings.remotes)
            self._let_go_of_removed()
            self._make_outlets(found)
            context.callback(lambda: self._publish(self._look()))
            self._context = context.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        """Publish what is pending, and let go of remotes and store."""
        self._context.close()

    def stop(self) -> None:
        """End: the batches in hand are ended, for some seconds at most."""
        self.notifier.stopping()
        self._ending.set()
        self._halt.set()
        self._woken.set()

    def reload(self) -> None:
        """Read settings, credentials and pauses again at once, whether they changed or not."""
        self._asked_anew.set()
        self._woken.set()

    def once(self, runs: set[str] | None = None) -> dict[str, Result]:
        """Deliver what is there (or these runs of it) to each remote, side by side.

        What the sources hold is taken in first, unless runs are named.
        """
        if runs is None:
            self.sources.once()
        results = {outlet.remote.name: Result({"": _SILENT}) for outlet in self.outlets}
        results |= {name: Result({"": error}) for name, error in self.broken.items()}

        def deliver(outlet: Outlet) -> None:
            try:
                results[outlet.remote.name] = outlet.once(runs)
            except Exception as error:  # noqa: BLE001 - the edge of a thread: others go on
                results[outlet.remote.name] = Result({"": unexpected(error)})

        self._wait_for([_started(deliver, outlet) for outlet in self.outlets])
        self._check()
        if runs is None:
            self._pack(_PACK_ONCE_S)
        return results

    def run(self, changed: Callable[[], None] = lambda: None) -> None:
        """Deliver until `stop`; `changed` is called when the remotes were taken up anew.

        The store's settings, its pauses and the user's credentials are looked at every two
        seconds. Where they changed, the batches in hand are ended first.
        """
        self.store.journals.mkdir(exist_ok=True)
        while True:
            self._serve()
            self._check()
            if self._ending.is_set():
                return
            self.notifier.reloading()
            self._begin_anew()
            changed()

    def _check(self) -> None:
        if self._owner.lost:
            raise Owned(self._owner.why_lost())
        if not self.ledger.there:
            raise Away(f"{self.store.ledger} is not there any more, nor is the store, perhaps")

    def _serve(self) -> None:
        """Deliver until `stop`, or until settings or credentials change."""
        from syncd.watch import Watch  # noqa: PLC0415 - watchdog is for who serves, not for `once`

        watch = Watch(self.store.journals)
        threads = [_started(outlet.serve, watch.subscribe()) for outlet in self.outlets]
        self.sources = Sources(self.store, self._settings, self._owner, self._halt)
        following = _started(Sources.follow, self.sources)
        self.notifier.ready(f"delivers {self.store.root} to {', '.join(self.sinks) or 'no remote'}")
        while not self._rest() and self.ledger.there and not self._changed():
            if self._all_go_on(threads):
                self.notifier.alive()
            self._let_go_of_removed()
            self._publish_changes()
            self._pack(_PACK_S)
        self._halt.set()
        watch.wake()
        self._wait_for(threads)
        following.join(_STOP_S)  # where its folder hangs, nothing waits for that
        watch.close()

    def _let_go_of_removed(self) -> None:
        """Take up what `syncd gc` removed by force: of that nothing is pending any more."""
        stamp = _stamp(self._removed.folder)
        if stamp is None or stamp == self._removed_at:
            return
        self._removed_at = stamp
        for run_id in self.ledger.unsettled():
            folder = self.store.run(run_id)
            if (note := self._removed.read(folder.name)) is not None:
                here = {journal.writer_id for journal in journals(folder)}
                self.ledger.gone(run_id, note.writers.keys() - here, whole=not here)

    def _rest(self) -> bool:
        """Wait until it is time to look, or there is a reason to; whether to end."""
        self._woken.wait(_PUBLISH_S)
        self._woken.clear()
        return self._ending.is_set()

    def _all_go_on(self, threads: list[threading.Thread]) -> bool:
        """Whether each outlet's thread lives and came round lately."""
        limit_s = self._settings.poll_interval_s + _TURN_S
        late = any(time.monotonic() - outlet.turned_at > limit_s for outlet in self.outlets)
        return not late and all(thread.is_alive() for thread in threads)

    def _pack(self, limit_s: float) -> None:
        """Pack for some time, or until there is something to deliver."""
        until = time.monotonic() + limit_s

        def go_on() -> bool:
            idle = not any(outlet.busy for outlet in self.outlets)
            return idle and time.monotonic() < until and not self._ending.is_set()

        if self._settings.pack == "syncd":
            self._packer.work(go_on)

    def _changed(self) -> bool:
        if self._asked_anew.is_set():
            self._asked_anew.clear()
            self._seen = None
            self._settings_changed()
            return True
        return (
            self._settings_changed()
            or kept.stamp() != self._credentials
            or self._pauses() != self.paused
        )

    def _pauses(self) -> dict[str, pauses.Pause]:
        try:
            return pauses.of(self.store, self._settings.remotes)
        except StoreError as error:
            if self._pauses_error != str(error):
                _log.warning("goes on with the pauses from before: %s", error)
            self._pauses_error = str(error)
            return self.paused

    def _settings_changed(self) -> bool:
        seen = _stamp(self.store.settings)
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            settings = settings_of.load(self.store)
        except SettingsError as error:
            _log.warning("goes on with the settings from before: %s", error)
            return False
        before, self._settings = self._settings, settings
        return settings != before

    def _begin_anew(self) -> None:
        self._close_sinks()
        self._halt = threading.Event()
        known = self._settings.remotes
        wanted = known if self._only is None else {self._only} & set(known)
        found = remotes.of(self._settings, self._only) if wanted else []
        errors = self._make_sinks(found)
        if errors and not self.sinks:
            self._say_nothing_goes(str(errors[0]))
        self.ledger.meet(known)
        self._make_outlets(found)

    def _make_sinks(self, found: list[Remote]) -> list[TrackerError]:
        errors = list[TrackerError]()
        self._credentials = kept.stamp()  # before they are read: what changes later is seen
        self.paused = self._pauses()
        for remote in found:
            if remote.name in self.paused:
                continue
            try:
                remotes.check_alone(remote, self._settings)
                self.sinks[remote.name] = remotes.make(remote)
                self.sinks[remote.name].guard(self._owner.confirm)
            except TrackerError as error:
                errors.append(error)
                self.broken[remote.name] = str(error)
        return errors

    def _make_outlets(self, found: list[Remote]) -> None:
        self.outlets = [
            Outlet(self.store, remote, self.sinks[remote.name], self.ledger,
                   settings=self._settings, stop=self._halt, observer=self._observer)
            for remote in found if remote.name in self.sinks
        ]  # fmt: skip

    def _close_sinks(self) -> None:
        for sink in self.sinks.values():
            sink.close()
        self.sinks, self.broken = {}, {}

    def backlog(self) -> dict[str, RemotePending]:
        """Per remote what is pending, as far as the last visits saw it."""
        return _pending(self.standing())

    def standing(self) -> Standing:
        """How each remote of the settings stands; cheap, and safe to ask from any thread."""
        queues = self.ledger.queues()
        served = {outlet.remote.name: outlet for outlet in self.outlets}
        found = []
        for name, remote in self._settings.remotes.items():
            queue = queues.get(name, Queue())
            if (outlet := served.get(name)) is not None:
                now = (outlet.breaker, outlet.answers, outlet.stopped)
                found.append(RemoteStanding(name, remote.kind, queue, *now))
            else:
                why = self.paused[name].said() if name in self.paused else self.broken.get(name)
                found.append(RemoteStanding(name, remote.kind, queue, stopped=why))
        return Standing(found, self.store.free_bytes())

    def _wait_for(self, threads: list[threading.Thread]) -> None:
        limit = float("inf")
        for thread in threads:
            while thread.is_alive() and time.monotonic() < limit:
                thread.join(0.1)
                self.notifier.alive()  # what is in hand may be a large file
                if self._ending.is_set():
                    limit = min(limit, time.monotonic() + _STOP_S)
        self.stuck = any(thread.is_alive() for thread in threads) or any(
            outlet.busy for outlet in self.outlets
        )

    def _publish_changes(self) -> None:
        at, seen = self._published
        standing = self._look()
        now = self.ledger.changes, standing.away, self._level.now, self.sources.trouble
        if now != seen or time.monotonic() - at > _PUBLISH_ANYWAY_S:
            self._publish(standing)
            self._published = time.monotonic(), now

    def _publish(self, standing: Standing) -> None:
        """Tell whoever looks at the store what is pending; see `tracker.pending`."""
        if self._owner.lost:
            return
        elsewhere = {name: len(self.ledger.elsewhere(name)) for name in self._settings.remotes}
        published = Published(
            time.time_ns(), _pending(standing), self._level.now, standing.away, elsewhere,
            self.sources.trouble,
        )  # fmt: skip
        try:
            replace_file(self.store.sync / "status.json", msgspec.json.encode(published))
        except OSError as error:  # a full disk: delivery itself makes room sooner or later
            _log.warning("what is pending cannot be published: %s", error)

    def _look(self) -> Standing:
        """See how it stands, and tell what is new: another level, a syncd.db that takes nothing."""
        standing = self.standing()
        self._level.look(standing, self._settings)
        before, self._trouble = self._trouble, self.ledger.trouble
        if self._trouble is not None and before is None:
            self._say_nothing_goes(f"syncd.db cannot be written: {self._trouble}")
        return standing

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except Owned:  # another syncd delivers
            raise
        except (BadInput, SettingsError, StoreError) as error:
            self._say_nothing_goes(str(error))
            raise

    def _say_nothing_goes(self, error: str) -> None:
        self._observer.tell(What.TRACKING_UNAVAILABLE, fatal=True, error=error)


def _pending(standing: Standing) -> dict[str, RemotePending]:
    return {
        remote.name: RemotePending(
            remote.queue.events, remote.queue.runs, remote.stopped or remote.queue.error
        )
        for remote in standing.remotes
    }


def _started(work: Callable[[T], None], what: T) -> threading.Thread:
    thread = threading.Thread(target=work, args=(what,), daemon=True)
    thread.start()
    return thread


def _stamp(file: Path) -> object:
    """What changes whenever a file is replaced; None while it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
