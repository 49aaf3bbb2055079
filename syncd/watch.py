"""Waking up when the store changes: watchdog where it works, the clock everywhere."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from tracker import filesystem

_log = logging.getLogger("syncd")


_GATHER_S = 0.05
"""A run may write thousands of times a second: who waits is told so many times at the most."""


class Notices:
    """Names of the run folders that changed since they were last taken, for one who waits."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._woken = threading.Event()

    def add(self, name: str) -> None:
        """Something in the run folder `name` changed."""
        with self._lock:
            self._names.add(name)
        self._changed.set()

    def wake(self) -> None:
        """End the wait at once: there is another reason to look."""
        self._woken.set()
        self._changed.set()

    def wait(self, timeout_s: float) -> set[str]:
        """Wait for a notice, a wake or the time-out, and take the names."""
        if self._changed.wait(timeout_s):
            self._woken.wait(_GATHER_S)
        self._woken.clear()
        self._changed.clear()
        with self._lock:
            names, self._names = self._names, set()
        return names


class Watch(FileSystemEventHandler):
    """Tells its subscribers which run folders are written to.

    A notice only makes delivery sooner: whoever waits for one does so with a time-out, as
    network file systems give none and the system may run out of watches.
    """

    def __init__(self, folder: Path) -> None:
        self._root = str(folder)
        self._subscribers: list[Notices] = []
        self._observer = Observer()
        self._observer.daemon = True
        if (at := filesystem.of(folder)).network:  # what other hosts write is not told there
            _log.info("no notices of changes on %s; looking every few seconds", at.kind)
            return
        try:
            # Reading a journal makes events too: those would wake us for ever.
            kinds: list[type[FileSystemEvent]]
            kinds = [FileModifiedEvent, FileMovedEvent, DirCreatedEvent]
            self._observer.schedule(self, self._root, recursive=True, event_filter=kinds)
            self._observer.start()
        except OSError as error:
            _log.info("no notices of changes (%s); looking every few seconds", error)

    def subscribe(self) -> Notices:
        """Notices from now on."""
        notices = Notices()
        self._subscribers.append(notices)
        return notices

    def on_any_event(self, event: FileSystemEvent) -> None:
        """A segment grew or was put in place, or a run's folder was made."""
        inside = os.fsdecode(event.src_path)[len(self._root) :].strip(os.sep)
        name = inside.partition(os.sep)[0]
        for notices in self._subscribers:
            notices.add(name)

    def wake(self) -> None:
        """End all waits."""
        for notices in self._subscribers:
            notices.wake()

    def close(self) -> None:
        """Stop watching."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join(5)
