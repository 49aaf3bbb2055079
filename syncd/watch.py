"""Waking up when the store changes: watchdog where it works, the clock everywhere."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from syncd.notices import Notices
from tracker import filesystem

_log = logging.getLogger("syncd")


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
