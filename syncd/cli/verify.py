"""`syncd verify`: compare what remotes hold with what was recorded."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from syncd import remotes, selection, status
from syncd import verify as verifying
from syncd.catalog import Catalog, Entry
from syncd.cli.printing import show_reports
from syncd.cli.program import dir_option, json_option, remote_option, store_at
from syncd.policy import Policy
from syncd.sinks import SinkError
from tracker import usage
from tracker.artifacts import Blobs
from tracker.errors import BadInput, RunError, TrackerError


@click.command()
@dir_option
@remote_option
@json_option
@click.argument("runs", nargs=-1, metavar="[RUN_ID]...")
def verify(
    directory: Path | None, remote: str | None, runs: tuple[str, ...], as_json: bool
) -> None:
    """Read runs back from the remotes and compare them with the journals."""
    store, settings = store_at(directory)
    known = Catalog(store).runs()
    for run_id in runs:
        if run_id not in known:
            raise BadInput(f"there is no run {run_id!r} in {store.root}; see: tracker ls")
    reports, failures = list[verifying.Report](), list[str]()
    with status.ledger(store) as ledger:
        for target in remotes.of(settings, remote):
            try:
                remotes.check_alone(target, settings)
                sink = remotes.make(target)
            except TrackerError as error:
                if remote is not None or len(settings.remotes) == 1:
                    raise
                failures.append(f"{target.name}: {error}")
                continue
            with contextlib.closing(sink):
                name = ledger.known_as(settings.remotes).get(target.name, target.name)
                filters = settings.remotes[target.name]
                goes = selection.of(filters, ledger.taken(name))
                wanted = [known[run] for run in runs] or list(filter(goes.takes, known.values()))
                reading = verifying.Reading(
                    sink, ledger, target.name, name, Blobs(store.blobs), Policy.of(filters)
                )
                for found in _verified(reading, wanted):
                    if isinstance(found, str):
                        failures.append(found)
                    else:
                        reports.append(found)
    usage.add(store, usage.RUNS_COMPARED, len(reports))
    equal = not failures and all(report.equal for report in reports)
    if as_json:
        content = {"runs": [r.as_dict() for r in reports], "errors": failures, "equal": equal}
        click.echo(json.dumps(content))
    else:
        show_reports(reports, failures)
    if not equal:
        sys.exit(1)


def _verified(reading: verifying.Reading, runs: list[Entry]) -> Iterator[verifying.Report | str]:
    """Reports, or why there is none of a run."""
    for entry in runs:
        try:
            report = verifying.verify(reading, entry)
        except (SinkError, RunError) as error:  # noqa: PERF203 - one run must not end all
            yield f"{reading.remote}: {entry.run_id}: {error}"
        else:
            yield report
