"""`tracker push`: has `syncd once` deliver, as a process of its own."""

from __future__ import annotations

import click

from tracker.cli.delivery import check_remote, run_ids, syncd
from tracker.cli.program import chosen_store, store_option
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
    check_remote(folder, to)
    # one word: an id may begin with "-"
    arguments = [f"--run={run_id}" for run_id in run_ids(folder, runs)]
    if to is not None:
        arguments.append(f"--remote={to}")
    click.get_current_context().exit(syncd(folder, "once", *arguments))
