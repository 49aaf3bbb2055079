"""The best run by a metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tracker.errors import BadInput
from tracker.index import Index
from tracker.query.compared import check_figure, compared
from tracker.query.comparison import best_first, known_metric
from tracker.query.direction import Direction, direction
from tracker.query.runview import RunView


class Best(NamedTuple):
    """The run with the best finite value of a metric, and the one behind it.

    `of` runs were looked at, `ranked` of them have a finite value; `incomplete` says why what is
    recorded of the best may not be all.
    """

    run: RunView
    value: float
    step: int
    metric: str
    figure: str
    direction: Direction
    of: int
    ranked: int
    second: RunView | None
    second_value: float | None
    incomplete: list[str]


def best(
    index: Index, runs: Sequence[RunView], metric: str | None, mode: str | None, figure: str
) -> Best:
    """Find it; see `Store.best`."""
    found = compared(index, runs, check_figure(figure), metric)
    metric = known_metric(index, metric, found)
    way = direction(metric, mode, (one.definitions for one in found))
    ordered = best_first(found, metric, way)
    ranked = [one for one in ordered if math.isfinite(one.values.get(metric, math.nan))]
    if not ranked:
        raise BadInput(
            f"none of the {len(found)} runs has a finite value of {metric!r}: all are NaN or "
            "infinite."
        )
    first, second = ranked[0], ranked[1] if len(ranked) > 1 else None
    return Best(
        first.run, first.values[metric], first.steps[metric], metric, figure, way, len(found),
        len(ranked), second.run if second else None, second.values[metric] if second else None,
        first.incomplete,
    )  # fmt: skip
