"""The program: finds the command, and turns what goes wrong into a line and an exit code."""

from __future__ import annotations

import gc
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, Protocol

import click

from syncd.catalog import Catalog, Entry
from syncd.cli.printing import say
from syncd.owner import Owned
from tracker import settings as settings_of
from tracker.cli.program import LazyGroup
from tracker.errors import BadInput, TrackerError
from tracker.settings import Settings
from tracker.store import StoreFolder
from tracker.unexpected import unexpected

COMMANDS = {
    "run": "Deliver as it is recorded, until SIGTERM or Ctrl-C.",
    "once": "Deliver everything that goes to each remote, then end.",
    "status": "Show what is pending, parked or failing.",
    "pause": "Send nothing to a remote, or to any, for a while.",
    "resume": "End a pause.",
    "verify": "Read runs back from the remotes and compare.",
    "receipts": "Show what remotes acknowledged, per run.",
    "gc": "Remove from this machine what was verified at every remote.",
    "retry": "Send again what a remote refused for good.",
    "check": "Reach every remote with its credentials.",
    "logs": "Show what syncd did.",
    "install": "Have syncd run from login on, as a service of yours.",
    "uninstall": "Take that back; data stays.",
}
"""Every command, in the order of the help. Its module has its name, and so has its function."""

EXIT_CODES = """\b
Exit codes:
  0    done: all that may be sent was sent (a paused remote gets nothing; what a live run has
       just logged goes once it is synced; "pending" counts it, and runs left out by --run),
       all compared is equal
  1    something failed, is refused or differs; the text says what and what to do
  2    the command or an argument cannot be used as it is
  4    another syncd serves this store
  130  ended by Ctrl-C, where that is no way to end

\b
Environment:
  TRACKER_DIR     the store, where --dir does not name one
  TRACKER_DEBUG   1: show the trace of an unexpected error
"""

OWNED = 4
ENDED_BY_CTRL_C = 130

Store = tuple[StoreFolder, Settings]

_NEW_OBJECTS = 10_000
"""Made and not yet gone, before rubbish is looked for. What is delivered makes none, and looking
through it after every 700 objects, as Python does by itself, takes a tenth of the time."""

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Ended(Protocol):
    """What was served and is to end; `stuck`: a thread still waits for a remote."""

    @property
    def stuck(self) -> bool:
        """Nothing is lost by leaving all the same."""


def leave(ended: Ended, code: int) -> NoReturn:
    """End the process; at once where a thread still waits for a remote that keeps silent."""
    if ended.stuck:
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def on_signals(actions: Mapping[signal.Signals, Callable[[], None]]) -> None:
    """Carry out the action of each signal that arrives.

    In a thread: what the signal interrupts may hold the very lock that an action waits for.
    """
    asked = queue.SimpleQueue[Callable[[], None]]()  # a handler may put in the midst of anything

    def carry_out() -> None:
        while True:
            asked.get()()

    threading.Thread(target=carry_out, name="signals", daemon=True).start()
    for number, action in actions.items():
        signal.signal(number, lambda *_, action=action: asked.put(action))


def stop_on(signals: Iterable[signal.Signals], stop: Callable[[], None]) -> None:
    """Call `stop` when one of the signals arrives."""
    on_signals(dict.fromkeys(signals, stop))


def store_at(directory: Path | None) -> Store:
    """The store to work on, and its settings."""
    store = StoreFolder.open(directory)
    return store, settings_of.load(store)


def entries_of(store: StoreFolder, run_ids: Sequence[str]) -> list[Entry]:
    """The runs of a store that are named, all if none is.

    Raises:
        BadInput: there is no run of such an id.
    """
    known = Catalog(store).runs()
    for run_id in run_ids:
        if run_id not in known:
            raise BadInput(f"there is no run {run_id!r} in {store.root}; see: tracker ls")
    return [known[run_id] for run_id in run_ids] if run_ids else list(known.values())


dir_option = click.option(
    "--dir", "directory", type=click.Path(path_type=Path), help="The store; else TRACKER_DIR."
)
dirs_option = click.option(
    "--dir", "directories", type=click.Path(path_type=Path), multiple=True,
    help="The store; else TRACKER_DIR. May be repeated.",
)  # fmt: skip
remote_option = click.option("--remote", metavar="NAME", help="Only this remote.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group(
    cls=LazyGroup,
    commands_at=COMMANDS,
    package="syncd.cli",
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="tracker-syncd")
def program() -> None:
    """Deliver what tracker recorded: exactly once in effect, to every remote of the store."""


def main() -> NoReturn:
    """Run the console script `syncd`; never returns."""
    gc.set_threshold(_NEW_OBJECTS)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without UTF-8 gets escapes, no error
            stream.reconfigure(errors="backslashreplace")
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: Sequence[str]) -> int:
    """Carry out a command line and return its exit code; every error is one line."""
    try:
        program.main(list(arguments) or ["--help"], prog_name="syncd", standalone_mode=False)
    except click.ClickException as error:
        at = (
            error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "syncd"
        )
        return _fail(f"{error.format_message()} See: {at} --help", error.exit_code)
    except click.Abort:
        return ENDED_BY_CTRL_C
    except (TrackerError, OSError) as error:
        return _fail(str(error), _code(error))
    except Exception as error:  # noqa: BLE001 - the edge: a person gets a line, never a trace
        return _fail(unexpected(error), 1)
    return 0


def _code(error: Exception) -> int:
    return OWNED if isinstance(error, Owned) else 1 + isinstance(error, BadInput)


def _fail(text: str, code: int) -> int:
    say(" ".join(f"syncd: error: {text}".split()), err=True)
    return code
