"""`Wish`: what the screen wants to show."""

from __future__ import annotations

from dataclasses import dataclass

PANES = ("curves", "system", "console", "sync", "config")
"""What can stand below or beside the list; each has the key of its place, from 1."""

SORTS = ("started", "name", "project", "status", "took", "metric")
"""What the list can be sorted by; of a metric the last value counts."""


@dataclass(frozen=True)
class Wish:
    """All that decides what is read. Sizes are in characters of the terminal.

    Attributes:
        filter: only runs that match, see `tracker.top.listing`; "" for all.
        sort: one of `SORTS`.
        ascending: the other way round than by default, which is the largest or newest first.
        first, count: which rows of the list are on the screen.
        cursor: id of the run that the cursor is on; None for the first one.
        marked: ids of the runs that are marked, in that order.
        metrics: keys that were chosen; none: one is chosen for the run.
        pane: one of `PANES`.
        page: which metrics, where there are more than there is room for.
        width, height: room of the pane.
        log: curves over a logarithmic axis.
        by_time: curves over the time since the run's start, not over steps.
    """

    filter: str = ""
    sort: str = SORTS[0]
    ascending: bool = False
    first: int = 0
    count: int = 24
    cursor: str | None = None
    marked: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    pane: str = PANES[0]
    page: int = 0
    width: int = 80
    height: int = 10
    log: bool = False
    by_time: bool = False
