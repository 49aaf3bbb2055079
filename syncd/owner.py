"""One syncd per store: the lease, kept by a thread, and a lock that makes a take-over quick."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from types import TracebackType

from syncd.clock import SYSTEM, Clock
from syncd.lease import HOLD_S, RENEW_S, Holder, Lease
from tracker.errors import StoreError
from tracker.journal import liveness
from tracker.store import StoreFolder

_LOOK_S = 0.2
_LATELY_S = 60.0
_log = logging.getLogger("syncd")


class Owned(StoreError):
    """Another syncd serves this store; the text names it."""


class Ownership:
    """A context in which this process is the only one to deliver from a store.

    The rule is that of `syncd.lease`. Who dies is followed at once where the kernel tells by its
    lock, and within 5 s elsewhere; so is who is stopped, and finds out before it sends again.

    Args:
        store: the store.
        stop: ends the wait for another one.
        wait: is told who has the store, once, and then waits for it; None: does not wait.
        lost: is called, in another thread, when another process has taken over.
        clock: for simulations.

    Raises:
        Owned: another process has it.
    """

    def __init__(
        self, store: StoreFolder, *, stop: threading.Event | None = None,
        wait: Callable[[str], object] | None = None, lost: Callable[[], object] = lambda: None,
        clock: Clock = SYSTEM,
    ) -> None:  # fmt: skip
        self._store = store
        self._lease = Lease(store.sync, clock)
        self._stop = stop or threading.Event()
        self._wait = wait
        self._tell_lost = lost
        self._clock = clock
        self._lock = -1
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self.lost = False

    @property
    def turn(self) -> int:
        """Number of the lease: of two that follow each other, nobody delivered in between."""
        return self._lease.number

    @property
    def forced(self) -> bool:
        """Whether it was taken from a process that may be stopped in whatever it did."""
        return self._lease.forced

    def __enter__(self) -> Ownership:  # noqa: PYI034 - Self is not in Python 3.10
        """Take the store, or wait for it."""
        self._store.sync.mkdir(parents=True, exist_ok=True)
        said = False
        while not self._take():
            if self._stop.is_set() or (self._wait is None and self._lease.alive):
                raise Owned(self._owned())
            if self._wait is not None and self._lease.alive and not said:
                said = True
                self._wait(f"{_named(self._lease.holder())} serves {self._store.root}")
            self._clock.wait(self._stop, _LOOK_S)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of it."""
        self._over.set()
        self._thread.join(RENEW_S)
        if not self.lost and not self._thread.is_alive():
            self._lease.let_go()
        self._unlock()

    def confirm(self) -> None:
        """Return while this process may send and keep; where that is in doubt, wait for it.

        Raises:
            Owned: another process has taken over, or this one has let go.
        """
        while self._over.is_set() or self._clock.monotonic() - self._lease.renewed >= HOLD_S:
            if self._over.wait(_LOOK_S):
                raise Owned(self.why_lost())

    def why_lost(self) -> str:
        """Say that another process has taken over."""
        return (
            f"another syncd took over the store {self._store.root} while this one was stopped or "
            "could not reach it, and delivers now; see: syncd status"
        )

    def _take(self) -> bool:
        """Lock what can be locked, and take the lease if it is free."""
        self._lock = os.open(self._store.sync / "syncd.lock", os.O_RDWR | os.O_CREAT, 0o600)
        taken = False
        try:
            taken = self._lease.take(locked=liveness.hold(self._lock))
        finally:
            if not taken:
                self._unlock()
        return taken

    def _unlock(self) -> None:
        fd, self._lock = self._lock, -1
        if fd >= 0:
            os.close(fd)

    def _keep(self) -> None:
        """Renew the lease until it is let go, or lost."""
        away = False
        while not self._over.wait(RENEW_S):
            try:
                if self._lease.renew():
                    away = False
                    continue
            except OSError as error:
                if not away:
                    _log.warning("%s cannot be reached (%s); waits for it", self._store.root, error)
                away = True
                continue
            self.lost = True
            self._over.set()
            self._unlock()
            self._tell_lost()

    def _owned(self) -> str:
        return (
            f"{_named(self._lease.holder())} serves the store {self._store.root} already, and one "
            "is enough: what you record is delivered, to remotes added since then too; "
            "see: syncd status. Stop it first for: syncd retry"
        )


def serving(store: StoreFolder) -> Holder | None:
    """Who delivers from a store now, as far as one look can tell; None if nobody does.

    Where locks tell nothing, whoever renewed the lease within seconds of the file server's time.
    """
    held = liveness.held(store.sync / "syncd.lock")
    try:
        holder, renewed = Lease(store.sync).newest()
    except OSError:
        return None
    if holder is None or holder.let_go or held is False:
        return None
    return holder if held or abs(time.time() - renewed) < _LATELY_S else None


def _named(holder: Holder | None) -> str:
    return "another syncd" if holder is None else f"syncd with {holder},"
