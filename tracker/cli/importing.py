"""`tracker import`: what another tool recorded, taken into the store."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import click
import msgspec

from tracker import settings
from tracker.cli import document, wording
from tracker.cli.program import chosen_store, json_option, store_option
from tracker.errors import BadInput
from tracker.integrations.imports import Import, Taking, of_tool
from tracker.integrations.taken import Lost, Taken
from tracker.notice import shown
from tracker.store import StoreFolder

DAMAGED = 3
WATCH_INTERVAL_S = 1.0


@click.group(name="import", no_args_is_help=True)
@store_option
def importing() -> None:
    """Take in what another tool recorded. It is read only; what was taken goes to any remote."""


_paths = click.argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="PATH...",
    type=click.Path(path_type=Path),
)
_watch = click.option(
    "--watch", is_flag=True, help="Go on while the files grow, until all runs ended or Ctrl-C."
)


@importing.command()
@_paths
@_watch
@click.option(
    "--links", is_flag=True, help="Take saved files also where they are links out of the folder."
)
@json_option
@store_option
def wandb(paths: tuple[Path, ...], watch: bool, links: bool, as_json: bool) -> None:
    """Take in Weights & Biases runs: PATH is a .wandb file, a run's folder or a folder of runs.

    Finished, crashed, damaged and still running ones: config, summary, history with its steps
    and times, system metrics, console, media, saved files, artifacts, git state and exit code.
    A run keeps its id. Importing again adds only what is new. The store is made if there is
    none yet. Needs pip install "tracker-syncd[wandb]".

    \b
    Exit codes:
      0    all that the files hold was taken
      1    a run could not be taken, or not to its end; the others were
      3    all was taken that a damaged file still holds
    """  # noqa: D301 - \b is click's mark for a paragraph that is not wrapped
    _import("wandb", paths, ".wandb file", watch=watch, as_json=as_json, links=links)


@importing.command()
@_paths
@_watch
@click.option("--deleted", is_flag=True, help="Take runs too that were deleted there.")
@json_option
@store_option
def mlflow(paths: tuple[Path, ...], watch: bool, deleted: bool, as_json: bool) -> None:
    """Take in runs from MLflow's local stores: PATH is an SQLite file or a folder mlruns.

    Also while a server has the database open: it is only read. Experiments become projects; runs
    keep their ids, names, times, status, params, metrics with all steps and times, tags, notes,
    parents, datasets, and the artifacts and logged models that lie on this machine. Importing
    again adds only what is new. mlflow need not be installed. Runs that this store delivered to
    MLflow are left out, and so are those deleted there. A damaged file of a folder mlruns costs
    what it held.

    \b
    Exit codes: as those of tracker import wandb
    """  # noqa: D301 - as above
    _import("mlflow", paths, "MLflow run", watch=watch, as_json=as_json, deleted=deleted)


@importing.command()
@_paths
@_watch
@click.option("--project", metavar="NAME", help="Of the runs; else the name of PATH's folder.")
@json_option
@store_option
def tensorboard(paths: tuple[Path, ...], watch: bool, project: str | None, as_json: bool) -> None:
    """Take in TensorBoard event files: PATH is such a file or a folder with such, however deep.

    Each folder with event files is a run, as TensorBoard has it, known by its whole path. Scalars,
    texts, images, audio, histograms and hparams, with their steps and wall times; all else is
    counted. TensorBoard does not say that a run ended: one to which nothing was written for 10
    minutes counts as finished, until more is. Importing again adds only what is new. Neither
    TensorBoard nor TensorFlow need be installed.

    \b
    Exit codes: as those of tracker import wandb
    """  # noqa: D301 - as above
    _import("tensorboard", paths, "event file", watch=watch, as_json=as_json, project=project)


def _import(
    tool: str, paths: tuple[Path, ...], what: str, *, watch: bool, as_json: bool, **options: Any
) -> None:
    absent = [str(path) for path in paths if not path.exists()]
    if absent and not watch:
        raise BadInput(f"there is no {what} at {absent[0]}: that is not there. Check the path.")
    store = StoreFolder.open(chosen_store(), create=True)
    told = _Told(silent=as_json)
    with of_tool(tool, store, settings.load(store), paths, **options) as runs:
        try:
            _take(runs, told, watch=watch)
        except KeyboardInterrupt:
            if not watch:
                raise
    told.rest()
    for lost in runs.lost:
        told.about(lost, done=True)
    if not told.found and not runs.left_out:
        raise BadInput(f"there is no {what} in {', '.join(map(str, paths))}.")
    if as_json:
        found = msgspec.to_builtins(list(told.found.values()))
        document.print_document({"runs": found, "left_out": runs.left_out})
    else:
        for why, number in runs.left_out.items():
            click.echo(f"left out: {wording.counted(number, 'run')} {why}")
    sys.exit(told.code())


def _take(runs: Import, told: _Told, *, watch: bool) -> None:
    while True:
        for taking in runs.once(told.progress):
            told.about(taking.taken, done=taking.ended or not watch)
        if not watch or runs.ended:
            return
        threading.Event().wait(WATCH_INTERVAL_S)


class _Told:
    """What a person was told: a report of each file once it is done, and of each error once."""

    def __init__(self, *, silent: bool) -> None:
        self.found: dict[str, Taken] = {}
        self._silent = silent
        self._said: dict[str, tuple[bool, str]] = {}
        self._bar = not silent and sys.stderr.isatty()

    def progress(self, taking: Taking) -> None:
        """Show on a terminal how much of a file was read."""
        if self._bar:
            text = f"{shown(Path(taking.taken.file).name)}: {taking.share:.0%}"
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)

    def about(self, taken: Taken, *, done: bool) -> None:
        """Say what became of a file, where it is done or met an error."""
        self.found[taken.file] = taken
        state = (done, taken.error)
        if (done or taken.error) and self._said.get(taken.file) != state:
            self._said[taken.file] = state
            self._say(taken)

    def rest(self) -> None:
        """Say what became of those that were never done."""
        for taken in self.found.values():
            self.about(taken, done=True)

    def code(self) -> int:
        """The exit code."""
        if any(taken.error for taken in self.found.values()):
            return 1
        damaged = any(not lost.torn for taken in self.found.values() for lost in taken.lost)
        return DAMAGED if damaged else 0

    def _say(self, taken: Taken) -> None:
        if self._bar:
            click.echo("\r\x1b[K", nl=False, err=True)
        if taken.error:
            click.echo(shown(f"tracker: error: {taken.file}: {taken.error}"), err=True)
        if not self._silent:
            for line in _lines(taken):
                click.echo(shown(line))


def _lines(taken: Taken) -> list[str]:
    if not taken.run:
        nothing = [] if taken.error else [f"{taken.file}: nothing to be had yet"]
        return nothing + [f"  {_damage(lost)}" for lost in taken.lost]
    unknown = "no end is recorded: it goes on, or was killed"
    status = unknown if taken.status == "open" else taken.status
    head = f"{taken.project}/{taken.name} ({taken.run}): {wording.counted(taken.records, 'record')}"
    already = f", {taken.known:,} were known" if taken.known else ""
    lines = [f"{head} taken{already}; {status}"]
    if taken.events:
        lines.append("  " + ", ".join(f"{n:,} {kind}" for kind, n in taken.events.items()))
    if taken.left_out:
        out = ", ".join(f"{n:,} {what}" for what, n in taken.left_out.items())
        lines.append(f"  left out: {out}")
    lines += [f"  {text}" for text in taken.trouble]
    return lines + [f"  {_damage(lost)}" for lost in taken.lost]


def _damage(lost: Lost) -> str:
    file = f"{lost.file}: " if lost.file else ""
    place = f"{file}bytes {lost.start:,} to {lost.end:,}: {lost.reason}"
    if not lost.last:
        return f"{'torn' if lost.torn else 'damaged'}: {place}"
    return f"damaged: {place}; records {lost.first:,} to {lost.last:,} are lost"
