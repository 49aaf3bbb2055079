"""`tracker query`: what a query asks for, of runs or of groups of them."""

from __future__ import annotations

import time

import click

from tracker.cli import document, rows
from tracker.cli.ls import say_left_out
from tracker.cli.program import chosen_store, json_option, page_options, store_option
from tracker.errors import BadInput
from tracker.notice import shown
from tracker.query import Groups, Runs, Store
from tracker.query.asking import asked


@click.command()
@click.argument("query")
@page_options
@rows.csv_option
@json_option
@store_option
def query(query: str, *, limit: int, token: str | None, as_csv: bool, as_json: bool) -> None:
    """Show the runs that QUERY means, with the fields that it names.

    \b
      metrics."val/acc" > 0.9 and params.lr < 1e-3 order by metrics.loss
      status = 'finished' and start_time > 7d group by config.lr
        aggregate mean(metrics.loss), std, count

    It is MLflow's filter language: metrics.K (also .min, .max, .mean, .first, .step), params.K,
    config.K (typed), summary.K, tags.K, git.K, host.K and attributes such as name, status and
    start_time; =, !=, <, <=, >, >=, in, like, ilike, is null; and, or, not, brackets; order by;
    group by ... aggregate ... . Groups are all shown.

    With --json: {"store": folder, "columns": [...], "rows": [{column: value}], "token": of the next
    page or null, "hints": [...]}; --csv has the same columns.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not wrapped
    rows.check_layout(as_csv=as_csv, as_json=as_json)
    store = Store(chosen_store())
    found = _found(store, query, limit, token)
    following = found.token if isinstance(found, Runs) else None
    columns = found.table()
    lines = list(zip(*columns.values(), strict=True))
    if as_json:
        listed = [dict(zip(columns, line, strict=True)) for line in lines]
        head = {"store": str(store.folder.root), "columns": list(columns), "rows": listed}
        document.print_document({**head, "token": following, "hints": found.hints})
        return
    for hint in found.hints:
        click.echo(shown(hint), err=True)
    if as_csv:
        rows.print_csv(list(columns), lines)
    elif not found:
        click.echo("no run is like that; all runs: tracker ls")
    else:
        rows.print_table(list(columns), lines)
    if following is not None:
        click.echo(f"more runs: --limit 0, or the next {limit}: --token {following}", err=True)
    say_left_out(store)


def _found(store: Store, query: str, limit: int, token: str | None) -> Runs | Groups:
    if not asked(query, None, time.time_ns()).groups:
        return store.runs(filter=query, limit=limit or None, token=token)
    if token is not None:
        raise BadInput("groups are all shown at once; --token is for runs.")
    return store.groups(query)
