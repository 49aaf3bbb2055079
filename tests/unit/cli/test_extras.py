"""Media, console and measures of the machine in what commands print."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import tracker
from tracker.cli.program import program
from tracker.journal import journals


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKER_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with tracker.init("p", name="one") as made:
        made.log({"loss": 1.0}, step=0)
        made.log_system({"cpu": 12.5})
        made.log_console("hello \x1b[31m\nworld\n")
        made.log_media("eval/img", "image", [("a.png", b"abc"), ("b.png", b"defg")], step=4)
        made._recording.record(27, "wandb", "team/p/abc", 9)
    return made


def asked(*words, code=0):
    done = CliRunner().invoke(program, [*words])
    assert code in (None, done.exit_code), done.output
    return done.output


def test_show_counts_them_and_says_where_a_run_is_taken_from(run):
    said = asked("show", "one")
    for words in (
        "taken from  wandb: team/p/abc", "eval/img  image, logged 1 times, 2 files, 7 B",
        "stdout  2 lines", "cpu  12.5, 12.5",
    ):  # fmt: skip
        assert words in said, said
    told = json.loads(asked("show", "one", "--json"))
    assert list(told["metrics"]) == ["loss"]
    assert told["system"]["cpu"]["last"] == 12.5
    assert told["console_lines"] == {"stdout": 2}
    assert told["media"] == [
        {"key": "eval/img", "form": "image", "times": 1, "files": 2, "bytes": 7}
    ]
    assert told["sources"] == [{"tool": "wandb", "name": "team/p/abc", "taken": 9}]
    assert run.id == told["id"]


def test_tail_shows_console_and_media_among_the_calls(run):
    said = asked("tail", run.id, "--no-follow")
    assert "hello \\x1b[31m\\nworld" in said
    assert "eval/img: 2 files, image" in said
    listed = [json.loads(line) for line in asked("tail", run.id, "--json").splitlines()]
    assert [one["type"] for one in listed] == ["log", "console", "media", "end"]
    assert listed[1]["text"] == "hello \x1b[31m\nworld\n"
    assert [file["name"] for file in listed[2]["files"]] == ["a.png", "b.png"]


def test_export_writes_one_kind_at_a_time(run):
    head, row = asked("export", run.id, "--format", "csv", "--what", "system").splitlines()
    assert head == "_step,_time,_writer,cpu"
    assert (row.split(",")[0], row.split(",")[3]) == ("0", "12.5")
    said = asked("export", run.id, "--format", "jsonl", "--what", "console")
    assert json.loads(said)["texts"] == {"stdout": "hello \x1b[31m\nworld\n"}
    assert "cpu" not in asked("export", run.id, "--format", "csv")


def test_doctor_reads_every_media_file_and_names_the_damaged_one(run):
    assert "every media file was read: 2 files" in asked("doctor", "--deep", code=None)
    (journal,) = journals(run.store.run(run.id))
    pack = journal.folder / f"{journal.writer_id}-000001.pack"
    content = bytearray(pack.read_bytes())
    content[-1] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(content)
    found = json.loads(asked("doctor", "--deep", "--json", code=3))["findings"]
    (damage,) = [one for one in found if one["level"] == "damage"]
    assert (damage["area"], damage["facts"]["name"]) == ("media", "b.png")
