"""`syncd receipts`: what remotes acknowledged, per run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from syncd import remotes, status
from syncd.cli.printing import say, show_receipt
from syncd.cli.program import dir_option, json_option, remote_option, store_at
from syncd.receipt import FORMAT, Receipts
from tracker.errors import BadInput


@click.command()
@dir_option
@remote_option
@json_option
@click.argument("runs", nargs=-1, metavar="[RUN_ID]...")
def receipts(
    directory: Path | None, remote: str | None, runs: tuple[str, ...], as_json: bool
) -> None:
    """Show what remotes acknowledged of each run, what they could not take, what was verified.

    Runs that gc removed are shown too. The fields of --json are described in syncd.receipt.
    """
    store, settings = store_at(directory)
    wanted = [target.name for target in remotes.of(settings, remote)]
    with status.ledger(store) as ledger:
        reading = Receipts(store, settings, ledger)
        found = [receipt for name in wanted for receipt in reading.of(name, runs)]
    if missing := set(runs) - {receipt.run for receipt in found}:
        raise BadInput(
            f"there is no receipt of run {min(missing)!r} in {store.root}: nothing of it was "
            "delivered there; see: syncd status"
        )
    if as_json:
        documents = [receipt.as_dict() for receipt in found]
        click.echo(json.dumps({"format": FORMAT, "store": store.id, "receipts": documents}))
        return
    if not found:
        say("no receipt: nothing was delivered yet; deliver: syncd once")
    for receipt in found:
        show_receipt(receipt)
