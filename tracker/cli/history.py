"""`tracker history`: a metric over time, of all runs together or of runs by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from tracker.cli import document, table, terminal, wording
from tracker.cli.ls import check_project, say_left_out
from tracker.cli.program import chosen_store, json_option, store_option
from tracker.cli.rows import check_layout, csv_option, print_csv
from tracker.errors import BadInput
from tracker.moments import moment
from tracker.notice import shown
from tracker.query import RunView, Store
from tracker.query import moment as at_ns

if TYPE_CHECKING:
    from tracker.query.aligned import Aligned
    from tracker.query.trend import Trend

ROWS = 20
"""Rows of a table that a person reads."""

_PREFIX = "metrics."
_OF_TRENDS = ("project", "since", "until")
_OF_RUNS = ("by", "step", "policy", "branch", "rank")


@click.command()
@click.argument("metric")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--project", metavar="P", help="All runs together: only those of this project.")
@click.option("--since", metavar="WHEN", help="From then on: a date, or how long ago (30d, 2h).")
@click.option("--until", metavar="WHEN", help="Before then: as --since.")
@click.option("--by", metavar="AXIS", help='"step", "time", "relative time" or a metric.')
@click.option("--step", metavar="FROM:TO", help="Only these steps, both within: 100:200, 100:, :9.")
@click.option("--policy", metavar="P", help="A row's value: last (if not given), first or mean.")
@click.option("--branch", metavar="B", help="newest (if not given), old or all; see rewinds.")
@click.option("--rank", type=int, metavar="N", help="Points of this rank's processes only.")
@click.option(
    "--points", type=click.IntRange(min=4), metavar="N",
    help=f"At most so many rows; {ROWS} in a table, 1000 in JSON and CSV.",
)  # fmt: skip
@csv_option
@json_option
@store_option
def history(
    metric: str, runs: tuple[str, ...], *, as_csv: bool, as_json: bool, points: int | None,
    **options: Any,
) -> None:  # fmt: skip
    """Show METRIC ("loss" or "metrics.loss") over wall time, or of each RUN along its steps.

    Without RUN: a row for each span of time in which points were logged, of a round width: how
    many runs and points, how many of these are NaN, mean, least and largest.

    With RUNs: a row for each step, or for neighbouring ones where there are more than --points;
    of each run the value by --policy, the least, the largest, and how many points. No spike is
    lost: it is in the least or largest of its row.

    Times are local in tables; in CSV and JSON they are UTC.
    """
    check_layout(as_csv=as_csv, as_json=as_json)
    _check(options, runs)
    store = Store(chosen_store())
    rows = points or (1000 if as_csv or as_json else ROWS)
    if runs:
        views = list({view.id: view for view in map(store.run, runs)}.values())
        found = _curves(store, views, metric, rows, options)
        head, body = _of_runs(found, views, brief=not as_csv)
        said = _said_of_runs(found, views, _name(metric, views))
    else:
        trend = _trend(store, metric, rows, options)
        head, body = _of_trend(trend)
        said = _said_of_trend(trend, metric.removeprefix(_PREFIX))
    if as_json:
        document.print_document(said)
    elif as_csv:
        print_csv(head, [[_in_csv(cell) for cell in row] for row in body])
    else:
        _print(head, body)
        if len(runs) > 1:
            click.echo("least, largest and number of points of each row: --csv or --json")
    say_left_out(store)


def _check(options: dict[str, Any], runs: Sequence[str]) -> None:
    """Refuse an option that has no meaning beside the others."""
    for name in _OF_TRENDS if runs else _OF_RUNS:
        if options[name] is not None:
            why = "is for all runs together; leave out RUN" if runs else "needs a RUN"
            raise BadInput(f"--{name} {why}, or leave out --{name}.")


def _name(metric: str, views: Sequence[RunView]) -> str:
    """The metric's name without "metrics.", unless that belongs to it."""
    own = any(view.has(metric) for view in views)
    return metric if own else metric.removeprefix(_PREFIX)


def _curves(
    store: Store, views: list[RunView], metric: str, rows: int, options: dict[str, Any]
) -> Aligned:
    by = options["by"] or "step"
    return store.history(
        views, _name(metric, views), by=by, points=rows, step=_steps(options["step"]),
        policy=options["policy"] or "last", branch=options["branch"] or "newest",
        rank=options["rank"],
    )  # fmt: skip


