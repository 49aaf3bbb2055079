"""README.md is true: its Python runs, its commands run or parse, and it leaves nothing out."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import click
import msgspec
import pytest

from syncd.cli.program import program as syncd
from tracker.cli.program import program as tracker
from tracker.settings import Settings

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
PROGRAMS = {"tracker": tracker, "syncd": syncd}


def blocks(language: str) -> list[tuple[int, str]]:
    """Return the fenced blocks of a language, each with the number of its first line."""
    fences = re.finditer(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return [(TEXT[: fence.start(1)].count("\n") + 1, fence[1]) for fence in fences]


def commands(language: str) -> list[str]:
    """Return the lines of all blocks of a language that call one of our programs."""
    lines = (line for _, block in blocks(language) for line in block.splitlines())
    plain = (line.removeprefix("$ ").split("#")[0].strip() for line in lines)
    return [line for line in plain if line.split(" ")[0] in PROGRAMS]


def run(folder: Path, command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("TRACKER_")}
    return subprocess.run(
        command,
        cwd=folder,
        env=kept | {"TRACKER_DIR": str(folder / "store"), "XDG_CONFIG_HOME": str(folder)},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all Python of the README in order, in a process and a store of its own."""
    place = tmp_path_factory.mktemp("readme")
    # Empty lines in front: an error then names the line of the README.
    parts = [f"exec(compile({chr(10) * (n - 1) + code!r}, 'README.md', 'exec'))"
             for n, code in blocks("python")]  # fmt: skip
    (place / "readme.py").write_text("\n".join(parts))
    done = run(place, [sys.executable, "-W", "error", "readme.py"])
    assert done.returncode == 0, done.stderr
    return place


def test_python_examples_record_what_they_say(folder: Path) -> None:
    listed = run(folder, [BIN / "tracker", "ls", "--json"])
    names = re.findall(r'"name": ?"(\w+)"', listed.stdout)
    assert len(blocks("python")) >= 4
    assert {"first", "second", "long"} <= set(names), listed.stderr


@pytest.mark.parametrize("line", commands("console"))
def test_console_commands_run_as_shown(folder: Path, line: str) -> None:
    """They end well after the Python above them. doctor may find something to do: code 1."""
    program, *rest = shlex.split(line)
    done = run(folder, [BIN / program, *rest])
    allowed = (0, 1) if rest == ["doctor"] else (0,)
    assert done.returncode in allowed, done.stderr
    assert done.stdout or "--output" in rest


@pytest.mark.parametrize("line", commands("sh"))
def test_commands_that_need_a_remote_parse(line: str) -> None:
    program, *rest = shlex.split(line)
    command: click.Command = PROGRAMS[program]
    context = click.Context(command)
    while isinstance(command, click.Group):
        name, *rest = rest
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {name}"
        command = found
    command.make_context(program, list(rest), parent=context)


def tree(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield a command and all below it, each with its full name."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from tree(found, f"{name} {below}")


def test_every_command_and_option_is_named() -> None:
    table = TEXT[TEXT.index("## Commands") : TEXT.index("## Settings")].splitlines()
    shared = {"--dir", "--json", "--remote", "--help", "--version"}  # said below the table
    missing = []
    for program, group in PROGRAMS.items():
        for name, command in tree(group, program):
            words = name.split()
            rows = [row for row in table if f"`{' '.join(words[:2])}" in row]
            wanted = {o for p in command.params for o in p.opts if o.startswith("--")} - shared
            missing += [f"{name} {o}" for o in wanted | set(words[2:]) if o not in "".join(rows)]
            missing += [] if rows else [name]
    assert not missing


def test_every_setting_is_named_with_its_default() -> None:
    for field in msgspec.structs.fields(Settings):
        default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
        said = msgspec.json.encode(default).decode()
        assert f"| `{field.name}` | `{said}` |" in TEXT, field.name


def test_no_setting_is_named_that_is_none() -> None:
    section = TEXT[TEXT.index("| setting | default") :].splitlines()
    named = {row.split("`")[1] for row in takewhile(bool, section) if row.startswith("| `")}
    assert named == {field.name for field in msgspec.structs.fields(Settings)}


def test_every_variable_that_is_read_is_named() -> None:
    root = README.parent
    read = {
        name
        for package in PROGRAMS
        for file in (root / package).rglob("*.py")
        for name in re.findall(
            r"environ(?:\.get\(|\[)\s*\"(\w+)\"", file.read_text(encoding="utf-8")
        )
    }
    assert "TRACKER_DIR" in read
    known = {"TERM", "COLUMNS"}  # a terminal's own, as every program reads them
    assert not {name for name in read - known if f"`{name}`" not in TEXT}


def test_every_figure_is_filled_in() -> None:
    """Figures are measured ones: no placeholder is left for a reader to stumble over."""
    assert "<figure" not in TEXT
