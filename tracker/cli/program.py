"""The program: finds the command, and turns what goes wrong into a line and an exit code."""

from __future__ import annotations

import difflib
import importlib
import keyword
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import click

import tracker
from tracker.errors import BadInput, TrackerError
from tracker.notice import shown
from tracker.unexpected import unexpected

COMMANDS = {
    "ls": "List runs, newest first.",
    "query": "Show what a query asks for, of runs or of groups of them.",
    "sql": "Read the index with SQL.",
    "show": "Show everything about a run.",
    "history": "Show a metric over time, of all runs together or of runs by name.",
    "tail": "Follow what a run logs.",
    "top": "Watch runs live in the terminal.",
    "compare": "Hold runs against each other by a metric.",
    "best": "Tell which run is best by a metric.",
    "diff": "Show everything that differs between two runs.",
    "export": "Write what runs logged to CSV, JSON lines, Parquet or a W&B run folder.",
    "import": "Take in what another tool recorded.",
    "run": "Start a training whose wandb calls are recorded here.",
    "remote": "Add, list and remove remotes; log in to them.",
    "push": "Deliver now what is pending.",
    "verify": "Read back from the remotes and compare.",
    "gc": "Remove from this machine what every remote holds.",
    "doctor": "Check store, disk, clock, runs and remotes.",
}
"""Every command, in the order of the help. Its module has its name, and so has its function;
with "ing" behind it where that is a word of Python's own ("import")."""

ENDED_BY_CTRL_C = 130

_EPILOG = """\b
Exit codes:
  0    done, all well
  1    an error that was said; doctor: there is something to do
  2    the command or an argument cannot be used as it is
  3    doctor, import: recorded data is damaged
  130  ended by Ctrl-C
push, verify and gc end with the exit code of syncd's command.

\b
Environment:
  TRACKER_DIR     the store, where --dir does not name one
  TRACKER_DEBUG   1: show the trace of an unexpected error
  NO_COLOR        no colours, also on a terminal
"""


class LazyGroup(click.Group):
    """A group that imports the module of a command only when that command is called.

    Args:
        commands_at: each command with a line of help.
        package: where their modules are; each has the name of its command (see `COMMANDS`).
    """

    def __init__(
        self, *args: Any, commands_at: Mapping[str, str], package: str, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._commands_at = commands_at
        self._package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order of the help."""
        del ctx
        return list(self._commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None if there is no such name."""
        del ctx
        if cmd_name not in self._commands_at:
            return None
        name = f"{cmd_name}ing" if keyword.iskeyword(cmd_name) else cmd_name
        command = getattr(importlib.import_module(f"{self._package}.{name}"), name)
        assert isinstance(command, click.Command)  # noqa: S101 - COMMANDS names commands only
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(self._commands_at.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is refused with the nearest name.

        Raises:
            click.UsageError: there is no such command.
        """
        if args and not args[0].startswith("-") and args[0] not in self._commands_at:
            near = difflib.get_close_matches(args[0], self._commands_at, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"there is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


def _remember_store(ctx: click.Context, option: click.Parameter, value: str | None) -> None:
    del option
    if value is not None:
        ctx.find_root().meta["tracker.dir"] = value


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option --dir; `chosen_store` tells what was given, before or after."""
    return click.option(
        "--dir",
        metavar="DIR",
        expose_value=False,
        callback=_remember_store,
        help="The store; else TRACKER_DIR, else the user's data folder.",
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a reading command the option --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def page_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that lists runs the options --limit and --token."""
    token = "Go on behind the page that ended with it."  # noqa: S105 - where a page ended
    limit = click.option(
        "--limit",
        type=click.IntRange(min=0),
        default=50,
        show_default=True,
        metavar="N",
        help="At most so many runs; 0 for all.",
    )
    return limit(click.option("--token", metavar="TOKEN", help=token)(command))


def chosen_store() -> str | None:
    """Folder given with --dir; None leaves the choice to `tracker.store.default_root`."""
    value = click.get_current_context().find_root().meta.get("tracker.dir")
    return None if value is None else str(value)


@click.group(
    cls=LazyGroup,
    commands_at=COMMANDS,
    package="tracker.cli",
    epilog=_EPILOG,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@store_option
@click.version_option(tracker.__version__, "--version", prog_name="tracker")
def program() -> None:
    """Look at what was recorded, take it out, have it delivered."""


def main() -> NoReturn:
    """Run the console script `tracker`; never returns."""
    if hasattr(signal, "SIGPIPE"):  # end silently when `| head` has read enough
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without UTF-8 gets escapes, no error
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; errors are said on standard error."""
    try:
        code = program.main(list(arguments), prog_name="tracker", standalone_mode=False)
    except click.UsageError as error:
        at = error.ctx.command_path if error.ctx else "tracker"
        return _fail(f"{error.format_message()} See: {at} --help", error.exit_code)
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except click.Abort:
        return ENDED_BY_CTRL_C
    except TrackerError as error:
        return _fail(str(error), 2 if isinstance(error, BadInput) else 1)
    except Exception as error:  # noqa: BLE001 - the edge: a person gets a line, never a trace
        return _fail(f"{unexpected(error)} This is a defect of tracker.")
    return code if isinstance(code, int) else 0


def _fail(text: str, code: int = 1) -> int:
    # An ambiguous run brings a list of candidates, a line each.
    click.echo("\n".join(shown(line) for line in f"tracker: error: {text}".split("\n")), err=True)
    return code
