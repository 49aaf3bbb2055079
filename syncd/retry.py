"""How often, and how far apart, a call to a remote is tried. Pure but for `quickly`.

What this does to a server with ten thousand of us: `scripts/bench fleet`.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from syncd.clock import SYSTEM, Clock
from syncd.sinks import Retryable
from tracker.settings import Settings

T = TypeVar("T")


def quickly(
    call: Callable[[], T], settings: Settings, stop: threading.Event, clock: Clock = SYSTEM
) -> T:
    """Call, and on Retryable call again, as `quick_pause` says; the last error comes as it is.

    Once `stop` is set there is no further attempt, and a pause ends.
    """
    pause_s = 0.0

    def again(state: tenacity.RetryCallState) -> bool:
        nonlocal pause_s
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, Retryable) or stop.is_set():
            return False
        next_s = quick_pause(state.attempt_number, error.retry_after, settings)
        pause_s = next_s or 0.0
        return next_s is not None

    def sleep(seconds: float) -> None:
        clock.wait(stop, seconds)

    return tenacity.Retrying(retry=again, wait=lambda _: pause_s, sleep=sleep)(call)


def quick_pause(failed: int, retry_after: float | None, settings: Settings) -> float | None:
    """Seconds from the attempt that `failed` as the nth to the next one; None if there is none.

    There are `quick_attempts` in all, pauses are exponential with full jitter. A `Retry-After`
    up to `retry_most_s` is obeyed here; a longer one is left to the lane's slow schedule, so that
    it holds up no worker.
    """
    asked_s = retry_after or 0.0
    if failed >= settings.quick_attempts or asked_s > settings.retry_most_s:
        return None
    bound = min(settings.retry_most_s, settings.retry_first_s * 2 ** min(failed - 1, 30))
    return asked_s or random.uniform(0.0, bound)  # noqa: S311 - jitter


def slow_pause(failures: int, retry_after: float | None, settings: Settings) -> float:
    """Seconds until a lane is tried again after `failures` visits in a row that failed."""
    bound = min(settings.slow_retry_s, settings.retry_most_s * 2 ** min(failures - 1, 30))
    return max(random.uniform(bound / 2, bound), retry_after or 0.0)  # noqa: S311 - jitter


@dataclass
class Breaker:
    """Leaves a remote alone after failures in a row, then tries it with one request.

    State      left when                                     to
    closed     `failures` failures in a row                  open
    open       the pause is over                             half-open: one caller is let in
    half-open  that caller succeeded / failed                closed / open

    The first pause is `pause_s`. With each caller that failed it doubles, up to `most_s`, and
    half of it is left to chance: who saw an outage begin at one moment, as all daemons of a
    cluster do, would else try the remote at one moment for ever.
    """

    failures: int
    pause_s: float
    most_s: float
    in_a_row: int = 0
    probes: int = 0
    """Callers let in one after the other that failed."""
    until: float | None = None
    """When the pause is over; None while closed."""
    probing: bool = False

    @property
    def state(self) -> str:
        """One of "closed", "open" and "half-open"."""
        if self.until is None:
            return "closed"
        return "half-open" if self.probing else "open"

    def allows(self, now: float) -> bool:
        """Whether a visit may start now; in half-open, only the first to ask."""
        if self.until is None:
            return True
        if self.probing or now < self.until:
            return False
        self.probing = True
        return True

    def unasked(self) -> None:
        """A visit found nothing to ask: if it was to try the remote, another one may."""
        self.probing = False

    def succeeded(self) -> None:
        """A visit reached the remote."""
        self.in_a_row, self.probes, self.until, self.probing = 0, 0, None, False

    def failed(self, now: float) -> None:
        """A visit did not."""
        self.in_a_row += 1
        self.probes += self.probing
        if self.probing or self.in_a_row >= self.failures:
            self.until, self.probing = now + self._pause(), False

    def _pause(self) -> float:
        bound = min(self.most_s, self.pause_s * 2 ** min(self.probes, 30))
        return max(self.pause_s, random.uniform(bound / 2, bound))  # noqa: S311 - jitter
