"""`tracker sql`: the index, read with SQL."""

from __future__ import annotations

import click

from tracker.cli import document, rows
from tracker.cli.ls import say_left_out
from tracker.cli.program import chosen_store, json_option, store_option
from tracker.errors import BadInput
from tracker.query import Store


@click.command()
@click.argument("statement", required=False)
@click.option("--views", is_flag=True, help="Show the views and their columns instead.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Stop it after so long.",
)
@rows.csv_option
@json_option
@store_option
def sql(statement: str | None, *, views: bool, seconds: float, as_csv: bool, as_json: bool) -> None:
    """Read the index with STATEMENT, one SELECT in SQLite's SQL.

    \b
      tracker sql "select name, status from runs order by started_at desc limit 5"

    What the views hold is told in tracker/index/__init__.py. Times in them are nanoseconds since
    1970 (UTC); NULL in a metric's figure is NaN. Nothing can be changed; Ctrl-C ends a long one.

    With --json: {"columns": [...], "rows": [[...]]}; bytes are hex digits there and with --csv.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not wrapped
    rows.check_layout(as_csv=as_csv, as_json=as_json)
    if (statement is None) != views:
        raise BadInput("give one SELECT, or --views to see what there is to select from.")
    store = Store(chosen_store())
    names, found = store.views() if statement is None else store.select(statement, seconds)
    if as_json:
        said = [[v.hex() if isinstance(v, bytes) else v for v in row] for row in found]
        document.print_document({"columns": names, "rows": said})
    elif as_csv:
        rows.print_csv(names, found)
    else:
        rows.print_table(names, found)
    say_left_out(store)
