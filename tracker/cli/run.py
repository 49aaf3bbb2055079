"""`tracker run`: starts a program whose calls of another tracker are recorded here."""

from __future__ import annotations

import os

import click

from tracker.cli.program import chosen_store, store_option
from tracker.errors import BadInput
from tracker.wandb.switch import SHIM


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, metavar="COMMAND...", type=click.UNPROCESSED)
@click.option("--as-wandb", is_flag=True, help="In it, and all it starts, wandb is tracker.")
@store_option
def run(command: tuple[str, ...], as_wandb: bool) -> None:
    """Start COMMAND, a training as a rule, so that what it gives to wandb is recorded here.

    Nothing of the program is changed: "import wandb" in it finds tracker.wandb, by PYTHONPATH.
    Options of tracker stand before the command. It ends with the command's exit code.
    """
    if not as_wandb:
        raise BadInput(
            "tracker run needs --as-wandb. A program that calls tracker by itself, or by "
            "import tracker.wandb as wandb, is simply started."
        )
    environment = dict(os.environ)
    there = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join([str(SHIM), *([there] if there else [])])
    if (store := chosen_store()) is not None:
        environment["TRACKER_DIR"] = store
    try:
        os.execvpe(command[0], list(command), environment)  # noqa: S606 - what the person typed
    except OSError as error:
        raise BadInput(f"{command[0]} cannot be started: {error.strerror}.") from error
