"""Sources: what other tools write, taken into the store as it grows (setting `sources`).

A thread of its own looks every `flush_interval_s`: a folder that hangs, as on a file server that
is away, holds up no delivery. Only the syncd that owns the store takes in; one that is to stop, or
lost the store, leaves a file between two batches. Wherever it ends, each record is taken once (see
`tracker.integrations.appending`). Files of W&B that ended and were taken are not read again (see
`syncd.ended`).
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from itertools import chain
from typing import Any

from syncd.ended import Ended
from syncd.owner import Ownership
from tracker.errors import TrackerError
from tracker.integrations.imports import TOOLS, Import, named, of_tool
from tracker.integrations.taken import Taken
from tracker.settings import Settings
from tracker.store import StoreFolder
from tracker.unexpected import unexpected

_ABSENT = "it is not there; it is taken in once it is. If it is elsewhere now, change the setting"
_log = logging.getLogger("syncd")


class _Stopped(Exception):
    """It is time to end, in the middle of a file."""


class Sources:
    """Takes what lies in the folders of the setting into the store.

    Attributes:
        trouble: why something is not taken, by its folder or file; each is logged once.

    Args:
        store: where it goes.
        settings: name the folders.
        owner: the right to write there for this store.
        stop: ends it.
    """

    def __init__(
        self, store: StoreFolder, settings: Settings, owner: Ownership, stop: threading.Event
    ) -> None:
        self.trouble: dict[str, str] = {}
        self._store = store
        self._settings = settings
        self._owner = owner
        self._stop = stop
        self._named = named(settings.sources)
        self._folders = [path for paths in self._named.values() for path in paths]
        self._done: set[str] = set()
        self._ended = Ended(store)

    def once(self) -> None:
        """Take in what is there; never raises."""
        self._attend(self._look)

    def follow(self) -> None:
        """Take in what is there and what comes, until the stop; never raises."""
        while self._folders and not self._stop.is_set():
            self._attend(self._look_again)
            self._stop.wait(self._settings.slow_retry_s)  # none could be looked at

    def _attend(self, look: Callable[[list[Import]], None]) -> None:
        if not self._folders:
            return
        try:
            with contextlib.ExitStack() as stack:
                look([stack.enter_context(runs) for runs in self._imports()])
        except _Stopped:
            pass
        except (TrackerError, OSError) as error:
            self._tell({"sources": str(error)})
        except Exception as error:  # noqa: BLE001 - the edge of a thread: delivery goes on
            self._tell({"sources": unexpected(error)})

    def _imports(self) -> list[Import]:
        return [
            of_tool(tool, self._store, self._settings, paths, **self._options(tool))
            for tool, paths in self._named.items()
        ]

    def _options(self, tool: str) -> dict[str, Any]:
        return {"known": self._ended.has} if tool == TOOLS[0] else {}

    def _look_again(self, runs: list[Import]) -> None:
        self._look(runs)
        while not self._stop.wait(self._settings.flush_interval_s):
            self._look(runs)

    def _look(self, runs: list[Import]) -> None:
        self._owner.confirm()
        trouble = {str(folder): _ABSENT for folder in self._folders if not folder.exists()}
        for taking in chain.from_iterable(each.once(lambda _: self._go_on()) for each in runs):
            taken = taking.taken
            if taken.error:
                trouble[taken.file] = taken.error
            elif taking.ended and taken.file not in self._done:
                self._done.add(taken.file)
                self._ended.note(taking)
                _say_done(taken)
            self._go_on()
        self._ended.write()
        self._tell(trouble)

    def _go_on(self) -> None:
        if self._stop.is_set() or self._owner.lost:
            raise _Stopped

    def _tell(self, trouble: dict[str, str]) -> None:
        before, self.trouble = self.trouble, trouble
        for place, text in trouble.items():
            if before.get(place) != text:
                _log.warning("source %s: %s", place, text)


def _say_done(taken: Taken) -> None:
    """Log that a run ended and is in the store, with what of it is not."""
    if taken.records:
        _log.info("source %s: run %s is taken, %s", taken.file, taken.run, taken.status)
    left = [f"{count:,} {what} left out" for what, count in taken.left_out.items()]
    left += taken.trouble + [f"bytes {lost.start:,} on: {lost.reason}" for lost in taken.lost]
    if left:
        _log.warning("source %s: %s", taken.file, "; ".join(left))
