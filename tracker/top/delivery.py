"""`Delivery`: how the store's runs stand at its remotes, as far as it is cheap to know.

Two sources, neither of which imports `syncd`:

- what a syncd publishes in `sync/status.json` (`tracker.pending`): a small file, read each time;
  what is pending per remote, as of when that syncd last looked;
- the command `syncd status --json`, which counts in the journals as they are, per run and remote.
  It takes a second with 10,000 runs, so it is asked only while the pane is on the screen, in a
  thread of its own, and rests ten times as long as it took.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tracker.cli.answers import Status, ask_status
from tracker.errors import SettingsError
from tracker.pending import Published, published
from tracker.settings import load
from tracker.store import StoreFolder

_REST_S = 5.0
_REST = 10
"""Times as long as an answer took."""


class Delivery:
    """Args: the store, and what is called, in a thread of its own, when an answer came.

    Attributes:
        status: the last answer of `syncd status`, or why there is none; None before the first.
    """

    def __init__(self, folder: StoreFolder, answered: Callable[[], None]) -> None:
        self._folder = folder
        self._answered = answered
        self._next_at = 0.0
        self._asking = False
        self.status: Status | str | None = None

    def remotes(self) -> list[str]:
        """Names of the store's remotes; none where its settings cannot be read."""
        try:
            return sorted(load(self._folder).remotes)
        except SettingsError:
            return []

    def published(self) -> Published | None:
        """What a syncd said last."""
        return published(self._folder)

    def ask(self) -> None:
        """Have the status asked for, unless that is under way or was done just now."""
        if self._asking or time.monotonic() < self._next_at:
            return
        self._asking = True
        threading.Thread(target=self._ask, name="tracker-top-delivery", daemon=True).start()

    def _ask(self) -> None:
        began = time.monotonic()
        self.status = ask_status(self._folder)
        ended = time.monotonic()
        self._next_at = ended + max(_REST_S, _REST * (ended - began))
        self._asking = False
        self._answered()
