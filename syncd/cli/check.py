"""`syncd check`: reach every remote with its credentials."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from syncd import remotes, status
from syncd.cli.printing import show_check
from syncd.cli.program import dir_option, json_option, remote_option, store_at


@click.command()
@dir_option
@remote_option
@json_option
def check(directory: Path | None, remote: str | None, as_json: bool) -> None:
    """Reach every remote with its credentials and say what was found; nothing is made there.

    Whether it answers and takes them, its version and whether that is known to work, whether
    runs may be created, where files go, which names it takes. Ends with 1 where something keeps
    runs or files from being delivered.
    """
    store, settings = store_at(directory)
    found = (
        {target.name: remotes.checked(target) for target in remotes.of(settings, remote)}
        if settings.remotes or remote
        else {}
    )
    if as_json:
        click.echo(json.dumps({"remotes": found, "server": status.server(store)}))
    else:
        for name, about in found.items():
            show_check(name, about)
    if not all(map(_well, found.values())):
        sys.exit(1)


def _well(about: dict[str, Any]) -> bool:
    return about["ok"] and all(seen["level"] != "todo" for seen in about["seen"])
