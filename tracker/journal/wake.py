"""A bell for a waiting thread that no signal handler can break."""

from __future__ import annotations

import threading


class Wake:
    """Is set by any thread, and waited for by one.

    A handler may throw anywhere in a program's own thread, Ctrl-C in a notebook as a rule. Inside
    `threading.Event.set` that leaves the event's lock taken, and the next call waits for ever.
    Here each step is one call into the interpreter, done or not.
    """

    def __init__(self) -> None:
        self._unset = threading.Lock()
        self._unset.acquire()

    def set(self) -> None:
        """Wake who waits, or who will wait next; once more is no more."""
        if self._unset.locked():
            try:  # noqa: SIM105 - `suppress` would be code of Python's that can be left half done
                self._unset.release()
            except RuntimeError:  # another thread set it just now
                pass

    def wait(self, seconds: float) -> bool:
        """Wait until it is set, for so long at most; whether it was. It is unset then."""
        return self._unset.acquire(timeout=seconds)
