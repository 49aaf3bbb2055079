"""What woke a waiting outlet: names of run folders, gathered for a moment."""

from __future__ import annotations

import threading

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
