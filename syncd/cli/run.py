"""`syncd run`: deliver as it is recorded."""

from __future__ import annotations

from pathlib import Path

import click

from syncd.cli.printing import say
from syncd.cli.program import STOP_SIGNALS, dir_option, leave, remote_option, stop_on, store_at
from syncd.daemon import Daemon
from syncd.telemetry.telemetry import Telemetry


@click.command()
@dir_option
@remote_option
def run(directory: Path | None, remote: str | None) -> None:
    """Deliver as it is recorded, until SIGTERM or Ctrl-C."""
    store, settings = store_at(directory)
    with (
        Telemetry(store, settings) as telemetry,
        Daemon(store, settings, remote, telemetry) as daemon,
        telemetry.serving(daemon.standing),
    ):
        stop_on(STOP_SIGNALS, daemon.stop)
        _say_served(daemon)
        daemon.run(changed=lambda: _say_served(daemon))
    say("syncd: stopped; what is pending goes on next time")
    leave(daemon, 0)


def _say_served(daemon: Daemon) -> None:
    names = ", ".join(daemon.sinks) or "no remote"
    say(f"syncd: delivers {daemon.store.root} to {names}; stop with Ctrl-C, look: syncd status")
    for name, error in daemon.broken.items():
        say(f"{name}: error: not served: {error}", err=True)
