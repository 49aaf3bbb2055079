"""What time it is, and waiting: the one place where delivery meets the clock.

Wall time is kept in syncd.db, as it must mean something to the next process; all else is
measured on the clock that no one sets. Simulations put a clock of their own here.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

_BOOT = getattr(time, "CLOCK_BOOTTIME", None)
"""Linux's clock that counts sleep, as the one of Python stands still then."""


class Clock(Protocol):
    """Seconds of the wall's clock and of the one that only goes forward."""

    def time(self) -> float:
        """Seconds since 1970 UTC, as this machine believes."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back, and goes on while the machine sleeps."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, so long at most; whether it is."""


class _System:
    """The clock of the machine."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.clock_gettime(_BOOT) if _BOOT is not None else time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)


SYSTEM: Clock = _System()
