"""`Keeper`: a thread that keeps the index up to date while others read it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tracker.errors import StoreError
from tracker.index import Index
from tracker.store import StoreFolder
from tracker.unexpected import unexpected

PACE_S = 1.0
"""How often the journals are looked at."""

_REST = 20
"""Times as long as a look took is the rest: a twentieth of a core is used, where that is enough."""

_MOST_S = 10.0
_WAIT_S = 2.0
_BUSY_S = 0.5


class Keeper(threading.Thread):
    """Catches up with the journals again and again, until `stop`.

    Args:
        folder: the store.
        caught_up: called, in this thread, after each round.

    Attributes:
        trouble: why the journals cannot be read now, or None; it tries again.
        failed: what ended this thread that nobody thought of, or None.
    """

    def __init__(self, folder: StoreFolder, caught_up: Callable[[], None]) -> None:
        super().__init__(name="tracker-top-keeper", daemon=True)  # a kill costs the index nothing
        self._index = Index(folder, wait_s=_WAIT_S)
        self._caught_up = caught_up
        self._stopped = threading.Event()
        self._busy_since: float | None = None
        self.trouble: str | None = None
        self.failed: str | None = None

    def stop(self) -> None:
        """Begin no further round."""
        self._stopped.set()

    @property
    def busy(self) -> bool:
        """Whether a round takes so long that a person wants to know."""
        since = self._busy_since
        return since is not None and time.monotonic() - since > _BUSY_S

    def run(self) -> None:
        """Go on until stopped."""
        try:
            while not self._stopped.is_set():
                took = self._round()
                self._caught_up()
                self._stopped.wait(min(max(PACE_S, _REST * took), _MOST_S))
        except Exception as error:  # noqa: BLE001 - the edge: the screen ends with a line
            self.failed = unexpected(error)
            self._caught_up()
        finally:
            self._index.close()

    def _round(self) -> float:
        began = self._busy_since = time.monotonic()
        try:
            self._index.catch_up()
            self.trouble = None
            if self._index.behind:
                self.trouble = "another process is reading the journals; this may not be all yet"
        except StoreError as error:
            self.trouble = str(error)
        finally:
            self._busy_since = None
        return time.monotonic() - began
