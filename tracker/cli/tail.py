"""`tracker tail`: what a run logs, writes to its console and keeps as media, as it does."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import click

from tracker.cli import document, terminal, wording
from tracker.cli.following import Call, Following
from tracker.cli.layout import call_fields
from tracker.cli.program import chosen_store, json_option, store_option
from tracker.events import Console, Media
from tracker.notice import shown
from tracker.query import Row, RunView, Store, moment

POLL_INTERVAL_S = 0.2


@click.command()
@click.argument("run")
@click.option(
    "--lines",
    "-n",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="Begin with the last N calls.",
)
@click.option("--no-follow", is_flag=True, help="Print what is there and end.")
@json_option
@store_option
def tail(run: str, lines: int, no_follow: bool, as_json: bool) -> None:
    """Follow what RUN logs until it ends, then say how it ended. Ctrl-C stops looking.

    RUN is an id, the beginning of one, or a name. On a terminal a line that is too long says how
    many values are left out. With --json a document a line: {"type": "log", "step", "time",
    "writer", "metrics": {key: number}, "texts": {key: text}}, {"type": "console", "time",
    "writer", "stream", "text"} or {"type": "media", "step", "time", "writer", "key", "form",
    "files": [{"name", "size", "digest"}]}, and at the end {"type": "end", "status", "exit_code",
    "error", "ended_at", "unknown"}; status "running" says that --no-follow stopped before the run
    did, "unknown" counts events of kinds that only a later version knows.
    """
    store = Store(chosen_store())
    view = store.run(run)
    following = Following(store.folder.run(view.id))
    if not as_json:
        click.echo(f"{shown(view.name)} ({view.id}) of project {shown(view.project)}")
    _print(following.last(lines), as_json=as_json)
    if not no_follow:
        while not _ended(view, following):
            time.sleep(POLL_INTERVAL_S)
            _print(following.more(), as_json=as_json)
        _print(following.more(), as_json=as_json)
    view.refresh()
    if view.unknown and not as_json:
        click.echo(wording.unknown_events(view.unknown))
    click.echo(document.line(_end(view)) if as_json else _end_text(view))


def _ended(view: RunView, following: Following) -> bool:
    """Ask the index, which looks at every run, only where something speaks for an end."""
    if not following.finish_seen and following.alive():
        return False
    return view.refresh().status != "running"


def _print(calls: Iterable[Call], *, as_json: bool) -> None:
    for call in calls:
        click.echo(document.line(fields(call)) if as_json else line(call, terminal.width()))


def fields(call: Call) -> dict[str, Any]:
    """A call as `--json` prints it."""
    event = call.event
    known = {"time": moment(event.time), "writer": call.writer_id}
    if isinstance(event, Console):
        return {"type": "console", **known, "stream": event.stream, "text": event.text}
    if isinstance(event, Media):
        files = [{"name": f.name, "size": f.size, "digest": f.digest} for f in event.files]
        about = {"step": event.step, **known, "key": event.key, "form": event.form}
        return {"type": "media", **about, "files": files}
    row = Row(event.step, event.time, event.values, call.writer_id)
    return {"type": "log", **call_fields(row)}


def line(call: Call, width: int) -> str:
    """A call in one line of at most `width` columns, as long as one value fits."""
    event = call.event
    text = wording.clock_time(moment(event.time))
    if isinstance(event, Console):
        return terminal.cut(f"{text}  {event.stream:>7}  {shown(event.text.rstrip())}", width)
    text += f"  {event.step:>7}"
    if isinstance(event, Media):
        kept = f"{wording.counted(len(event.files), 'file')}, {shown(event.form)}"
        return terminal.cut(f"{text}  {shown(event.key)}: {kept}", width)
    left = len(event.values)
    for key, value in event.values.items():
        part = f"  {shown(key)}={_value(value)}"
        room = width - (len("  … 9999 more") if left > 1 else 0)
        if terminal.columns(text) + terminal.columns(part) > room:
            if left == len(event.values):  # not even the first: better cut than nothing
                text, left = terminal.cut(text + part, room), left - 1
            return f"{text}  … {left} more" if left else text
        text += part
        left -= 1
    return text


def _value(value: Any) -> str:
    if isinstance(value, str):
        return f'"{shown(value)}"'
    return wording.number(value, 6) if isinstance(value, float) else str(value)


def _end(view: RunView) -> dict[str, Any]:
    return {
        "type": "end",
        "status": view.status,
        "exit_code": view.exit_code,
        "error": view.error,
        "ended_at": view.ended_at,
        "unknown": view.unknown,
    }


def _end_text(view: RunView) -> str:
    if view.status == "running":
        return f"still running; follow it: tracker tail {view.id}"
    took = wording.duration(view.duration.total_seconds())
    text = f"{terminal.status(view.status)} after {took}"
    if view.exit_code:
        text += f", exit code {view.exit_code}"
    if view.status == "crashed":
        text += ": its process is gone and left no word"
    return f"{text}: {shown(view.error)}" if view.error else text
