"""Which runs a command is about, and how they are compared: the options that several have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from tracker.errors import BadInput
from tracker.query import RunView, Store
from tracker.query.compared import FIGURES
from tracker.query.direction import MODES

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
)


def compared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the runs that it compares, and how."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen(
    store: Store, refs: Sequence[str], project: str | None, tag: str | None
) -> list[RunView]:
    """The runs that are named, in that order; else those that fit, the oldest first.

    Raises:
        BadInput: both is given, or no run fits.
        RunError: a named run is not found or ambiguous.
    """
    if refs and (project is not None or tag is not None):
        raise BadInput("give either runs, or --project and --tag that choose them.")
    if refs:
        return [store.run(ref) for ref in refs]
    found = store.runs(project, tag=tag)
    if not found:
        raise BadInput("no run is like that; `tracker ls` lists all.")
    return found[::-1]
