"""The pane of the machine: each measure of the run, drawn over time, beside its figures."""

from __future__ import annotations

from tracker.cli import sparkline, terminal, wording
from tracker.cli.drawing import rooms_for
from tracker.notice import shown
from tracker.query import RunView
from tracker.top.colours import bold, dim, painted
from tracker.top.points import Points

_NS_PER_S = 1_000_000_000


def lines(run: RunView, width: int, points: Points) -> list[str]:
    """Two lines for each measure."""
    measures = run.measures
    if not measures:
        return [dim("no measures of the machine were recorded: run.log_system({...}) records some")]
    found = list[str]()
    rooms = rooms_for(list(measures), width)
    for key, figures in measures.items():
        history = points.of(run, key, measure=True)
        seconds = history.times // _NS_PER_S
        upper, lower = sparkline.drawn(
            sparkline.buckets(seconds, history.values, rooms.drawing * 2)
        )
        number = wording.number
        name = bold(terminal.fitted(shown(key), rooms.name))
        count = dim(terminal.fitted(wording.counted(figures.count, "point"), rooms.name))
        most = f"last {number(figures.last)}".ljust(18) + f"max {number(figures.max)}"
        least = f"mean {number(figures.mean)}".ljust(18) + f"min {number(figures.min)}"
        found.append(f"{name}  {painted(0, upper)}  {most}")
        found.append(f"{count}  {painted(0, lower)}  {least}")
    return found
