"""Whether one remote may be asked anything now. No I/O, no clock.

    closed as                   since                      until
    its credentials are refused a 401 or 403               they change; tried again, in case they
                                                           were right, after `slow_retry_s`
    it is outside its hours     the end of `hours`         they begin
    it asked for a pause        a Retry-After              its end, for all runs
    it does not answer          `breaker_failures` visits  `breaker_pause_s` and, each time that
                                in a row failed            one visit let in then fails, longer

The first that applies is said. Times are monotonic seconds; `wall` is seconds since 1970 UTC,
as hours of a day are those of this machine's clock.
"""

from __future__ import annotations

from syncd.retry import Breaker
from tracker.hours import Hours
from tracker.settings import Settings


class Gate:
    """The state of one remote.

    Attributes:
        breaker: its circuit breaker.
    """

    def __init__(self, settings: Settings, hours: Hours | None = None) -> None:
        self.breaker = Breaker(
            settings.breaker_failures, settings.breaker_pause_s, settings.slow_retry_s
        )
        self._settings = settings
        self._hours = hours
        self._refusal: str | None = None
        self._refused_until = 0.0
        self._said: str | None = None
        self._pause_until = 0.0

    @property
    def refusal(self) -> str | None:
        """What the remote said of our credentials, None if it takes them as far as we know."""
        return self._refusal

    def allows(self, now: float, wall: float, *, named: bool = False) -> bool:
        """Whether a visit may start; where one is let in to try, only the first to ask.

        A run that a person `named` goes at any hour.
        """
        if self._refusal is not None and now < self._refused_until:
            return False
        if self.asked_pause_s(now) or not (named or self._closed_s(wall) == 0):
            return False
        return self.breaker.allows(now)

    def asked_pause_s(self, now: float) -> float:
        """Seconds of a pause that the remote asked for."""
        return max(0.0, self._pause_until - now)

    def closed(self, wall: float) -> str | None:
        """Say that it is outside its hours; None if it is not."""
        if self._hours is None or self._closed_s(wall) == 0:
            return None
        return f"outside its hours ({self._hours}); goes on at {self._hours.next_begin(wall)}"

    def asked(self, pause_s: float, now: float) -> None:
        """The remote asked to be left alone for so long."""
        self._pause_until = max(self._pause_until, now + pause_s)

    def refused(self, why: str, now: float) -> bool:
        """The credentials are refused: nothing is sent. Whether that is news."""
        self._refusal, self._refused_until = why, now + self._settings.slow_retry_s
        self.breaker.succeeded()
        news, self._said = why != self._said, why
        return news

    def unasked(self) -> None:
        """A visit found nothing to ask."""
        self.breaker.unasked()

    def succeeded(self) -> None:
        """A visit reached the remote."""
        self._refusal = self._said = None
        self.breaker.succeeded()

    def failed(self, now: float) -> None:
        """A visit did not."""
        self.breaker.failed(now)

    def _closed_s(self, wall: float) -> float:
        return self._hours.closed_s(wall) if self._hours else 0.0
