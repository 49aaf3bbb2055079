"""Comparing runs by a metric: which is best, by how much, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tracker.errors import BadInput
from tracker.index import Index
from tracker.query.advice import Advice, advise
from tracker.query.compared import Compared, check_figure, compared, metric_counts
from tracker.query.differences import Difference, differences
from tracker.query.direction import Direction, direction
from tracker.query.labels import labels
from tracker.query.nearest import nearest_said
from tracker.query.noise import Contrast, contrast
from tracker.query.plain import plain
from tracker.query.repeats import Group, grouped
from tracker.query.runview import RunView

_LISTED = 10


@dataclass(frozen=True, repr=False)
class Comparison:
    """Runs compared by a metric.

    Attributes:
        metric: the metric.
        figure: which figure of it counts: "last", "min", "max", "mean" or "first".
        direction: whether lower or higher is better, and what says so.
        runs: those compared, the best first; behind them those without a finite value.
        baseline: the one that the others are held against.
        groups: runs that repeat each other, with mean, standard deviation and n.
        differences: what was set or found differently.
        advice: recommendation, reasons and confidence.
        labels: what each run is called here, by its id: its name, with its id if it is not alone.
    """

    metric: str
    figure: str
    direction: Direction
    runs: list[Compared]
    baseline: Compared
    groups: list[Group]
    advice: Advice
    labels: dict[str, str]
    differences: list[Difference] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<comparison of {len(self.runs)} runs by {self.metric}: {self.recommendation}>"

    def __str__(self) -> str:
        return self.recommendation

    @property
    def best_run(self) -> RunView | None:
        """The run with the best finite value; None if no run has one."""
        return self.runs[0].run if self.ranked else None

    @cached_property
    def ranked(self) -> list[Compared]:
        """The runs with a finite value, the best first."""
        return [one for one in self.runs if math.isfinite(self.value(one))]

    def value(self, one: Compared) -> float:
        """The figure that a run is compared by; NaN if it has none."""
        return one.values.get(self.metric, math.nan)

    def deltas(self, one: Compared) -> dict[str, float]:
        """By how much each metric of a run is above the baseline's; of those that both have."""
        base = self.baseline.values
        return {k: value - base[k] for k, value in one.values.items() if k in base}

    def contrast_of(self, group: Group) -> Contrast | None:
        """How a group differs from the baseline's; None if it is that or one has no figures."""
        base = self._base
        if group is base or group.spread is None or base.spread is None:
            return None
        return contrast(group.spread, base.spread, self._others)

    @cached_property
    def _base(self) -> Group:
        return next(group for group in self.groups if self.baseline in group.runs)

    @cached_property
    def _others(self) -> int:
        """How many groups are held against the baseline's."""
        return sum(group.spread is not None for group in self.groups) - 1

    @property
    def metrics_delta(self) -> dict[str, float]:
        """By how much each metric of the best run is above the baseline's."""
        return self.deltas(self.runs[0]) if self.ranked else {}

    @property
    def recommendation(self) -> str:
        """What to take, in words."""
        return self.advice.text

    def to_dict(self) -> dict[str, Any]:
        """All of it as strict JSON: best_run (an id), metrics_delta, recommendation, and detail."""
        best = self.best_run
        fields = {
            "best_run": None if best is None else best.id,
            "metrics_delta": dict(sorted(self.metrics_delta.items())),
            "recommendation": self.recommendation,
            "confidence": self.advice.confidence,
            "reasons": self.advice.reasons,
            "weaknesses": self.advice.weaknesses,
            "metric": self.metric,
            "figure": self.figure,
            "mode": self.direction.mode,
            "mode_source": self.direction.source,
            "baseline": self.baseline.id,
            "contrast": _contrast(self.advice.contrast),
            "runs": [self._run(one) for one in self.runs],
            "groups": [self._group(group) for group in self.groups],
            "differences": [difference._asdict() for difference in self.differences],
        }
        result: dict[str, Any] = plain(fields)
        return result

    def _run(self, one: Compared) -> dict[str, Any]:
        return {
            "id": one.id,
            "name": one.run.name,
            "project": one.run.project,
            "status": one.run.status,
            "value": one.values.get(self.metric),
            "last_step": one.steps.get(self.metric),
            "incomplete": one.incomplete,
            "metrics": one.values,
            "deltas": self.deltas(one),
        }

    def _group(self, group: Group) -> dict[str, Any]:
        spread = group.spread
        return {
            "runs": [one.id for one in group.runs],
            "counted": [one.id for one in group.counted],
            "n": len(group.counted),
            "seeds": group.seeds,
            "mean": None if spread is None else spread.mean,
            "std": None if spread is None else spread.std,
            "contrast": _contrast(self.contrast_of(group)),
        }


def _contrast(found: Contrast | None) -> dict[str, Any] | None:
    return None if found is None else {**found._asdict(), "inside_noise": found.inside}


def compare(
    index: Index, runs: Sequence[RunView], metric: str | None, baseline: RunView | None, *,
    mode: str | None, figure: str, seeds: Sequence[str],
) -> Comparison:  # fmt: skip
    """Compare runs; see `Store.compare`."""
    every = {run.id: run for run in ([*runs] if baseline is None else [*runs, baseline])}
    if len(every) < 2:  # noqa: PLR2004 - what comparing needs
        raise BadInput("comparing needs two different runs at least; `tracker ls` lists them.")
    found = compared(index, list(every.values()), check_figure(figure))
    metric = known_metric(index, metric, found)
    way = direction(metric, mode, (one.definitions for one in found))
    base = next(one for one in found if one.id == (runs[0] if baseline is None else baseline).id)
    ordered = best_first(found, metric, way)
    groups = grouped(ordered, metric, seeds)
    named = labels([one.run for one in ordered])
    advice = advise(ordered, groups, base, metric=metric, way=way, labels=named)
    return Comparison(
        metric, figure, way, ordered, base, groups, advice, named, differences(ordered)
    )


def best_first(runs: Sequence[Compared], metric: str, way: Direction) -> list[Compared]:
    """Order runs from best to worst; of equal ones the older first.

    Those whose value is NaN or infinite stand behind, then those that have none.
    """

    def key(one: Compared) -> tuple[int, float, Any]:
        value = one.values.get(metric)
        if value is None or not math.isfinite(value):
            return 2 if value is None else 1, 0.0, one.run.started_at
        return 0, way.rank(value), one.run.started_at

    return sorted(runs, key=key)


def known_metric(index: Index, metric: str | None, runs: Sequence[Compared]) -> str:
    """The metric, if a run has it.

    Raises:
        BadInput: none was given or no run has it; names those that there are.
    """
    if metric is not None and any(metric in one.values for one in runs):
        return metric
    counts = metric_counts(index, [one.id for one in runs])
    if metric is not None:
        whose = f"none of these {len(runs)} runs has" if len(runs) > 1 else "this run has not"
        hint = nearest_said(metric, sorted(counts)) or "No metric at all was logged."
        raise BadInput(f"{whose} a metric {metric!r}. {hint}")
    common = sorted(key for key, count in counts.items() if count == len(runs))
    known = common or sorted(counts, key=lambda key: (-counts[key], key))
    listed = ", ".join(map(repr, known[:_LISTED]))
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    if common:
        raise BadInput(f"say which metric to compare by: --metric NAME, of {listed}{more}.")
    some = f"Some have one: --metric NAME, of {listed}{more}." if known else "They have none."
    raise BadInput(f"these runs have no metric in common. {some}")
