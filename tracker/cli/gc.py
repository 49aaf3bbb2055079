"""`tracker gc`: has `syncd gc` free the disk, as a process of its own: marks and locks are its."""

from __future__ import annotations

import click

from tracker.cli.delivery import run_ids, syncd
from tracker.cli.program import chosen_store, json_option, store_option
from tracker.store import StoreFolder


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--older-than", metavar="TIME", help="Only what was last written to so long ago: 30d, a date."
)
@click.option("--force", is_flag=True, help="What is not verified too; name runs or --older-than.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@store_option
def gc(
    runs: tuple[str, ...], older_than: str | None, *, force: bool, yes: bool, as_json: bool
) -> None:
    """Remove each RUN, or all, from this machine if every remote was verified to hold it.

    Shows first what it would do, with the bytes, and why the others stay: not verified (tracker
    verify), something recorded since, parked, left out by a policy. Then it asks on a terminal;
    elsewhere it does it only with --yes. Files that a run which stays refers to are kept, and a
    run that is being recorded stays whatever is said. Starts "syncd gc". RUN is an id, the
    beginning of one, or a name.
    """
    folder = StoreFolder.open(chosen_store())
    flags = {"--force": force, "--yes": yes, "--json": as_json}
    arguments = [flag for flag, given in flags.items() if given]
    if older_than is not None:
        arguments.append(f"--older-than={older_than}")
    code = syncd(folder, "gc", *arguments, "--", *run_ids(folder, runs))
    click.get_current_context().exit(code)
