"""`syncd run`: deliver as it is recorded."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import click

from syncd.cli.printing import say
from syncd.cli.program import STOP_SIGNALS, dir_option, leave, on_signals, remote_option, store_at
from syncd.daemon import Daemon
from syncd.service.notify import Notifier
from syncd.telemetry.telemetry import Telemetry


@click.command()
@dir_option
@remote_option
def run(directory: Path | None, remote: str | None) -> None:
    """Deliver as it is recorded, until SIGTERM or Ctrl-C; SIGHUP has settings read again."""
    store, settings = store_at(directory)
    with (
        Telemetry(store, settings) as telemetry,
        Daemon(store, settings, remote, telemetry) as daemon,
        telemetry.serving(daemon.standing),
    ):
        daemon.notifier = Notifier()
        on_signals({**dict.fromkeys(STOP_SIGNALS, daemon.stop), **_reload_by(daemon)})
        _say_served(daemon)
        daemon.run(changed=lambda: _say_served(daemon))
    say("syncd: stopped; what is pending goes on next time")
    leave(daemon, 0)


def _reload_by(daemon: Daemon) -> dict[signal.Signals, Callable[[], None]]:
    """The signal that asks for the settings to be read again, where there is one."""

    def reload() -> None:
        say("syncd: reads settings and credentials again")
        daemon.reload()

    return {signal.SIGHUP: reload} if hasattr(signal, "SIGHUP") else {}


def _say_served(daemon: Daemon) -> None:
    names = ", ".join(daemon.sinks) or "no remote"
    say(f"syncd: delivers {daemon.store.root} to {names}; stop with Ctrl-C, look: syncd status")
    for name, pause in daemon.paused.items():
        say(f"{name}: {pause.said()}")
    for name, error in daemon.broken.items():
        say(f"{name}: error: not served: {error}", err=True)
