"""Which step calls of `wandb.log` are about, and what it has so far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tracker import values
from tracker.events import Value
from tracker.notice import Notice
from tracker.wandb.metrics import Metrics


class Steps:
    """The current step.

    Attributes:
        current: its number.
    """

    def __init__(self, first: int, metrics: Metrics, notice: Notice) -> None:
        self.current = first
        self._metrics = metrics
        self._notice = notice
        self._row: set[str] = set()  # keys that the current step has
        self._last: dict[str, Value] = {}  # last values of step metrics

    def at(self, step: Any) -> int:
        """Where a call is recorded; a later step than the current one becomes that."""
        if step is None:
            return self.current
        at = values.whole(step)
        if at is None:
            self._notice.warn(f"log: step {values.brief(step)} is no whole number", once="step")
            return self.current
        if at < self.current:
            self._notice.warn(
                f"log: step {at} is before the current step {self.current}. wandb ignores such "
                "values; they are kept here. To log out of order: wandb.define_metric",
                once="step back",
            )
        elif at > self.current:
            self.begin(at)
        return at

    def fill(self, found: dict[str, Value], media: Iterable[str]) -> None:
        """Take a call at the current step; puts step metrics in that what it has is drawn over."""
        steps = self._metrics.steps
        if steps:
            for over in {self._metrics.over(key) for key in (*found, *media)} - {None}:
                if over in self._last and over not in found and over not in self._row:
                    found[over] = self._last[over]
            self._last.update((over, found[over]) for over in steps if over in found)
            self._row.update(found)

    def begin(self, step: int) -> None:
        """Go to a step that has nothing yet."""
        self.current = step
        self._row.clear()
