"""`tracker push`: has `syncd once` deliver, as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import click

from tracker.cli.program import chosen_store, store_option
from tracker.errors import SettingsError
from tracker.query import Store
from tracker.settings import check_known, load
from tracker.store import StoreFolder


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--to", metavar="REMOTE", help="Deliver to this remote only.")
@store_option
def push(runs: tuple[str, ...], to: str | None) -> None:
    """Deliver now what is pending of each RUN, or of all, to every remote; then end.

    The filters of a remote (tracker remote ls) choose among all; a RUN that is named goes
    whatever they say. Starts "syncd once" and ends with its exit code. RUN is an id, the
    beginning of one, or a name.
    """
    folder = StoreFolder.open(chosen_store())
    _check_remote(folder, to)
    command = [sys.executable, "-m", "syncd", "once", "--dir", str(folder.root)]
    if runs:
        store = Store(folder.root)
        ids = dict.fromkeys(store.run(run).id for run in runs)
        store.close()
        command += [f"--run={run_id}" for run_id in ids]  # one word: an id may begin with "-"
    if to is not None:
        command.append(f"--remote={to}")
    sys.stdout.flush()
    click.get_current_context().exit(_run(command))


def _check_remote(folder: StoreFolder, to: str | None) -> None:
    remotes = sorted(load(folder).remotes)
    if not remotes:
        raise SettingsError(
            f"the store {folder.root} has no remote to deliver to. "
            "Add one: tracker remote add NAME mlflow URL"
        )
    if to is not None:
        check_known(to, remotes)


def _run(command: Sequence[str]) -> int:
    process = subprocess.Popen(command)  # noqa: S603 - our own program
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:  # Ctrl-C reached the child too, which ends in its own way
            continue
        return code if code >= 0 else 128 - code
