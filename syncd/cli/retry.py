"""`syncd retry`: send again what was refused for good."""

from __future__ import annotations

from pathlib import Path

import click

from syncd.cli.printing import say
from syncd.cli.program import STOP_SIGNALS, dir_option, leave, remote_option, stop_on, store_at
from syncd.daemon import Daemon
from syncd.telemetry.telemetry import Telemetry
from tracker.cli.wording import counted


@click.command()
@dir_option
@remote_option
def retry(directory: Path | None, remote: str | None) -> None:
    """Send again what a remote refused for good, and try failed lanes at once."""
    store, settings = store_at(directory)
    with (
        Telemetry(store, settings) as telemetry,
        Daemon(store, settings, remote, telemetry) as daemon,
    ):
        stop_on(STOP_SIGNALS, daemon.stop)
        for outlet in daemon.outlets:
            outlet.retry_parked()
        results = daemon.once()
        left = sum(len(daemon.ledger.parked(name)) for name in results)
    for name, pause in daemon.paused.items():
        if remote in (None, name):
            say(f"{name}: {pause.said()}")
    errors = [e for result in results.values() for e in result.errors.values()]
    say(
        f"{counted(left, 'entry', 'entries')} still parked"
        + (", see: syncd status" if left else "")
    )
    for error in sorted(set(errors)):
        say(f"error: {error}", err=True)
    leave(daemon, int(bool(left or errors)))
