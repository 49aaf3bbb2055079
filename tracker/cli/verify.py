"""`tracker verify`: has `syncd verify` compare, as a process of its own."""

from __future__ import annotations

import click

from tracker.cli.delivery import check_remote, run_ids, syncd
from tracker.cli.program import chosen_store, json_option, store_option
from tracker.store import StoreFolder


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--remote", metavar="NAME", help="Compare with this remote only.")
@json_option
@store_option
def verify(runs: tuple[str, ...], remote: str | None, as_json: bool) -> None:
    """Read each RUN, or all, back from the remotes and compare with what was recorded.

    Points, params, tags, files, status and end. Exit code 1 where something differs, is not
    delivered yet, or cannot be read. Starts "syncd verify". RUN is an id, the beginning of one,
    or a name.
    """
    folder = StoreFolder.open(chosen_store())
    check_remote(folder, remote)
    arguments = [] if remote is None else [f"--remote={remote}"]
    if as_json:
        arguments.append("--json")
    code = syncd(folder, "verify", *arguments, "--", *run_ids(folder, runs))
    click.get_current_context().exit(code)
