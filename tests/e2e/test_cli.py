"""Looking at a store with the real console script: ls, show, and what all commands share."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from tests.e2e.recording import (
    GOOD,
    TRACKER,
    document,
    environment,
    full_store,
    record,
    refused,
    tracker,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return full_store(tmp_path_factory.mktemp("cli"))


def on_terminal(store: Path, *arguments: str, columns: int = 80) -> str:
    """What a person on a terminal gets."""
    parent, child = pty.openpty()
    env = environment(store, COLUMNS=str(columns), TERM="xterm")
    with subprocess.Popen([TRACKER, *arguments], env=env, stdout=child, stderr=child) as process:
        os.close(child)
        output = b""
        while True:
            try:
                part = os.read(parent, 65536)
            except OSError:  # the terminal's other end is closed
                break
            if not part:
                break
            output += part
        process.wait()
    os.close(parent)
    return output.decode().replace("\r\n", "\n")


def without_colours(text: str) -> str:
    for code in ("0", "1", "2", "31", "32", "33", "36"):
        text = text.replace(f"\x1b[{code}m", "")
    return text


def test_ls_lists_runs_newest_first_with_their_states(store):
    done = tracker(store, "ls")

    rows = [line.split() for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert done.stderr == ""
    assert rows[0][:4] == ["NAME", "ID", "PROJECT", "STATUS"]
    assert [row[0] for row in rows[1:]] == ["odd\\x07\\n", "crashed", "failed", "good"]
    assert [row[3] for row in rows[2:]] == ["crashed", "failed", "finished"]


def test_ls_shows_ids_that_the_other_commands_take(store):
    for row in tracker(store, "ls", "--project", "digits").stdout.splitlines()[1:]:
        name, short_id = row.split()[:2]
        assert document(store, "show", short_id)["name"] == name


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 140, 200])
def test_ls_never_wraps_on_a_terminal(store, columns):
    for line in without_colours(on_terminal(store, "ls", columns=columns)).splitlines():
        wide = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
        assert wide <= columns


def test_ls_filters(store):
    def names(*arguments):
        return [run["name"] for run in document(store, "ls", *arguments)["runs"]]

    assert names("--status", "failed") == ["failed"]
    assert names("--tag", "baseline") == ["good"]
    assert names("--tag", "team=vision") == ["good"]
    assert names("--tag", "team=other") == []
    assert names("--project", "digits", "--limit", "2") == ["crashed", "failed"]
    assert len(names("--limit", "0")) == 4


def test_ls_says_when_the_limit_left_runs_out(store):
    assert document(store, "ls", "--limit", "3")["more"] is True
    assert document(store, "ls", "--limit", "4")["more"] is False
    assert "--limit 0" in tracker(store, "ls", "--limit", "3").stdout
    assert "--limit 0" not in tracker(store, "ls", "--limit", "4").stdout


def test_ls_refuses_what_it_cannot_use(store):
    refused(tracker(store, "ls", "--project", "digit"), 2, "'digit'", "'digits'")
    refused(tracker(store, "ls", "--status", "done"), 2, "finished", "tracker ls --help")
    refused(tracker(store, "ls", "--limit", "-1"), 2, "--limit")


def test_show_tells_everything_about_a_run(store):
    text = tracker(store, "show", "good").stdout

    for part in (
        "good  finished after", "digits", "sweep", "train", "baseline, team=vision", "one", "two",
        "lr", "optim/name", "adam", "best", "0.01", "100 points", "101 points",
        "max 1000 @ 57", "not drawn: 1 NaN", "verdict  fine", "model.bin:v0", "4.9 KiB",
        "tracker remote add",
    ):  # fmt: skip
        assert part in text
    assert "damage" not in text


def test_show_json_has_a_documented_shape(store):
    run = document(store, "show", "good")

    assert run["config"] == {"lr": 0.1, "optim/name": "adam"}
    assert run["summary"] == {"best": 0.01}
    assert run["tags"] == {"baseline": "", "team": "vision"}
    assert run["metrics"]["loss"]["count"] == 101
    assert run["metrics"]["loss"]["last"] == "NaN"
    assert run["metrics"]["spike"]["max_step"] == 57
    assert run["texts"]["verdict"]["value"] == "fine"
    assert run["artifacts"][0]["name"] == "model.bin"
    assert run["gaps"] == []
    assert run["delivery"] is None


def test_show_says_how_a_run_ended(store):
    failed = tracker(store, "show", "failed").stdout
    assert "failed after" in failed
    assert "exit code 1" in failed
    assert "ValueError: no good \\x1b[31mred" in failed
    assert "crashed after" in tracker(store, "show", "crashed").stdout
    assert document(store, "show", "crashed")["metrics"]["loss"]["count"] == 30


def test_show_reports_damage_and_shows_the_rest(tmp_path):
    """Overwritten bytes cost the events they held, and a person is told which."""
    store = tmp_path / "store"
    record(store, GOOD)
    (segment,) = store.glob("journals/*/*.seg")
    data = bytearray(segment.read_bytes())
    data[2000:2050] = bytes(50)
    segment.write_bytes(data)

    text = tracker(store, "show", "good").stdout

    assert "damage\n  corruption in" in text
    assert "lost" in text
    assert "verdict  fine" in text
    assert document(store, "show", "good")["gaps"][0]["kind"] == "corruption"


def test_a_run_that_is_not_there_is_refused_with_the_nearest(store):
    for command in (["show"], ["tail"], ["export", "--format", "csv"]):
        refused(tracker(store, *command, "goood"), 1, "'goood'", "good")


def test_an_ambiguous_run_lists_the_candidates(tmp_path):
    store = tmp_path / "store"
    record(store, GOOD)
    record(store, GOOD)

    done = tracker(store, "show", "good")

    ids = [run["id"] for run in document(store, "ls")["runs"]]
    assert done.returncode == 1
    assert len(ids) == 2
    for run_id in ids:
        assert run_id in done.stderr


@pytest.mark.parametrize(
    "command",
    ["ls", "show RUN", "tail RUN", "export RUN --format csv", "export RUN --format jsonl"],
)
def test_nothing_that_was_recorded_steers_the_terminal(store, command):
    """Names, keys, tags and texts with control characters come out escaped."""
    run = document(store, "ls", "--limit", "1")["runs"][0]["id"]
    arguments = command.replace("RUN", run).split()

    text = without_colours(on_terminal(store, *arguments, columns=200))

    assert "\\x07" in text or "\\u0007" in text
    assert not [char for char in text if char != "\n" and not char.isprintable()]


def test_colours_are_for_terminals_only(store):
    assert "\x1b[" in on_terminal(store, "ls")
    assert "\x1b" not in tracker(store, "ls").stdout


@pytest.mark.parametrize("order", ["before", "after"])
def test_dir_is_taken_before_and_after_the_command(store, tmp_path, order):
    elsewhere = tmp_path / "elsewhere" / "store"
    elsewhere.parent.mkdir()
    given = ["--dir", str(store)]

    arguments = [*given, "ls", "--json"] if order == "before" else ["ls", *given, "--json"]

    assert len(json.loads(tracker(elsewhere, *arguments).stdout)["runs"]) == 4


@pytest.mark.parametrize(
    "command",
    [
        "ls",
        "show x",
        "tail x",
        "export x --format csv",
        "remote ls",
        "remote rm x",
        "push",
        "verify",
        "gc",
        "doctor",
    ],
)
def test_a_folder_that_is_no_store_is_refused_and_left_as_it_is(tmp_path, command):
    (tmp_path / "photos").mkdir()

    done = tracker(tmp_path / "photos", *command.split())

    refused(done, 1, "photos", "TRACKER_DIR")
    assert list((tmp_path / "photos").iterdir()) == []


def test_a_store_of_a_newer_format_is_refused_and_left_as_it_is(tmp_path):
    store = tmp_path / "store"
    record(store, GOOD)
    (store / "store.json").write_text('{"format": 99, "id": "00"}')
    before = sorted(store.rglob("*"))

    refused(tracker(store, "ls"), 1, "format 99", "pip install --upgrade")

    assert sorted(store.rglob("*")) == before


def test_an_empty_store_says_how_to_begin(tmp_path):
    store = tmp_path / "store"
    assert tracker(store, "remote", "add", "lab", "mlflow", "http://localhost:1").returncode == 0
    assert "tracker.init()" in tracker(store, "ls").stdout
    assert document(store, "ls")["runs"] == []


def test_an_unknown_command_is_refused_with_the_nearest(store):
    refused(tracker(store, "exprot"), 2, "'exprot'", "'export'", "tracker --help")


def test_version_and_help_are_there(store):
    assert tracker(store, "--version").stdout.startswith("tracker, version ")
    text = tracker(store, "-h").stdout
    assert "Exit codes:" in text
    assert "130  ended by Ctrl-C" in text


def test_the_commands_are_there_where_no_script_is_on_the_path(store):
    for program in ("tracker", "syncd"):
        words = [sys.executable, "-m", program, "--version"]
        said = subprocess.run(words, capture_output=True, text=True, cwd=store.parent, check=True)
        assert said.stdout.startswith(f"{program}, version ")


def test_an_unexpected_error_is_one_line_and_a_trace_on_demand(tmp_path):
    store = tmp_path / "store"
    record(store, GOOD)
    (store / "journals").rename(store / "away")
    (store / "journals").write_text("no folder")

    done = tracker(store, "ls")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("tracker: error: ")


def test_a_reader_that_has_read_enough_ends_the_command_silently(tmp_path):
    """In `tracker ... | head -1` it dies of the closed pipe, as cat does, and says nothing."""
    store = tmp_path / "store"
    program = (
        "import tracker\nrun = tracker.init(name='long')\nfor _ in range(3000): run.log({'x': 1})"
    )
    assert record(store, program) == 0
    line = f"'{TRACKER}' export long --format jsonl | head -1; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(
        ["bash", "-c", line], env=environment(store), capture_output=True, text=True, check=False
    )

    first, code = done.stdout.splitlines()
    assert json.loads(first)["step"] == 0
    assert int(code) == 128 + signal.SIGPIPE
    assert done.stderr == ""
