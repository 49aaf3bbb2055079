"""`tracker best`: which run is best by a metric."""

from __future__ import annotations

from typing import Any

import click

from tracker.cli import document, terminal, wording
from tracker.cli.choice import chosen, compared_options
from tracker.cli.program import chosen_store, json_option, store_option
from tracker.notice import shown
from tracker.query import Store
from tracker.query.best import Best


@click.command()
@compared_options
@json_option
@store_option
def best(
    runs: tuple[str, ...], *, metric: str | None, mode: str | None, figure: str,
    project: str | None, tag: str | None, filter_: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Tell which run has the best value of a metric.

    RUN is an id, the beginning of one, or a name, or a single query as --filter takes it;
    without any, --project, --tag and --filter choose, and without these it is looked for among
    all runs. Runs that are running, failed, crashed or
    damaged take part and are named as that; NaN and infinities never are the best. Whether the
    best is better by more than noise: tracker compare.

    With --json: {"best_run": id, "name", "value", "step", "metric", "figure", "mode",
    "mode_source", "of": runs looked at, "ranked": those with a finite value, "second": id or
    null, "second_value", "incomplete": [words]}.
    """
    store = Store(chosen_store())
    found = store.best(chosen(store, runs, project, tag, filter_), metric, mode=mode, figure=figure)
    if as_json:
        document.print_document(_document(found))
        return
    run = found.run
    way = f"{found.direction.better} is better, {found.direction.source}"
    name = terminal.styled(shown(run.name) or "?", bold=True)
    click.echo(f"{name}  {terminal.status(run.status)}  {shown(run.project)}  {run.id}")
    value = f"{shown(found.metric)} {wording.number(found.value, 6)}"
    click.echo(f"  {value} ({found.figure} value, {way}; last step {found.step})")
    if found.second is not None:
        name = shown(found.second.name) or "?"
        click.echo(
            f"  second: {name} with {wording.number(found.second_value, 6)}, {found.second.id}"
        )
    click.echo(f"  best of {found.ranked:,} with a finite value, {found.of:,} looked at")
    for trouble in found.incomplete:
        click.echo(f"  it {shown(trouble)}")


def _document(found: Best) -> dict[str, Any]:
    return {
        "best_run": found.run.id,
        "name": found.run.name,
        "value": found.value,
        "step": found.step,
        "metric": found.metric,
        "figure": found.figure,
        "mode": found.direction.mode,
        "mode_source": found.direction.source,
        "of": found.of,
        "ranked": found.ranked,
        "second": None if found.second is None else found.second.id,
        "second_value": found.second_value,
        "incomplete": found.incomplete,
    }
