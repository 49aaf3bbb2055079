"""Virtual time: it passes when somebody waits, and the wall's clock can be set wrong."""

from __future__ import annotations

NS = 1_000_000_000
YEAR_S = 365 * 86_400
BEGINNING_NS = 1_790_000_000 * NS


class Clock:
    """The clock of a machine, as `syncd.clock.Clock`.

    Attributes:
        ns: what the wall's clock shows, in nanoseconds since 1970.
        passed: seconds that really passed since the story began.
        heard: is called whenever time passed.
    """

    def __init__(self):
        self.ns = BEGINNING_NS
        self.passed = 0.0
        self.heard = lambda: None
        self._booted = -1000.0

    def time(self):
        return self.ns / NS

    def time_ns(self):
        return self.ns

    def monotonic(self):
        return self.passed - self._booted

    def wait(self, event, seconds):
        self.move(seconds)
        return event.is_set()

    def move(self, seconds):
        """Time passes."""
        self.ns += int(seconds * NS)
        self.passed += seconds
        self.heard()

    def jump(self, seconds):
        """Somebody sets the wall's clock; no time passes."""
        self.ns += int(seconds) * NS

    def restart(self):
        """The machine starts anew, and its other clock with it."""
        self._booted = self.passed - 10.0
