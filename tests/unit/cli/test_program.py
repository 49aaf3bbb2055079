"""The program as a whole: its help is complete, its imports are few, its edge lets no trace out."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import tracker
from tracker.cli import program as at
from tracker.errors import BadInput, RunError

SOURCE = Path(tracker.__file__).parent


def every_command():
    """All commands with their full names, the program itself first."""

    def below(name, command):
        yield name, command
        if isinstance(command, click.Group):
            with click.Context(command) as context:
                for word in command.list_commands(context):
                    yield from below(f"{name} {word}", command.get_command(context, word))

    return list(below("tracker", at.program))


@pytest.mark.parametrize(("name", "command"), every_command())
def test_every_command_and_option_has_a_help_text(name, command):
    assert command.help, name
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, (name, parameter.name)
        else:  # an argument is explained where the command is
            described = command.help + (parameter.metavar or "")
            assert parameter.make_metavar(click.Context(command)).strip("[].") in described


def test_the_list_of_commands_is_what_is_there():
    names = {name.split()[1] for name, _ in every_command() if " " in name}
    assert names == set(at.COMMANDS)
    for name, text in at.COMMANDS.items():
        with click.Context(at.program) as context:
            command = at.program.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert text.endswith(".")


def test_reading_commands_have_json_and_all_have_dir():
    options = {
        name: {word for parameter in command.params for word in parameter.opts}
        for name, command in every_command()
    }
    for name, words in options.items():
        assert "--dir" in words, name
    for name in ("ls", "show", "tail", "remote ls", "doctor"):
        assert "--json" in options[f"tracker {name}"]


def imported_by(*arguments):
    code = f"import sys; from tracker.cli import program; program.run({list(arguments)!r})"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(*sys.modules, file=sys.stderr)"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return {name.partition(".")[0] for name in done.stderr.split()}


def test_help_and_ls_leave_heavy_modules_alone(tmp_path):
    heavy = {"syncd", "httpx", "sqlite_utils", "pyarrow", "watchdog", "tenacity", "textual"}
    assert not imported_by("--help") & (heavy | {"numpy", "sqlite3"})
    assert not imported_by("ls", "--dir", str(tmp_path)) & heavy


def test_tracker_never_imports_syncd():
    pattern = re.compile(r"^\s*(?:from|import)\s+syncd\b", re.MULTILINE)
    for path in SOURCE.rglob("*.py"):
        assert not pattern.search(path.read_text()), path


@pytest.fixture
def failing(monkeypatch):
    """Make `tracker ls` raise what a test gives."""

    def fail_with(error):
        @click.command()
        def ls():
            raise error

        monkeypatch.setattr(at.program, "get_command", lambda _context, _name: ls)

    return fail_with


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadInput("bad"), 2),
        (RunError("bad"), 1),
        (click.UsageError("bad"), 2),
        (click.FileError("bad"), 1),
        (RuntimeError("bad"), 1),
        (OSError(5, "bad"), 1),
    ],
)
def test_every_error_is_a_line_and_a_code(failing, capsys, error, code):
    failing(error)
    assert at.run(["ls"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tracker: error: ")
    assert "bad" in err
    assert err.count("\n") == 1


def test_ctrl_c_has_a_code_of_its_own(failing, capsys):
    failing(KeyboardInterrupt())
    assert at.run(["ls"]) == at.ENDED_BY_CTRL_C
    assert capsys.readouterr().err.strip() == ""


def test_the_trace_of_an_unexpected_error_comes_on_demand_only(failing, capsys, monkeypatch):
    failing(RuntimeError("odd\x1b[31m"))
    monkeypatch.delenv("TRACKER_DEBUG", raising=False)
    at.run(["ls"])
    quiet = capsys.readouterr().err
    assert "Traceback" not in quiet
    assert "TRACKER_DEBUG=1" in quiet
    assert "\x1b" not in quiet
    monkeypatch.setenv("TRACKER_DEBUG", "1")
    at.run(["ls"])
    assert "Traceback" in capsys.readouterr().err
