"""`syncd verify`: compare what remotes hold with what was recorded."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from syncd import remotes, selection, status
from syncd.catalog import Entry
from syncd.cli.printing import Tally, say, show_report, show_report_head
from syncd.cli.program import dir_option, entries_of, json_option, remote_option, store_at
from syncd.ledger import Ledger
from syncd.removed import Removed
from syncd.sinks import Remote, Sink, SinkError
from syncd.verified import Marks
from syncd.verify import Reading, Report
from syncd.verify import verify as compare
from tracker import usage
from tracker.artifacts import Blobs
from tracker.errors import RunError, TrackerError
from tracker.settings import Settings
from tracker.store import StoreFolder


@click.command()
@dir_option
@remote_option
@json_option
@click.argument("runs", nargs=-1, metavar="[RUN_ID]...")
def verify(
    directory: Path | None, remote: str | None, runs: tuple[str, ...], as_json: bool
) -> None:
    """Read runs back from the remotes and compare them with the journals.

    Each is told as soon as it is compared. One that ended and is whole at a remote is marked as
    verified there: gc relies on that.
    """
    store, settings = store_at(directory)
    entries = entries_of(store, runs)
    reports, failures = list[Report](), list[str]()
    with status.ledger(store) as ledger:
        if not as_json:
            show_report_head()
        for target in remotes.of(settings, remote):
            try:
                sink = _sink(target, settings)
            except TrackerError as error:
                if remote is not None or len(settings.remotes) == 1:
                    raise
                failures.append(f"{target.name}: {error}")
                continue
            with contextlib.closing(sink):
                reading = _reading(store, settings, ledger, target.name, sink)
                going = entries if runs else _going(reading, entries)
                with Tally(len(going), "run", f"compared with {target.name}") as tally:
                    for found in _verified(reading, going):
                        tally.step()
                        if isinstance(found, str):
                            failures.append(found)
                        else:
                            reports.append(found)
                            if not as_json:
                                tally.clear()
                                show_report(found)
    usage.add(store, usage.RUNS_COMPARED, len(reports))
    _end(reports, failures, as_json=as_json)


def _sink(target: Remote, settings: Settings) -> Sink:
    remotes.check_alone(target, settings)
    return remotes.make(target)


def _reading(
    store: StoreFolder, settings: Settings, ledger: Ledger, name: str, sink: Sink
) -> Reading:
    known_as = ledger.known_as(settings.remotes).get(name, name)
    return Reading(
        sink, ledger, name, known_as, settings.remotes[name], Blobs(store.blobs), Marks(store),
        Removed(store),
    )  # fmt: skip


def _going(reading: Reading, entries: list[Entry]) -> list[Entry]:
    """The runs that go to a remote by its filters."""
    goes = selection.of(reading.settings, reading.ledger.taken(reading.known_as))
    return list(filter(goes.takes, entries))


def _verified(reading: Reading, runs: list[Entry]) -> Iterator[Report | str]:
    """Reports, or why there is none of a run."""
    for entry in runs:
        try:
            report = compare(reading, entry)
        except (SinkError, RunError, OSError) as error:  # noqa: PERF203 - one run must not end all
            yield f"{reading.remote}: {entry.run_id}: {error}"
        else:
            yield report


def _end(reports: list[Report], failures: list[str], *, as_json: bool) -> None:
    equal = not failures and all(report.equal for report in reports)
    if as_json:
        content = {"runs": [r.as_dict() for r in reports], "errors": failures, "equal": equal}
        click.echo(json.dumps(content))
    else:
        for failure in failures:
            say(f"error: {failure}", err=True)
    if not equal:
        sys.exit(1)
