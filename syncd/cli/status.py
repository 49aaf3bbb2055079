"""`syncd status`: what is pending, parked or failing, per remote and run."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from syncd import status as status_of
from syncd.cli.printing import say, show_remote
from syncd.cli.program import dir_option, json_option, store_at
from syncd.cli.redraw import again_and_again
from syncd.gate import Gate
from syncd.status import Overview
from syncd.telemetry.level import WORDS
from tracker import hours
from tracker.settings import Settings


@click.command()
@dir_option
@json_option
@click.option("--watch", "-w", is_flag=True, help="Show it again each second, until Ctrl-C.")
def status(directory: Path | None, as_json: bool, watch: bool) -> None:
    """Show whether syncd runs, and what is pending, parked or noted, per remote and run.

    Of runs with something left to do, the last error and the next try too.
    """

    def show() -> None:
        store, settings = store_at(directory)
        seen = status_of.overview(store, settings)
        if as_json:
            click.echo(json.dumps(seen.as_dict()))
        else:
            _print(settings, seen)

    if watch:
        again_and_again(show)
    else:
        show()


def _print(settings: Settings, seen: Overview) -> None:
    if seen.degradation_level:
        say(f"degradation level {seen.degradation_level}: {WORDS[seen.degradation_level]}")
    if not settings.remotes:
        say("no remote; add one: tracker remote add NAME mlflow URL")
    for remote, filters in sorted(settings.remotes.items()):
        also = [seen.paused[remote].said()] if remote in seen.paused else []
        also += [f"error: {seen.stopped[remote]}"] if remote in seen.stopped else []
        closed = Gate(settings, hours.of(filters.hours)).closed(time.time())
        also += [closed] if closed else []
        lanes = [lane for lane in seen.lanes if lane.remote == remote]
        show_remote(remote, lanes, seen.broken.get(remote), also)
    for place, error in seen.sources.items():
        say(f"source {place}: error: {error}")
    if seen.daemon:
        say(f"syncd: runs with {seen.daemon}")
    else:
        say("syncd: does not run; deliver: syncd once, from now on: syncd run, or: syncd install")
