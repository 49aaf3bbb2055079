"""`syncd status`: what is pending, parked or failing, per remote and run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from syncd import status as status_of
from syncd.cli.printing import say, show_remote
from syncd.cli.program import dir_option, json_option, store_at
from syncd.telemetry.level import WORDS


@click.command()
@dir_option
@json_option
def status(directory: Path | None, as_json: bool) -> None:
    """Show, per remote and run, what is pending, parked or noted, the last error, the next try."""
    store, settings = store_at(directory)
    with status_of.ledger(store) as ledger:
        found = status_of.lanes(store, settings, ledger)
    broken = status_of.unusable(settings)
    level = status_of.level(store, settings, found, broken)
    if as_json:
        for lane in found:
            lane.error = broken.get(lane.remote, lane.error)
        lanes = [lane.as_dict() for lane in found]
        click.echo(json.dumps({"degradation_level": level, "lanes": lanes}))
        return
    if level:
        say(f"degradation level {level}: {WORDS[level]}")
    if not settings.remotes:
        say("no remote; add one: tracker remote add NAME mlflow URL")
    for remote in sorted(settings.remotes):
        show_remote(remote, [lane for lane in found if lane.remote == remote], broken.get(remote))
