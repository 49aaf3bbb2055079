"""`syncd run`: deliver as it is recorded."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import click

from syncd.cli.printing import say
from syncd.cli.program import OWNED, STOP_SIGNALS, dirs_option, leave, on_signals, remote_option
from syncd.owner import Owned
from syncd.service.notify import Notifier
from syncd.stores import Served, Stores


@click.command()
@dirs_option
@remote_option
@click.option("--wait", is_flag=True, help="Wait for a store that is away or served by another.")
def run(directories: tuple[Path, ...], remote: str | None, wait: bool) -> None:
    """Deliver as it is recorded, until SIGTERM or Ctrl-C; SIGHUP has settings read again.

    With several --dir, each store is delivered by itself, and --wait is meant.
    """
    places = directories or (None,)
    serving: Served | Stores
    if wait or len(places) > 1:
        serving = Stores(places, remote, _say)
    else:
        serving = Served(places[0], remote, patient=False, say=_say, notifier=Notifier())
    on_signals({**dict.fromkeys(STOP_SIGNALS, serving.stop), **_reload_by(serving)})
    try:
        serving.run()
    except Owned as error:
        if not serving.stuck:
            raise
        say(f"syncd: error: {error}", err=True)
        leave(serving, OWNED)
    say("syncd: stopped; what is pending goes on next time")
    leave(serving, 0)


def _reload_by(serving: Served | Stores) -> dict[signal.Signals, Callable[[], None]]:
    """The signal that asks for the settings to be read again, where there is one."""

    def reload() -> None:
        say("syncd: reads settings and credentials again")
        serving.reload()

    return {signal.SIGHUP: reload} if hasattr(signal, "SIGHUP") else {}


def _say(text: str, trouble: bool) -> None:
    say(text, err=trouble)
