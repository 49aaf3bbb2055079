"""JSON that commands print; numbers that JSON does not have stand as `tracker.query.plain` says."""

from __future__ import annotations

import json
from typing import Any

import click

from tracker.query import plain


def line(value: Any) -> str:
    """One line of JSON. Whatever is not ASCII is escaped, so no terminal can be steered."""
    return json.dumps(plain(value), allow_nan=False)


def print_document(value: Any) -> None:
    """Print one indented JSON document."""
    click.echo(json.dumps(plain(value), allow_nan=False, indent=2))
