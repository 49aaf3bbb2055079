"""`wandb.summary`: the last value of every key, or what `define_metric` asks for.

What a script sets is recorded at once. What follows from logging (last, min, max, mean, first,
best) is known at every moment and recorded once, when the run ends; the points themselves are
in the journal anyway.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tracker.events import Json, Value
from tracker.wandb.configs import friendly
from tracker.wandb.metrics import Metrics


class Figures:
    """What one key's points come to. NaN counts for last, first and mean only."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.least = math.inf
        self.most = -math.inf
        self.first: Value | None = None
        self.last: Value | None = None

    def add(self, value: Value) -> None:
        """Count a value in."""
        if self.first is None:
            self.first = value
        self.last = value
        if not isinstance(value, str):
            self.count += 1
            self.total += value
            self.least = min(self.least, value)
            self.most = max(self.most, value)

    def of(self, operation: str, goal: str | None) -> Json:
        """One of `metrics.OPERATIONS`, None where it has no value."""
        if operation == "best":
            operation = "max" if goal == "maximize" else "min"
        if operation == "mean":
            return self.total / self.count if self.count else None
        if operation in ("min", "max"):
            found = self.least if operation == "min" else self.most
            return found if self.count and math.isfinite(found) else None
        return self.first if operation == "first" else self.last


class Branch(dict[str, Json]):
    """A dict inside the summary: its keys are attributes too, and setting one is recorded."""

    def __init__(
        self, values: Mapping[str, Json], changed: Callable[[dict[str, Json]], None]
    ) -> None:
        super().__init__(values)
        self.__dict__["_changed"] = changed

    def __getattr__(self, key: str) -> Json:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"wandb.summary has no {key!r} there") from None

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, friendly(value))
        self.__dict__["_changed"](dict(self))

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value


class Summary:
    """Final or best values by top key, also as attributes.

    A key that a script sets keeps that value until it is logged again.
    """

    def __init__(
        self, record: Callable[[dict[str, Any]], None], start: Mapping[str, Json], metrics: Metrics
    ) -> None:
        object.__setattr__(self, "_record", record)
        object.__setattr__(self, "_set", dict(start))
        object.__setattr__(self, "_last", {})
        object.__setattr__(self, "_figures", {})
        object.__setattr__(self, "_metrics", metrics)
        object.__setattr__(self, "_clock", {})

    _record: Callable[[dict[str, Any]], None]
    _set: dict[str, Json]
    _last: dict[str, Value]
    _figures: dict[str, Figures]
    _metrics: Metrics
    _clock: dict[str, Json]

    # -- what the run tells it -------------------------------------------------------------

    def add(self, values: Mapping[str, Value], clock: dict[str, Json]) -> None:
        """Count a log call in; `clock` is its _step, _runtime and _timestamp."""
        self._last.update(values)
        self._clock.update(clock)
        for key in self._set.keys() & values.keys():
            del self._set[key]
        if self._metrics.summed:
            for key, value in values.items():
                metric = self._metrics.of(key)
                if metric and metric.summary:
                    self._figures.setdefault(key, Figures()).add(value)

    def derived(self) -> dict[str, Json]:
        """What follows from logging, by key; keys that a script set are not in it."""
        found: dict[str, Json] = {}
        for key, last in self._last.copy().items():
            metric = self._metrics.of(key)
            figures = self._figures.get(key)
            if key in self._set or (metric and "none" in metric.summary):
                continue
            if metric is None or figures is None:
                found[key] = last
                continue
            each = {word: figures.of(word, metric.goal) for word in metric.summary}
            found[key] = {word: value for word, value in each.items() if value is not None}
        return found

    def settle(self) -> None:
        """Record what follows from logging: the run ends."""
        derived = self.derived()
        if derived:
            self._record(derived)

    # -- what scripts see ------------------------------------------------------------------

    def as_dict(self) -> dict[str, Json]:
        """All of it, with the _step, _runtime and _timestamp of the last log call."""
        return self.derived() | self._set | self._clock

    _as_dict = as_dict

    def __repr__(self) -> str:
        return repr(self.as_dict())

    def keys(self) -> list[str]:
        """Top keys."""
        return list(self.as_dict())

    def items(self) -> list[tuple[str, Json]]:
        """Top keys with their values."""
        return [(key, self[key]) for key in self.keys()]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.as_dict())

    def __contains__(self, key: object) -> bool:
        return key in self.as_dict()

    def __getitem__(self, key: str) -> Json:
        value = self.as_dict()[key]
        if not isinstance(value, dict):
            return value
        return Branch(value, lambda changed: self.update({key: changed}))

    def get(self, key: str, default: Any = None) -> Json:
        """Give a value, or `default`."""
        try:
            return self[key]
        except KeyError:
            return default

    def __getattr__(self, key: str) -> Json:
        if key.startswith("_"):
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"wandb.summary has no {key!r}") from None

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __setattr__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def update(self, values: Mapping[str, Any]) -> None:
        """Set several values; recorded at once."""
        given = {str(key): friendly(value) for key, value in values.items()}
        self._set.update(given)
        self._record(given)

    def __delitem__(self, key: str) -> None:
        """Forget a value here. What was recorded of it stays recorded."""
        gone = [part.pop(key, None) for part in (self._set, self._last)]
        if gone == [None, None]:
            raise KeyError(key)

    __delattr__ = __delitem__
