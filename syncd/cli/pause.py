"""`syncd pause`: nothing is sent for a while."""

from __future__ import annotations

from pathlib import Path

import click

from syncd import pauses
from syncd.cli.printing import say
from syncd.cli.program import dir_option, remote_option, store_at
from tracker.moments import length
from tracker.errors import BadInput
from tracker.settings import RemoteSettings, Settings, check_known

_LONGEST_S = 3650 * 86_400.0


@click.command()
@dir_option
@remote_option
@click.option(
    "--for", "time", metavar="TIME", help="So long, such as 30m, 2h or 7d; else for good."
)
def pause(directory: Path | None, remote: str | None, time: str | None) -> None:
    """Send nothing to a remote, or to any, for a while.

    A running syncd ends the batch in hand and holds to it within seconds; one that is started
    later does too. What is recorded meanwhile waits.
    """
    store, settings = store_at(directory)
    made = pauses.pause(store, named(settings, remote), _seconds(time))
    say(f"{remote or 'all remotes'}: {made.said()}" + (f" --remote {remote}" if remote else ""))


def named(settings: Settings, remote: str | None) -> RemoteSettings | None:
    """The remote of this name; None for all."""
    if remote is None:
        return None
    check_known(remote, settings.remotes)
    return settings.remotes[remote]


def _seconds(time: str | None) -> float | None:
    if time is None:
        return None
    found = length(time)
    if not found or not 0 < found.total_seconds() <= _LONGEST_S:
        raise BadInput(f"--for {time!r} is no length of time; give 30m, 2h, 7d or 2w.")
    return found.total_seconds()
