"""`syncd install`: syncd as a service of the person's own."""

from __future__ import annotations

import os
from pathlib import Path

import click

from syncd import remotes
from syncd.cli.printing import say
from syncd.cli.program import dir_option, store_at
from syncd.service import kinds
from tracker.credentials import PLATFORMS, variables
from tracker.settings import Settings


@click.command()
@dir_option
@click.option("--kind", type=click.Choice(kinds.KINDS), help="Else the one this machine has.")
@click.option("--print", "only_print", is_flag=True, help="Show it and where it goes; do nothing.")
def install(directory: Path | None, kind: str | None, only_print: bool) -> None:
    """Have syncd run for a store from login on, as a service of yours.

    A systemd user unit, a launch agent on macOS, or a line of your crontab that delivers every
    5 minutes. Each store has its own; to install twice changes nothing.
    """
    store, settings = store_at(directory)
    if only_print:
        found = kinds.of(store)[kind] if kind else kinds.chosen(store, None)
        say(f"{found.path}:", err=True)
        click.echo(found.text, nl=False)
        return
    served = [remote.name for remote in remotes.of(settings)]
    for line in kinds.chosen(store, kind).install():
        say(line)
    for name in served:
        _say_credentials(settings, name)


def _say_credentials(settings: Settings, name: str) -> None:
    """A service has no environment but its own."""
    remote = settings.remotes[name]
    if variables.find(name, PLATFORMS.get(remote.kind, ""), os.environ):
        say(
            f"{name}: its credentials are in this environment, which a service does not see. Keep "
            f"them where it does: tracker remote login {name}"
        )
