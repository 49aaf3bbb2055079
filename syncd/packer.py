"""Packing in the background: what no writer will touch again, a piece at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from syncd.catalog import Catalog, Entry
from tracker.journal import journals, packer
from tracker.store import StoreFolder
from tracker.unexpected import unexpected

_LOOK_S = 60.0
"""Between two looks for more to pack."""

_RETRY_S = 60.0
"""Before packing is tried again where it failed."""

_log = logging.getLogger("syncd")


class Packer:
    """Packs the segments of a store. A failure costs nothing: the raw segment stays."""

    def __init__(self, store: StoreFolder) -> None:
        self._catalog = Catalog(store)
        self._steps: Iterator[None] | None = None
        self._look_at = 0.0
        self._done: dict[Path, int] = {}
        """Folders with nothing left to pack, and their times then (ns)."""
        self._unfit: set[Path] = set()
        """Sealed segments that are not packed: damaged, somebody else's, not smaller then."""
        self._trouble: str | None = None
        self._said: str | None = None

    def work(self, go_on: Callable[[], bool]) -> None:
        """Pack one segment after the other for as long as `go_on` says so."""
        if self._steps is None and time.monotonic() >= self._look_at:
            self._steps, self._trouble = self._pass(), None
        while self._steps is not None and go_on():
            self._step(self._steps)

    def _step(self, steps: Iterator[None]) -> None:
        try:
            if next(steps, self) is not self:
                return
        except Exception as error:  # noqa: BLE001 - packing must not end those who deliver
            self._note(unexpected(error))
        self._steps = None
        self._look_at = time.monotonic() + (_RETRY_S if self._trouble else _LOOK_S)

    def _note(self, trouble: str) -> None:
        """Say the first trouble of a pass, unless it is the one of the last pass."""
        if self._trouble is None:
            self._trouble = trouble
            if trouble != self._said:
                _log.warning("segments stay unpacked for now: %s", trouble)
            self._said = trouble

    def _pass(self) -> Iterator[None]:
        """One look at every run, stopping for breath after each piece of work."""
        for entry in self._catalog.runs().values():
            if self._done.get(entry.folder) != entry.modified:
                try:
                    yield from self._folder(entry)
                except OSError as error:  # a full disk or a folder not ours must not hide others
                    self._note(f"{entry.folder}: {error}")
            yield

    def _folder(self, entry: Entry) -> Iterator[None]:
        packer.sweep(entry.folder)
        dead = True
        for journal in journals(entry.folder):
            # Before the look: of one that ends in between more can be packed later.
            dead = not journal.alive() and dead
            for number in packer.packable(journal):
                path = journal.path(number)
                if path not in self._unfit:
                    if not packer.pack_segment(journal, number):
                        self._unfit.add(path)
                    yield
        if dead:
            self._done[entry.folder] = entry.modified
