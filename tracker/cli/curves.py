"""Curves of compared runs: which are drawn, and by which points."""

from __future__ import annotations

from collections.abc import Iterator

import click

from tracker.cli.curve import Series
from tracker.query.compared import Compared
from tracker.query.comparison import Comparison

MOST = 8
"""Curves in one picture; more cannot be told apart."""

POINTS = 1600
"""Of a curve, of which none is wider than 800 dots; no spike is left out (`RunView.history`)."""

_COLOURS = ("cyan", "yellow", "magenta", "green", "blue", "red", "bright_white", "bright_black")


def colours(number: int, text: str) -> str:
    """Paint a text in the colour of a series, see `tracker.cli.curve`."""
    return click.style(text, fg=_COLOURS[number % len(_COLOURS)])


def chosen(comparison: Comparison) -> list[Compared]:
    """Which runs are drawn: all, or the baseline and the best of each setting, then the others.

    In the order of the comparison; none of those that do not have the metric.
    """
    having = [one for one in comparison.runs if comparison.metric in one.values]
    first = [group.runs[0] for group in comparison.groups]
    wanted = [comparison.baseline, *first, *having]
    ids = [one.id for one in wanted if comparison.metric in one.values]
    picked = list(dict.fromkeys(ids))[:MOST]
    return [one for one in having if one.id in picked]


def drawn(comparison: Comparison) -> Iterator[tuple[Compared, Series]]:
    """Yield the runs that are drawn, each with its curve."""
    for one in chosen(comparison):
        points = one.run.history(comparison.metric, points=POINTS)
        place = comparison.runs.index(one) + 1
        yield one, Series(f"{comparison.labels[one.id]} (#{place})", points.steps, points.values)