def _steps(text: str | None) -> tuple[int | None, int | None] | None:
    if text is None:
        return None
    first, colon, last = text.partition(":")
    try:
        ends = int(first) if first else None, int(last) if last else None
    except ValueError:
        colon = ""
    if not colon:
        raise BadInput(f"--step {text!r} cannot be read; give FROM:TO, such as 100:200 or 100:.")
    return ends


def _trend(store: Store, metric: str, rows: int, options: dict[str, Any]) -> Trend:
    project = options["project"]
    if project is not None:
        check_project(store, project)
    now = datetime.now(timezone.utc)
    since, until = (
        None if options[name] is None else moment(options[name], now) for name in _OF_TRENDS[1:]
    )
    store.index.catch_up()
    known = store.index.query("SELECT 1 FROM metrics WHERE key = ? LIMIT 1", (metric,))
    name = metric if known else metric.removeprefix(_PREFIX)
    return store.trend(name, project=project, since=since, until=until, points=rows)


# -- rows of cells: values of Python, for every form of output -------------------------------


def _of_trend(trend: Trend) -> tuple[list[str], list[list[Any]]]:
    head = ["time", "runs", "points", "nans", "mean", "min", "max"]
    columns = (trend.runs, trend.counts, trend.nans, trend.mean, trend.min, trend.max)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return head, [[at_ns(time), *row] for time, row in zip(trend.times.tolist(), rows, strict=True)]


def _of_runs(
    found: Aligned, views: Sequence[RunView], *, brief: bool
) -> tuple[list[str], list[list[Any]]]:
    """Cells of each run; in brief its values alone, where there are several."""
    head, columns = [found.by], [_axis(found)]
    names = [view.name or view.id for view in views]
    for number, (view, name) in enumerate(zip(views, names, strict=True)):
        counts = found.counts[:, number].tolist()
        figures = {"value": found.values, "min": found.low, "max": found.high}
        cells = {
            what: [
                value if count else None
                for value, count in zip(column[:, number].tolist(), counts, strict=True)
            ]
            for what, column in figures.items()
        } | {"points": counts}
        if len(views) == 1:
            head += cells
            columns += cells.values()
            continue
        told = name if names.count(name) == 1 else f"{name} {view.id}"
        head += [told] if brief else [f"{told} {what}" for what in cells]
        columns += [cells["value"]] if brief else cells.values()
    return head, [list(row) for row in zip(*columns, strict=True)]


def _axis(found: Aligned) -> list[Any]:
    listed = found.at.tolist()
    return [at_ns(time) for time in listed] if found.by == "time" else listed


def _said_of_trend(trend: Trend, metric: str) -> dict[str, Any]:
    head, body = _of_trend(trend)
    rows = [dict(zip(head, row, strict=True)) for row in body]
    return {"metric": metric, "width_s": trend.width_s, "rows": rows}


def _said_of_runs(found: Aligned, views: Sequence[RunView], metric: str) -> dict[str, Any]:
    curves = []
    for number, view in enumerate(views):
        there = found.counts[:, number] > 0
        axis = [at for at, is_there in zip(_axis(found), there.tolist(), strict=True) if is_there]
        columns = {"value": found.values, "min": found.low, "max": found.high}
        figures = {name: column[there, number].tolist() for name, column in columns.items()}
        counts = found.counts[there, number].tolist()
        curves.append({"run": view.id, "name": view.name, "at": axis, **figures, "points": counts})
    return {"metric": metric, "by": found.by, "curves": curves}


def _in_csv(cell: Any) -> Any:
    """A number as Python writes it, NaN and infinities too."""
    return str(cell) if isinstance(cell, float) else cell


def _print(head: Sequence[str], body: Sequence[Sequence[Any]]) -> None:
    if not body:
        click.echo("no points in that range")
        return
    columns = [
        table.Column(shown(name).upper(), [_cell(row[place]) for row in body], right=place > 0)
        for place, name in enumerate(head)
    ]
    for line in table.lines(columns, terminal.width()):
        click.echo(line)


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return wording.day_and_time(value)
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else wording.number(value)
