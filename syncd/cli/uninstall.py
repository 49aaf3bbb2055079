"""`syncd uninstall`: what install did is taken back."""

from __future__ import annotations

from pathlib import Path

import click

from syncd.cli.printing import say
from syncd.cli.program import dir_option, store_at
from syncd.service import kinds


@click.command()
@dir_option
def uninstall(directory: Path | None) -> None:
    """End and remove the services that install made for a store. No data is touched."""
    store, _ = store_at(directory)
    removed = [kind for kind in kinds.of(store).values() if kind.uninstall()]
    for kind in removed:
        say(f"removed from {kind.path}")
    if not removed:
        say(f"no service is installed for {store.root}")
    say("what is pending stays; deliver it by hand: syncd once")
