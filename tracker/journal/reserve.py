"""Space put by for a run's end: a small file beside its segments."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from pathlib import Path

from tracker.journal.files import Files
from tracker.journal.listing import Journal

RESERVE_BYTES = 8 * 1024
"""Two pages: a new segment with its header, and what a run says at its end."""

_NAME = re.compile(r"([0-9a-f]{16})\.reserve")


class Reserve:
    """The reserve of a run in one process, from its first writer to its last.

    A disk that has no room for it costs nothing but the reserve: no call here raises OSError.
    """

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        self._folder = folder
        self._files = files or Files()
        self._lock = threading.RLock()
        self._path: Path | None = None
        self._over = False

    def hold(self, writer_id: str) -> None:
        """See that it is there under this writer's name, as far as the disk has room for it.

        What writers that are dead by now left of theirs is removed first.
        """
        path = self._folder / f"{writer_id}.reserve"
        with self._lock:
            if self._over or self._path == path:
                return
            with contextlib.suppress(OSError):
                if self._path is None or not self._renamed(self._path, path):
                    self._remove_leftovers()
                    self._make(path)
                self._path = path
            self._check_over(path)

    def give_up(self) -> bool:
        """Free its space for good; False if there was none to free."""
        with self._lock:
            self._over = True
            path, self._path = self._path, None
            return path is not None and self._remove(path)

    def _check_over(self, path: Path) -> None:
        """A signal handler may have given it up while it was being made."""
        if self._over:
            self._remove(path)

    def _make(self, path: Path) -> None:
        fd = self._files.create(path)
        try:
            self._files.allocate(fd, RESERVE_BYTES)
        except BaseException:
            self._remove(path)
            raise
        finally:
            self._files.close(fd)

    def _renamed(self, old: Path, new: Path) -> bool:
        try:
            self._files.rename(old, new)
        except OSError:  # somebody removed it, or the whole store
            return False
        return True

    def _remove_leftovers(self) -> None:
        for name in os.listdir(self._folder):  # noqa: PTH208 - names are all that is needed
            match = _NAME.fullmatch(name)
            if match and not Journal(self._folder, match[1]).alive():
                self._remove(self._folder / name)

    def _remove(self, path: Path) -> bool:
        try:
            self._files.unlink(path)
        except OSError:
            return False
        return True
