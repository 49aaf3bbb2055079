"""`tracker ls`: the runs of a store."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import click

from tracker.cli import document, table, terminal, wording
from tracker.cli.program import chosen_store, json_option, page_options, store_option
from tracker.errors import BadInput
from tracker.journal import FORMAT
from tracker.notice import shown
from tracker.query import RunView, Store

STATUSES = ("running", "finished", "failed", "killed", "crashed")
_SHORT_ID = 8
WIDE = 100
"""Columns from which on there is room for metrics."""

_METRICS = 6
"""Most metrics that are shown, however wide the terminal is."""


@click.command()
@click.option("--project", metavar="P", help="Only runs of this project.")
@click.option("--status", type=click.Choice(STATUSES), help="Only runs of this status.")
@click.option("--tag", metavar="T", help='Only runs with this tag, "name" or "name=value".')
@click.option(
    "--filter",
    "filter_",
    metavar="QUERY",
    help='Only runs that fulfil it, as "metrics.loss < 0.1 and params.lr = 0.01"; "order by" too.',
)
@page_options
@json_option
@store_option
def ls(
    project: str | None, *, status: str | None, tag: str | None, filter_: str | None, limit: int,
    token: str | None, as_json: bool,
) -> None:  # fmt: skip
    """List runs, newest first.

    A run's id is cut to what tells it from all others; `show` and the other commands take it,
    a longer beginning, or the name. Metrics that most of the listed runs have follow with
    their last values, as many as fit. The language of --filter is that of `tracker query`. With
    --json: {"store": folder, "more": whether --limit left some out, "token": of the next page or
    null, "hints": [...], "runs": [...]}, each run as in `tracker show --json`.
    """
    store = Store(chosen_store())
    runs = store.runs(
        project, status=status, tag=tag, filter=filter_, limit=limit or None, token=token
    )
    if project is not None and not runs:
        check_project(store, project)
    if as_json:
        listed = [run.to_dict() for run in runs]
        head = {"store": str(store.folder.root), "more": runs.token is not None}
        document.print_document({**head, "token": runs.token, "hints": runs.hints, "runs": listed})
        return
    for hint in runs.hints:
        click.echo(shown(hint), err=True)
    if not runs:
        filtered = any(value is not None for value in (project, status, tag, filter_))
        click.echo(_nothing(store, filtered=filtered))
        say_left_out(store)
        return
    if terminal.width() >= WIDE:
        runs.preload("metrics")
    for line in table.lines(_columns(store, runs), terminal.width()):
        click.echo(line)
    if runs.token is not None:
        click.echo(f"{limit} runs; all of them: --limit 0; the next ones: --token {runs.token}")
    say_left_out(store)


def _columns(store: Store, runs: Sequence[RunView]) -> list[table.Column]:
    length = _telling_length(store)
    column = table.Column
    return [
        column("NAME", [shown(run.name) or "?" for run in runs], least=12),
        column("ID", [run.id[:length] for run in runs], least=length),
        column("PROJECT", [shown(run.project) or "?" for run in runs], least=7),
        column("STATUS", [run.status for run in runs], least=8, is_status=True),
        column("STARTED", [wording.short_time(run.started_at) for run in runs], least=11),
        column(
            "TOOK",
            [wording.duration(run.duration.total_seconds()) for run in runs],
            least=6,
            right=True,
        ),
        *_metric_columns(runs),
    ]


def _metric_columns(runs: Sequence[RunView]) -> list[table.Column]:
    if terminal.width() < WIDE:
        return []
    common = Counter(key for run in runs for key in run.metrics)
    most = sorted(common, key=lambda key: (-common[key], key))[:_METRICS]
    return [
        table.Column(
            terminal.cut(shown(key), 16),
            [_last(run, key) for run in runs],
            right=True,
            optional=True,
        )
        for key in most
    ]


def _last(run: RunView, key: str) -> str:
    return wording.number(run.metrics[key].last) if key in run.metrics else ""


def _telling_length(store: Store) -> int:
    """Shortest beginning that tells every id of the store from every other; at least 8."""
    ids = [row[0] for row in store.index.query("SELECT id FROM runs ORDER BY id")]
    length = _SHORT_ID
    for before, after in pairwise(ids):
        while before[:length] == after[:length] and length < len(after):
            length += 1
    return length


def check_project(store: Store, project: str) -> None:
    """Refuse a project that is not there.

    Raises:
        BadInput: names the nearest.
    """
    names = [known.name for known in store.projects()]
    if names and project not in names:
        near = difflib.get_close_matches(project, names, 3, 0.5) or names[:5]
        known = ", ".join(map(repr, near))
        raise BadInput(f"there is no project {project!r} in {store.folder.root}; nearest: {known}")


def _nothing(store: Store, *, filtered: bool) -> str:
    if filtered:
        return "no run is like that; all runs: tracker ls"
    return f"no runs yet in {shown(str(store.folder.root))}; tracker.init() begins one"


def say_left_out(store: Store) -> None:
    """Say on standard error what of the store could not be read."""
    if store.index.behind:
        click.echo("another process is at the index; this may not be all yet", err=True)
    for folder, reason in store.index.unreadable.items():
        click.echo(f"run folder {shown(folder)} cannot be read: {shown(reason)}", err=True)
    for file, kind in store.index.query(
        "SELECT min(file), kind FROM gaps WHERE kind LIKE 'newer format%' GROUP BY kind"
    ):
        click.echo(
            f"{file} has the {kind}, this version reads up to {FORMAT}; runs with such files are "
            "not shown whole: pip install --upgrade tracker-syncd",
            err=True,
        )
