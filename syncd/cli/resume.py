"""`syncd resume`: end a pause."""

from __future__ import annotations

from pathlib import Path

import click

from syncd import pauses
from syncd.cli.pause import named
from syncd.cli.printing import say
from syncd.cli.program import dir_option, remote_option, store_at
from tracker.errors import BadInput


@click.command()
@dir_option
@remote_option
def resume(directory: Path | None, remote: str | None) -> None:
    """End the pause of a remote, or all pauses."""
    store, settings = store_at(directory)
    pauses.resume(store, named(settings, remote))
    left = pauses.of(store, settings.remotes)
    if remote is not None and remote in left:
        raise BadInput(f"all remotes are paused, and {remote} with them; end that: syncd resume")
    say(f"{remote or 'all remotes'}: goes on; deliver now: syncd once, or: syncd run")
