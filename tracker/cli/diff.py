"""`tracker diff`: everything that differs between two runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from tracker.cli import document, standing, table, terminal, wording
from tracker.cli.program import chosen_store, json_option, store_option
from tracker.notice import shown
from tracker.query import Store
from tracker.query.diff import Diff, Pair

_MOST = 40
"""Rows of one kind that are shown."""


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--all", "everything", is_flag=True, help=f"All of a kind, not only {_MOST}.")
@json_option
@store_option
def diff(a: str, b: str, everything: bool, as_json: bool) -> None:
    """Show everything that differs between the runs A and B.

    Config, code, environment, packages, data and outputs (their digests, file by file where the
    store has both versions), host, tags, summary and the last values of metrics with their
    difference. A and B are ids, beginnings of ids, or names.

    With --json: {"a": {"id", "name"}, "b", "differences": [{"kind", "key", "a", "b"}],
    "same": how many things do not differ}; null where a run has nothing recorded.
    """
    store = Store(chosen_store())
    found = store.diff(a, b)
    if as_json:
        document.print_document(found.to_dict())
        return
    for line in _lines(found, None if everything else _MOST):
        click.echo(line)


def _lines(found: Diff, most: int | None) -> Iterator[str]:
    for word, run in (("A", found.a), ("B", found.b)):
        name = terminal.styled(shown(run.name) or "?", bold=True)
        yield f"{word}  {name}  {terminal.status(run.status)}  {run.id}"
    for kind in dict.fromkeys(pair.kind for pair in found.pairs):
        pairs = [pair for pair in found.pairs if pair.kind == kind]
        yield ""
        yield terminal.styled(kind, bold=True)
        yield from table.lines(_columns(kind, pairs[:most]), terminal.width())
        if most is not None and len(pairs) > most:
            yield f"and {len(pairs) - most:,} more; all of them: --all"
    yield ""
    same = wording.counted(found.same, "thing is", "things are")
    yield f"{same} the same" if found.pairs else f"nothing differs; {same} the same"


def _columns(kind: str, pairs: list[Pair]) -> list[table.Column]:
    figures = kind == "metrics"
    columns = [
        table.Column("", [shown(pair.key) for pair in pairs], least=12),
        table.Column("A", [_cell(kind, pair.a) for pair in pairs], least=10, right=figures),
        table.Column("B", [_cell(kind, pair.b) for pair in pairs], least=10, right=figures),
    ]
    if figures:
        deltas = [
            "" if pair.a is None or pair.b is None else standing.signed(pair.b - pair.a)
            for pair in pairs
        ]
        columns.append(table.Column("B - A", deltas, right=True, optional=True))
    return columns


def _cell(kind: str, value: Any) -> str:
    if value is None:
        return "-"
    if kind == "metrics":
        return wording.number(value, 6)
    if kind == "tags":
        return shown(value) or "set"
    return shown(standing.fact_text(kind, value))
