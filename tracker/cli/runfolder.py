"""`tracker export --format wandb`: where the run folder goes, and what is said of it."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from tracker.cli import wording
from tracker.cli.destination import replacing_folder
from tracker.integrations.wandb import giving
from tracker.integrations.wandb.records import protocol
from tracker.notice import shown
from tracker.query import RunView
from tracker.store import StoreFolder


def write(
    store: StoreFolder, run: RunView, output: Path, *, force: bool, entity: str | None
) -> None:
    """Write a run into a new folder in `output`, and say what W&B will have of it.

    Raises:
        TrackerError: wandb is not installed, or the folder cannot be written.
        BadInput: the folder is there and `force` is not given.
    """
    protocol()
    home = output / giving.folder_name(run)
    with replacing_folder(home, force=force) as fresh:
        given = giving.give(store, run, fresh, home, entity)
    for line in _told(given, home):
        click.echo(shown(line), err=True)


def _told(given: giving.Given, home: Path) -> list[str]:
    counts = [wording.counted(given.rows, "row")]
    counts += [wording.counted(given.media, "media file")] if given.media else []
    counts += [wording.counted(given.versions, "artifact version")] if given.versions else []
    lines = [f"{home}: {', '.join(counts)}"]
    if given.moved:
        lines.append(
            f"{wording.counted(given.moved, 'row')} of a step that goes back or comes again: each "
            "row of W&B has a higher `_step`, so these have the next one, and the true step under "
            "`_tracker_step`."
        )
    lines += [f"left out: {text}" for text in given.left_out]
    if given.untold:
        lines.append(f"left out: {given.untold:,} more")
    place = shlex.quote(str(home))
    lines.append(f"Look at it: wandb leet {place}")
    lines.append(f"Send it, once (W&B doubles the rows of what is sent again): wandb sync {place}")
    return lines
