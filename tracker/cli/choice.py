"""Which runs a command is about, and how they are compared: the options that several have."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import click

from tracker.errors import BadInput, RunError
from tracker.notice import shown
from tracker.query import RunView, Store
from tracker.query.compared import FIGURES
from tracker.query.direction import MODES

_COMPARES = re.compile(r"[=<>!]|\s(in|like|ilike|is)\s", re.IGNORECASE)
"""What a query has, and hardly a run's name."""

_OPTIONS = (
    click.argument("runs", nargs=-1, metavar="[RUN]..."),
    click.option("--metric", metavar="M", help="What to compare by."),
    click.option("--mode", type=click.Choice(MODES), help="Which is better, where M does not say."),
    click.option(
        "--figure",
        type=click.Choice(FIGURES),
        default="last",
        show_default=True,
        help="Which value of M counts.",
    ),
    click.option("--project", metavar="P", help="All runs of this project."),
    click.option("--tag", metavar="T", help='All runs with this tag, "name" or "name=value".'),
    click.option(
        "--filter",
        "filter_",
        metavar="QUERY",
        help='All runs that fulfil it, as "metrics.loss < 0.1 and params.lr = 0.01".',
    ),
)


def compared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the runs that it compares, and how."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen(
    store: Store, refs: Sequence[str], project: str | None, tag: str | None, query: str | None
) -> list[RunView]:
    """The runs that are named, in that order; else those that fit, the oldest first.

    A single name that no run has and that compares something is a query.

    Raises:
        BadInput: both is given, no run fits, or the query cannot be read.
        RunError: a named run is not found or ambiguous.
    """
    if refs and not (project is None and tag is None and query is None):
        raise BadInput("give either runs, or --project, --tag and --filter that choose them.")
    if refs:
        try:
            return [store.run(ref) for ref in refs]
        except RunError:
            if len(refs) > 1 or not _COMPARES.search(refs[0]):
                raise
        query = refs[0]
    found = store.runs(project, tag=tag, filter=query)
    if not found:
        raise BadInput(
            f"no run is like that; {'; '.join(found.hints) or '`tracker ls` lists all'}."
        )
    for hint in found.hints:
        click.echo(shown(hint), err=True)
    return found[::-1]
