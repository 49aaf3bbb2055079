"""Rows under headings, as a table for a person, as CSV or as JSON."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from tracker.cli import table, terminal, wording
from tracker.errors import BadInput
from tracker.notice import shown
from tracker.query import plain

_LEAST = 8
_WIDEST_HEADING = 40


def csv_option(command: Any) -> Any:
    """Give a command the option --csv, beside --json."""
    return click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")(command)


def check_layout(*, as_csv: bool, as_json: bool) -> None:
    """Refuse both.

    Raises:
        BadInput: both were given.
    """
    if as_csv and as_json:
        raise BadInput("--csv and --json are two layouts; give one of them.")


def print_csv(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print CSV, times in ISO 8601; on a terminal nothing in it can steer that."""
    writer = csv.writer(_Target(), lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_in_csv(value) for value in row] for row in rows)


def print_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table that fits the terminal; numbers stand to the right."""
    columns = [
        table.Column(
            terminal.cut(shown(name), _WIDEST_HEADING),
            [_cell(row[place]) for row in rows],
            least=_LEAST,
            right=any(isinstance(row[place], (int, float)) for row in rows),
            is_status=name == "status",
        )
        for place, name in enumerate(names)
    ]
    for line in table.lines(columns, terminal.width()):
        click.echo(line)


class _Target:
    def write(self, text: str, /) -> None:
        """Print a line."""
        if sys.stdout.isatty():
            click.echo(shown(text.removesuffix("\n")))
        else:
            sys.stdout.write(text)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return wording.short_time(value)
    return f"{len(value):,} bytes" if isinstance(value, bytes) else wording.value_text(value)


def _in_csv(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else plain(value)
