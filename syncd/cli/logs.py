"""`syncd logs`: what syncd wrote into its log."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import click

from syncd.cli.printing import say
from syncd.cli.program import dir_option, store_at
from syncd.logfile import LEVELS, Line, LogFile
from tracker.cli.wording import day_and_time

_LOOK_S = 0.3


@click.command()
@dir_option
@click.option("--lines", "-n", type=click.IntRange(min=0), default=50, help="How many (50).")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option(
    "--level", type=click.Choice(LEVELS), default=LEVELS[0], help="Only from this one on."
)
@click.option("--json", "as_json", is_flag=True, help="Print the lines as they are, JSON each.")
def logs(directory: Path | None, lines: int, follow: bool, level: str, as_json: bool) -> None:
    """Show the last lines of what syncd did: those of every process that delivered from here."""
    store, _ = store_at(directory)
    with LogFile(store) as file:
        last = deque((line for line in _all(file) if line.at_least(level)), maxlen=lines)
        if not last and not follow:
            say(f"nothing to show in {file.path}; it is written by: syncd run", err=True)
        _print(last, as_json=as_json)
        try:
            while follow:
                sys.stdout.flush()
                time.sleep(_LOOK_S)
                _print((line for line in file.more() if line.at_least(level)), as_json=as_json)
        except KeyboardInterrupt:
            return


def _all(file: LogFile) -> Iterator[Line]:
    yield from file.before()
    yield from file.more()


def _print(lines: Iterable[Line], *, as_json: bool) -> None:
    for line in lines:
        if as_json:
            click.echo(json.dumps(line.fields or {"level": None, "event": line.text}))
        else:
            say(_said(line))


def _said(line: Line) -> str:
    """A line for a person: local time, level, event, and what else it says."""
    if "event" not in line.fields:
        return line.text
    rest = dict(line.fields)
    at, level, event = rest.pop("timestamp", ""), rest.pop("level", ""), rest.pop("event")
    told = [f"{name}={_shown(value)}" for name, value in rest.items() if value is not None]
    return " ".join((_local(str(at)), f"{level!s:<5}", str(event), *told))


def _local(at: str) -> str:
    try:
        return day_and_time(datetime.fromisoformat(at.replace("Z", "+00:00")))
    except ValueError:
        return at


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return json.dumps(text, ensure_ascii=False) if not text or " " in text else text
