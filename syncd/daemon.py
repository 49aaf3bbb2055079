"""All remotes of one store: once, or for as long as nobody stops it."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from syncd import remotes
from syncd.ledger import Ledger
from syncd.outlet import Outlet, Result
from syncd.owner import Owned, Ownership
from syncd.packer import Packer
from syncd.sinks import Remote, Sink
from syncd.watch import Watch
from tracker import settings as settings_of
from tracker.credentials import kept
from tracker.errors import SettingsError, StoreError, TrackerError
from tracker.pending import Published, RemotePending
from tracker.settings import Settings
from tracker.store import StoreFolder, replace_file
from tracker.unexpected import unexpected

_PUBLISH_S = 2.0
_PUBLISH_ANYWAY_S = 60.0
"""Where nothing changed, it is published only so often that a reader sees somebody looks."""

_STOP_S = 3.5
"""Time that the batches in hand have to end after a stop is asked for."""

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
        self, store: StoreFolder, settings: Settings, only: str | None = None, *,
        wait: Callable[[str], object] | None = None,
    ) -> None:  # fmt: skip
        self.store = store
        self.outlets: list[Outlet] = []
        self.sinks: dict[str, Sink] = {}
        self.broken: dict[str, str] = {}
        self.stuck = False
        self._ending = threading.Event()
        self._halt = threading.Event()  # of the outlets that there are now
        self._settings = settings
        self._only = only
        self._context = contextlib.ExitStack()
        self._owner = Ownership(store, stop=self._ending, wait=wait, lost=self.stop)
        self._packer = Packer(store)
        self._published: tuple[float, object] = (0.0, None)
        self._seen: object = None
        self._credentials: object = None

    def __enter__(self) -> Daemon:  # noqa: PYI034 - Self is not in Python 3.10
        """Take the store and open the way to its remotes."""
        with contextlib.ExitStack() as context:
            found = remotes.of(self._settings, self._only)
            context.callback(self._close_sinks)
            errors = self._make_sinks(found)
            if not self.sinks:
                raise errors[0]
            context.enter_context(self._owner)
            self.ledger = Ledger(self.store.ledger, owner=self._owner)
            context.callback(self.ledger.close)
            self.ledger.meet(self._settings.remotes)
            self._make_outlets(found)
            context.callback(self._publish)
            self._context = context.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        """Publish what is pending, and let go of remotes and store."""
        self._context.close()

    def stop(self) -> None:
        """End: the batches in hand are ended, for some seconds at most."""
        self._ending.set()
        self._halt.set()

    def once(self, runs: set[str] | None = None) -> dict[str, Result]:
        """Deliver what is there (or these runs of it) to each remote, side by side."""
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

        The store's settings and the user's credentials are looked at every two seconds. Where
        they changed, the batches in hand are ended first.
        """
        self.store.journals.mkdir(exist_ok=True)
        while True:
            self._serve()
            self._check()
            if self._ending.is_set():
                return
            self._begin_anew()
            changed()

    def _check(self) -> None:
        if self._owner.lost:
            raise Owned(self._owner.why_lost())
        if not self.ledger.there:
            raise Away(f"{self.store.ledger} is not there any more, nor is the store, perhaps")

    def _serve(self) -> None:
        """Deliver until `stop`, or until settings or credentials change."""
        watch = Watch(self.store.journals)
        threads = [_started(outlet.serve, watch.subscribe()) for outlet in self.outlets]
        while not self._ending.wait(_PUBLISH_S) and self.ledger.there and not self._changed():
            self._publish_changes()
            self._pack(_PACK_S)
        self._halt.set()
        watch.wake()
        self._wait_for(threads)
        watch.close()

    def _pack(self, limit_s: float) -> None:
        """Pack for some time, or until there is something to deliver."""
        until = time.monotonic() + limit_s

        def go_on() -> bool:
            idle = not any(outlet.busy for outlet in self.outlets)
            return idle and time.monotonic() < until and not self._ending.is_set()

        if self._settings.pack == "syncd":
            self._packer.work(go_on)

    def _changed(self) -> bool:
        return self._settings_changed() or kept.stamp() != self._credentials

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
        self._make_sinks(found)
        self.ledger.meet(known)
        self._make_outlets(found)

    def _make_sinks(self, found: list[Remote]) -> list[TrackerError]:
        errors = list[TrackerError]()
        self._credentials = kept.stamp()  # before they are read: what changes later is seen
        for remote in found:
            try:
                remotes.check_alone(remote, self._settings)
                self.sinks[remote.name] = remotes.make(remote)
                self.sinks[remote.name].guard(self._owner.confirm)
            except TrackerError as error:  # noqa: PERF203 - one remote must not end all
                errors.append(error)
                self.broken[remote.name] = str(error)
        return errors

    def _make_outlets(self, found: list[Remote]) -> None:
        self.outlets = [
            Outlet(self.store, remote, self.sinks[remote.name], self.ledger,
                   settings=self._settings, stop=self._halt)
            for remote in found if remote.name in self.sinks
        ]  # fmt: skip

    def _close_sinks(self) -> None:
        for sink in self.sinks.values():
            sink.close()
        self.sinks, self.broken = {}, {}

    def backlog(self) -> dict[str, RemotePending]:
        """Per remote what is pending, as far as the last visits saw it."""
        found = self.ledger.backlog()
        stopped = {**self.broken, **{outlet.remote.name: outlet.stopped for outlet in self.outlets}}
        pending = {}
        for name in self._settings.remotes:
            events, runs, error = found.get(name, (0, 0, None))
            pending[name] = RemotePending(events, runs, stopped.get(name) or error)
        return pending

    def _wait_for(self, threads: list[threading.Thread]) -> None:
        limit = float("inf")
        for thread in threads:
            while thread.is_alive() and time.monotonic() < limit:
                thread.join(0.1)
                if self._ending.is_set():
                    limit = min(limit, time.monotonic() + _STOP_S)
        self.stuck = any(thread.is_alive() for thread in threads) or any(
            outlet.busy for outlet in self.outlets
        )

    def _publish_changes(self) -> None:
        at, seen = self._published
        now = self.ledger.changes, [outlet.stopped for outlet in self.outlets]
        if now != seen or time.monotonic() - at > _PUBLISH_ANYWAY_S:
            self._publish()
            self._published = time.monotonic(), now

    def _publish(self) -> None:
        """Tell whoever looks at the store what is pending; see `tracker.pending`."""
        if self._owner.lost:
            return
        elsewhere = {name: len(self.ledger.elsewhere(name)) for name in self._settings.remotes}
        published = Published(time.time_ns(), self.backlog(), elsewhere)
        try:
            replace_file(self.store.sync / "status.json", msgspec.json.encode(published))
        except OSError as error:  # a full disk: delivery itself makes room sooner or later
            _log.warning("what is pending cannot be published: %s", error)


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
