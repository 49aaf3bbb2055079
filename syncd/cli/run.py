"""`syncd run`: deliver as it is recorded."""

from __future__ import annotations

from pathlib import Path

import click

from syncd.cli.printing import say
from syncd.cli.program import OWNED, STOP_SIGNALS, dirs_option, leave, remote_option, stop_on
from syncd.owner import Owned
from syncd.stores import Served, Stores


@click.command()
@dirs_option
@remote_option
@click.option("--wait", is_flag=True, help="Wait for a store that is away or served by another.")
def run(directories: tuple[Path, ...], remote: str | None, wait: bool) -> None:
    """Deliver as it is recorded, until SIGTERM or Ctrl-C.

    With several --dir, each store is delivered by itself, and --wait is meant.
    """
    places = directories or (None,)
    serving: Served | Stores
    if wait or len(places) > 1:
        serving = Stores(places, remote, _say)
    else:
        serving = Served(places[0], remote, patient=False, say=_say)
    stop_on(STOP_SIGNALS, serving.stop)
    try:
        serving.run()
    except Owned as error:
        if not serving.stuck:
            raise
        say(f"syncd: error: {error}", err=True)
        leave(serving, OWNED)
    say("syncd: stopped; what is pending goes on next time")
    leave(serving, 0)


def _say(text: str, trouble: bool) -> None:
    say(text, err=trouble)
