"""What `wandb.define_metric` said of metrics: what they are drawn over and come to."""

from __future__ import annotations

from typing import Any

import msgspec

from tracker.events import Json
from tracker.wandb.said import unsupported

OPERATIONS = ("min", "max", "mean", "last", "first", "best", "copy", "none")
"""What `define_metric(summary=...)` knows; "copy" is "last"."""


class Metric(msgspec.Struct, omit_defaults=True):
    """What was said of a name, or of all names that begin so ("val/*")."""

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary: list[str] = []
    goal: str | None = None


class Metrics:
    """All that was said in a run.

    Attributes:
        steps: metrics that others are drawn over.
        summed: whether there is a summary to count for any.
        untold: whether something was said since `told` was last asked.
    """

    def __init__(self) -> None:
        self.summed = self.untold = False
        self.steps: set[str] = set()
        self._named: dict[str, Metric] = {}

    def define(
        self, name: str, summary: str | None, *, overwrite: bool | None, **said: Any
    ) -> Metric:
        """Take what is said of a name; what is not said stays, unless `overwrite`."""
        words = [word.strip().lower() for word in (summary or "").split(",") if word.strip()]
        for word in words:
            if word not in OPERATIONS:
                unsupported(f"define_metric(summary={word!r})")
        before = None if overwrite else self._named.get(name)
        metric = self._named[name] = before or Metric(name)
        said["summary"] = [word for word in words if word in OPERATIONS] or None
        for field, value in said.items():
            if value is not None:
                setattr(metric, field, value)
        self.steps = {each.step_metric for each in self._named.values() if each.step_metric}
        self.untold = True
        self.summed = any(each.summary for each in self._named.values())
        return metric

    def of(self, key: str) -> Metric | None:
        """Give what holds for a key: its own definition, else that of its longest beginning."""
        if key in self._named or not self._named:
            return self._named.get(key)
        found = [m for m in self._named if m.endswith("*") and key.startswith(m[:-1])]
        return self._named[max(found, key=len)] if found else None

    def over(self, key: str) -> str | None:
        """Give the metric whose last value belongs into rows that have `key`."""
        metric = self.of(key)
        return metric.step_metric if metric and metric.step_sync is not False else None

    def told(self) -> list[dict[str, Json]]:
        """All that was said, in terms of JSON."""
        self.untold = False
        return [msgspec.to_builtins(metric) for metric in self._named.values()]
