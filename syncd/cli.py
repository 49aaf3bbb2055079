"""The command line of syncd."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from syncd import remotes, selection, status, verify
from syncd.catalog import Catalog, Entry
from syncd.daemon import Daemon
from syncd.owner import Owned
from syncd.policy import Policy
from syncd.printing import say, say_delivered, show_check, show_remote, show_reports
from syncd.sinks import SinkError
from tracker import settings as settings_of
from tracker.artifacts import Blobs
from tracker.cli.wording import counted
from tracker.errors import BadInput, RunError, TrackerError
from tracker.settings import Settings
from tracker.store import StoreFolder
from tracker.unexpected import unexpected

EXIT_CODES = """\b
Exit codes:
  0    done: all that may be sent was sent (what a live run has just logged goes once it is
       synced; "pending" counts it, and runs left out by --run), all compared is equal
  1    something failed, is refused or differs; the text says what and what to do
  2    the command or an argument cannot be used as it is
  4    another syncd serves this store
  130  ended by Ctrl-C, where that is no way to end

\b
Environment:
  TRACKER_DIR     the store, where --dir does not name one
  TRACKER_DEBUG   1: show the trace of an unexpected error
"""

ENDED_BY_CTRL_C = 130

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

Store = tuple[StoreFolder, Settings]


def _leave(daemon: Daemon, code: int) -> NoReturn:
    """End the process; at once where a thread still waits for a remote that keeps silent."""
    if daemon.stuck:
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def _stop_on(signals: Iterable[signal.Signals], stop: Callable[[], None]) -> None:
    for number in signals:
        signal.signal(number, lambda *_: stop())


def _store(directory: Path | None) -> Store:
    store = StoreFolder.open(directory)
    return store, settings_of.load(store)


_dir = click.option(
    "--dir", "directory", type=click.Path(path_type=Path), help="The store; else TRACKER_DIR."
)
_remote = click.option("--remote", metavar="NAME", help="Only this remote.")
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group(
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="tracker-syncd")
def cli() -> None:
    """Deliver what tracker recorded: exactly once in effect, to every remote of the store."""


@cli.command()
@_dir
@_remote
def run(directory: Path | None, remote: str | None) -> None:
    """Deliver as it is recorded, until SIGTERM or Ctrl-C."""
    store, settings = _store(directory)
    with Daemon(store, settings, remote) as daemon:
        _stop_on(_SIGNALS, daemon.stop)
        _say_served(daemon)
        daemon.run(changed=lambda: _say_served(daemon))
    say("syncd: stopped; what is pending goes on next time")
    _leave(daemon, 0)


def _say_served(daemon: Daemon) -> None:
    names = ", ".join(daemon.sinks) or "no remote"
    say(f"syncd: delivers {daemon.store.root} to {names}; stop with Ctrl-C, look: syncd status")
    for name, error in daemon.broken.items():
        say(f"{name}: error: not served: {error}", err=True)


@cli.command()
@_dir
@_remote
@click.option("--run", "runs", multiple=True, metavar="ID", help="Only this run; may be repeated.")
@_json
def once(directory: Path | None, remote: str | None, runs: tuple[str, ...], as_json: bool) -> None:
    """Deliver everything that goes to each remote, then end.

    What goes is up to the filters of a remote; a run named by --run goes whatever they say.
    """
    store, settings = _store(directory)
    known = Catalog(store).runs()
    for run_id in runs:
        if run_id not in known:
            raise BadInput(f"there is no run {run_id!r} in {store.root}; see: tracker ls")
    with Daemon(store, settings, remote) as daemon:
        _stop_on(_SIGNALS, daemon.stop)
        results = daemon.once(set(runs) or None)
        report = {
            name: _delivered(daemon, name) | {"errors": sorted(set(result.errors.values()))}
            for name, result in results.items()
        }
        pending = sum(left.events for left in daemon.backlog().values())
    if as_json:
        click.echo(json.dumps({"remotes": report, "pending": pending}))
    else:
        for name, done in report.items():
            say_delivered(name, done)
        say(f"pending: {counted(pending, 'event')}" + (", see: syncd status" if pending else ""))
    _leave(daemon, int(any(done["errors"] or done["parked"] for done in report.values())))


def _delivered(daemon: Daemon, name: str) -> dict[str, Any]:
    counts = dict(daemon.ledger.delivered.get(name, {}))
    traffic = daemon.sinks[name].traffic if name in daemon.sinks else None
    return {
        "events": counts.pop("events", 0), "files": counts.pop("files", 0), "counts": counts,
        "requests": traffic.requests_total if traffic else 0,
        "data_requests": traffic.data_requests if traffic else 0,
        "parked": len(daemon.ledger.parked(name)),
    }  # fmt: skip


@cli.command("status")
@_dir
@_json
def status_(directory: Path | None, as_json: bool) -> None:
    """Show, per remote and run, what is pending, parked or noted, the last error, the next try."""
    store, settings = _store(directory)
    with status.ledger(store) as ledger:
        found = status.lanes(store, settings, ledger)
    broken = status.unusable(settings)
    if as_json:
        for lane in found:
            lane.error = broken.get(lane.remote, lane.error)
        click.echo(json.dumps([lane.as_dict() for lane in found]))
        return
    if not settings.remotes:
        say("no remote; add one: tracker remote add NAME mlflow URL")
    for remote in sorted(settings.remotes):
        show_remote(remote, [lane for lane in found if lane.remote == remote], broken.get(remote))


@cli.command("verify")
@_dir
@_remote
@_json
@click.argument("runs", nargs=-1, metavar="[RUN_ID]...")
def verify_(
    directory: Path | None, remote: str | None, runs: tuple[str, ...], as_json: bool
) -> None:
    """Read runs back from the remotes and compare them with the journals."""
    store, settings = _store(directory)
    known = Catalog(store).runs()
    for run_id in runs:
        if run_id not in known:
            raise BadInput(f"there is no run {run_id!r} in {store.root}; see: tracker ls")
    reports, failures = list[verify.Report](), list[str]()
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
                reading = verify.Reading(
                    sink, ledger, target.name, name, Blobs(store.blobs), Policy.of(filters)
                )
                for found in _verified(reading, wanted):
                    if isinstance(found, str):
                        failures.append(found)
                    else:
                        reports.append(found)
    equal = not failures and all(report.equal for report in reports)
    if as_json:
        content = {"runs": [r.as_dict() for r in reports], "errors": failures, "equal": equal}
        click.echo(json.dumps(content))
    else:
        show_reports(reports, failures)
    if not equal:
        sys.exit(1)


def _verified(reading: verify.Reading, runs: list[Entry]) -> Iterator[verify.Report | str]:
    """Reports, or why there is none of a run."""
    for entry in runs:
        try:
            report = verify.verify(reading, entry)
        except (SinkError, RunError) as error:  # noqa: PERF203 - one run must not end all
            yield f"{reading.remote}: {entry.run_id}: {error}"
        else:
            yield report


@cli.command()
@_dir
@_remote
def retry(directory: Path | None, remote: str | None) -> None:
    """Send again what a remote refused for good, and try failed lanes at once."""
    store, settings = _store(directory)
    with Daemon(store, settings, remote) as daemon:
        _stop_on(_SIGNALS, daemon.stop)
        for outlet in daemon.outlets:
            outlet.retry_parked()
        results = daemon.once()
        left = sum(len(daemon.ledger.parked(name)) for name in results)
    errors = [e for result in results.values() for e in result.errors.values()]
    say(
        f"{counted(left, 'entry', 'entries')} still parked"
        + (", see: syncd status" if left else "")
    )
    for error in sorted(set(errors)):
        say(f"error: {error}", err=True)
    _leave(daemon, int(bool(left or errors)))


@cli.command()
@_dir
@_remote
@_json
def check(directory: Path | None, remote: str | None, as_json: bool) -> None:
    """Reach every remote with its credentials and say what was found."""
    _, settings = _store(directory)
    found = (
        {target.name: remotes.checked(target) for target in remotes.of(settings, remote)}
        if settings.remotes or remote
        else {}
    )
    if as_json:
        click.echo(json.dumps({"remotes": found}))
    else:
        for name, about in found.items():
            show_check(name, about)
    if not all(about["ok"] for about in found.values()):
        sys.exit(1)


def main() -> NoReturn:
    """Run the console script `syncd`; never returns."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without UTF-8 gets escapes, no error
            stream.reconfigure(errors="backslashreplace")
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: Sequence[str]) -> int:
    """Carry out a command line and return its exit code; every error is one line."""
    try:
        cli.main(list(arguments) or ["--help"], prog_name="syncd", standalone_mode=False)
    except click.ClickException as error:
        at = (
            error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "syncd"
        )
        return _fail(f"{error.format_message()} See: {at} --help", error.exit_code)
    except click.Abort:
        return ENDED_BY_CTRL_C
    except (TrackerError, OSError) as error:
        return _fail(str(error), 4 if isinstance(error, Owned) else 1 + isinstance(error, BadInput))
    except Exception as error:  # noqa: BLE001 - the edge: a person gets a line, never a trace
        return _fail(unexpected(error), 1)
    return 0


def _fail(text: str, code: int) -> int:
    say(" ".join(f"syncd: error: {text}".split()), err=True)
    return code
