"""`syncd gc`: remove from this machine what every remote holds, and says so."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from pathlib import Path

import click

from syncd import status
from syncd.cli.printing import Tally, say, show_done, show_plan
from syncd.cli.program import dir_option, entries_of, json_option, store_at
from syncd.removal import Done, Plan, Removal
from tracker.moments import moment
from tracker.cli.wording import counted
from tracker.errors import BadInput


@click.command()
@dir_option
@json_option
@click.argument("runs", nargs=-1, metavar="[RUN_ID]...")
@click.option(
    "--older-than", metavar="TIME", help="Only what was last written to so long ago: 30d, a date."
)
@click.option("--force", is_flag=True, help="What is not verified too; name runs or --older-than.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def gc(
    directory: Path | None, runs: tuple[str, ...], older_than: str | None, *,
    force: bool, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Remove runs that every remote was verified to hold, and blobs that nobody needs then.

    Shows first what it would do and why the other runs stay; then asks on a terminal, and
    elsewhere does it only with --yes. A run that is being recorded always stays.
    """
    if force and not runs and older_than is None:
        raise BadInput("--force takes what is nowhere else: name the runs, or say --older-than.")
    store, settings = store_at(directory)
    before = moment(older_than, datetime.now(timezone.utc)).timestamp() if older_than else None
    with status.ledger(store) as ledger:
        removal = Removal(store, settings, ledger, force=force)
        plan = removal.plan(entries_of(store, runs), before=before)
        if not as_json:
            show_plan(plan)
        done = None
        if not plan.empty and (yes or (not as_json and _agreed(plan))):
            with Tally(len(plan.go), "run", "removed") as tally:
                done = removal.carry_out(plan, tally.step)
    _tell(plan, done, as_json=as_json)
    if (done is not None and done.errors) or (runs and plan.stay):
        sys.exit(1)


def _agreed(plan: Plan) -> bool:
    if not sys.stdin.isatty():
        say("nothing was removed; to do it: the same with --yes")
        return False
    unverified = [candidate for candidate in plan.go if candidate.why]
    if unverified:
        text = f"{counted(len(unverified), 'run')} above may be nowhere else. Remove for good?"
        return click.confirm(text)
    return click.confirm("Remove this from this machine?")


def _tell(plan: Plan, done: Done | None, *, as_json: bool) -> None:
    if as_json:
        about = None if done is None else done.as_dict()
        click.echo(json.dumps({"plan": plan.as_dict(), "done": about}))
    elif done is not None:
        show_done(done)
