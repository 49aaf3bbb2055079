"""Which step calls of `wandb.log` are about, and what it has so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
        """Where a call that gives `step` is to be recorded; one that goes back is said."""
        at = self.current if step is None else values.whole(step)
        if at is None:
            self._notice.warn(f"log: step {values.brief(step)} is no whole number", once="step")
            return self.current
        if at < self.current:
            self._notice.warn(
                f"log: step {at} is before the current step {self.current}. wandb ignores such "
                "values; they are kept here. To log out of order: wandb.define_metric",
                once="step back",
            )
        return at

    def take(self, found: Mapping[str, Value], media: Iterable[str]) -> None:
        """Note what the current step has now."""
        if self._metrics.steps:
            self._row.update(found, media)
            self._last.update((k, found[k]) for k in self._metrics.steps if k in found)

    def missing(self) -> dict[str, Value]:
        """Last values of metrics that something of the current step is drawn over, and it lacks."""
        wanted = {self._metrics.over(key) for key in self._row} - self._row
        return {over: self._last[over] for over in wanted if over in self._last}

    def begin(self, step: int) -> None:
        """Go to a step that has nothing yet."""
        self.current = step
        self._row.clear()
