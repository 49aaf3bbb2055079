"""`syncd check`: reach every remote with its credentials."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from syncd import remotes
from syncd.cli.printing import show_check
from syncd.cli.program import dir_option, json_option, remote_option, store_at


@click.command()
@dir_option
@remote_option
@json_option
def check(directory: Path | None, remote: str | None, as_json: bool) -> None:
    """Reach every remote with its credentials and say what was found."""
    _, settings = store_at(directory)
    found = (
        {target.name: remotes.checked(target) for target in remotes.of(settings, remote)}
        if settings.remotes or remote
        else {}
    )
    if as_json:
        click.echo(json.dumps({"remotes": found}))
    else:
        for name, about in found.items():
            show_check(name, about)
    if not all(about["ok"] for about in found.values()):
        sys.exit(1)
