"""`syncd once`: deliver everything that is there, then end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import msgspec

from syncd.cli.printing import say, say_delivered
from syncd.cli.program import (
    STOP_SIGNALS,
    dir_option,
    entries_of,
    json_option,
    leave,
    remote_option,
    stop_on,
    store_at,
)
from syncd.daemon import Daemon
from syncd.telemetry.telemetry import Telemetry
from tracker.cli.wording import counted


@click.command()
@dir_option
@remote_option
@click.option("--run", "runs", multiple=True, metavar="ID", help="Only this run; may be repeated.")
@json_option
def once(directory: Path | None, remote: str | None, runs: tuple[str, ...], as_json: bool) -> None:
    """Deliver everything that goes to each remote, then end.

    What goes is up to the filters and hours of a remote; a run named by --run goes whatever they
    say.
    """
    store, settings = store_at(directory)
    entries_of(store, runs)
    with (
        Telemetry(store, settings) as telemetry,
        Daemon(store, settings, remote, telemetry) as daemon,
    ):
        stop_on(STOP_SIGNALS, daemon.stop)
        results = daemon.once(set(runs) or None)
        report = {
            name: _delivered(daemon, name)
            | {"errors": sorted(set(result.errors.values())), "closed": result.closed}
            for name, result in results.items()
        }
        paused = {n: p for n, p in daemon.paused.items() if remote in (None, n)}
        pending = sum(left.events for left in daemon.backlog().values())
    if as_json:
        stand = {name: msgspec.to_builtins(pause) for name, pause in paused.items()}
        sources = daemon.sources.trouble
        said = {"remotes": report, "pending": pending, "paused": stand, "sources": sources}
        click.echo(json.dumps(said))
    else:
        for name, done in report.items():
            say_delivered(name, done)
        for name, pause in paused.items():
            say(f"{name}: {pause.said()}")
        for place, error in daemon.sources.trouble.items():
            say(f"source {place}: error: {error}", err=True)
        say(f"pending: {counted(pending, 'event')}" + (", see: syncd status" if pending else ""))
    failed = any(done["errors"] or done["parked"] for done in report.values())
    leave(daemon, int(failed or bool(daemon.sources.trouble)))


def _delivered(daemon: Daemon, name: str) -> dict[str, Any]:
    counts = dict(daemon.ledger.delivered.get(name, {}))
    traffic = daemon.sinks[name].traffic if name in daemon.sinks else None
    return {
        "events": counts.pop("events", 0), "files": counts.pop("files", 0), "counts": counts,
        "requests": traffic.requests_total if traffic else 0,
        "data_requests": traffic.data_requests if traffic else 0,
        "parked": len(daemon.ledger.parked(name)),
        "elsewhere": sum(daemon.ledger.elsewhere(name).values()),
    }  # fmt: skip
