"""Stores being served by one process: each by a daemon of its own, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from syncd.daemon import Away, Daemon
from syncd.service.notify import Notifier
from syncd.telemetry.telemetry import Telemetry
from tracker import settings as settings_of
from tracker.errors import TrackerError
from tracker.store import StoreFolder
from tracker.unexpected import unexpected

_AWAY_S = 1.0
"""Between two looks at a store that cannot be served."""

Say = Callable[[str, bool], None]
"""Is told lines for a person, and whether they tell of trouble."""


class Served:
    """One store, served until `stop`.

    Args:
        place: its folder; None for the default.
        remote: the one remote to serve, by name; None for all.
        patient: a store that is away, has no remote, or is another's, is waited for.
        say: is told what a person wants to know.
        notifier: tells the service manager how it is; nobody by default.
    """

    def __init__(
        self, place: Path | None, remote: str | None, *, patient: bool, say: Say,
        notifier: Notifier | None = None,
    ) -> None:  # fmt: skip
        self.stuck = False
        self._place = place
        self._remote = remote
        self._patient = patient
        self._say = say
        self._said: str | None = None
        self._ending = threading.Event()
        self._daemon: Daemon | None = None
        self._notifier = notifier or Notifier({})

    def reload(self) -> None:
        """Read settings, credentials and pauses again at once."""
        if (daemon := self._daemon) is not None:
            daemon.reload()

    def stop(self) -> None:
        """End: the batches in hand are ended, for some seconds at most."""
        self._ending.set()
        if (daemon := self._daemon) is not None:
            daemon.stop()

    def run(self) -> None:
        """Deliver until `stop`.

        Raises:
            TrackerError, OSError: it cannot be served, or another took over; never if patient.
        """
        while not self._ending.is_set():
            try:
                self._deliver()
            except Exception as error:  # the edge of a thread: others go on
                if not (self._patient or isinstance(error, Away)):
                    raise
                known = isinstance(error, (TrackerError, OSError))
                self._trouble(str(error) if known else unexpected(error))
            self._ending.wait(_AWAY_S)

    def _deliver(self) -> None:
        store = StoreFolder.open(self._place)
        wait = self._trouble if self._patient else None
        settings = settings_of.load(store)
        with Telemetry(store, settings) as telemetry:
            daemon = Daemon(store, settings, self._remote, telemetry, wait=wait)
            daemon.notifier = self._notifier
            self._daemon = daemon
            if self._ending.is_set():
                return
            try:
                with daemon, telemetry.serving(daemon.standing):
                    self._say_served(daemon)
                    daemon.run(changed=lambda: self._say_served(daemon))
            finally:
                self.stuck = self.stuck or daemon.stuck

    def _say_served(self, daemon: Daemon) -> None:
        self._said = None
        names = ", ".join(daemon.sinks) or "no remote"
        self._say(
            f"syncd: delivers {daemon.store.root} to {names}; stop with Ctrl-C, look: syncd status",
            False,
        )
        for name, pause in daemon.paused.items():
            self._say(f"{name}: {pause.said()}", False)
        for name, error in daemon.broken.items():
            self._say(f"{name}: error: not served: {error}", True)

    def _trouble(self, text: str) -> None:
        if not self._ending.is_set() and text != self._said:
            self._said = text
            self._say(f"syncd: {text.rstrip('.,')}; waits, and delivers when that changes", True)


class Stores:
    """Several stores, or one that is waited for; none holds up another. See `Served`."""

    def __init__(self, places: Sequence[Path | None], remote: str | None, say: Say) -> None:
        notifier = Notifier() if len(places) == 1 else None  # it tells of one store
        self._served = [
            Served(place, remote, patient=True, say=say, notifier=notifier) for place in places
        ]

    @property
    def stuck(self) -> bool:
        """Whether a thread is still busy with a remote; nothing is lost by leaving."""
        return any(served.stuck for served in self._served)

    def reload(self) -> None:
        """Read the settings of all again at once."""
        for served in self._served:
            served.reload()

    def stop(self) -> None:
        """End them all."""
        for served in self._served:
            served.stop()

    def run(self) -> None:
        """Deliver until `stop`."""
        threads = [threading.Thread(target=served.run) for served in self._served]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():  # with a limit, so that signals are handled meanwhile
                thread.join(0.2)
