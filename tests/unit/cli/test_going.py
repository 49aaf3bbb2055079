"""What goes to a remote, as a person says it and as it is said back."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from tracker.cli import going
from tracker.cli import program as at

NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)


@pytest.fixture
def type_(tmp_path, monkeypatch, capsys):
    """Type a command: its exit code, and all that it printed."""
    monkeypatch.setenv("TRACKER_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def type_(*words):
        code = at.run(["remote", *words])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return type_


def test_filters_and_policy_are_kept_changed_and_said(type_, tmp_path):
    code, out = type_(
        "add", "lab", "mlflow", "http://h", "--since", "2026-11-01T00:00Z", "--project", "a",
        "--project", "b", "--tag", "good", "--exclude", "system/*", "--include", "config:*",
    )  # fmt: skip
    assert code == 0, out
    assert "of the project a or b, tagged good; of these only config:*; without system/*" in out
    settings = json.loads((tmp_path / "store" / "settings.json").read_text())
    assert settings["remotes"]["lab"] == {
        "kind": "mlflow", "url": "http://h", "since": "2026-11-01T00:00:00Z",
        "project": ["a", "b"], "tag": ["good"], "include": ["config:*"], "exclude": ["system/*"],
    }  # fmt: skip
    clear = ("--clear", "since", "--clear", "project", "--clear", "include", "--clear", "exclude")
    assert type_("set", "lab", *clear, "--tag", "best=1") == (
        0, "goes to lab: runs tagged best=1\n",
    )  # fmt: skip
    assert type_("rename", "lab", "home")[0] == 0
    assert "goes to home: runs tagged best=1" in type_("ls")[1]
    assert json.loads(type_("ls", "--json")[1])["remotes"]["home"]["tag"] == ["best=1"]
    assert type_("set", "home", "--clear", "tag") == (0, "goes to home: all runs\n")
    assert "goes to" not in type_("ls")[1]


def test_hours_and_a_rate_are_kept_said_and_cleared(type_, tmp_path):
    code, out = type_(
        "add", "lab", "mlflow", "http://h", "--hours", "22:00-06:00", "--hours", "12:00-13:00",
        "--file-hours", "01:00-05:00", "--bytes-per-s", "1.5M",
    )  # fmt: skip
    assert code == 0, out
    assert "at 22:00-06:00, 12:00-13:00; files at 01:00-05:00; at most 1,500,000 bytes" in out
    settings = json.loads((tmp_path / "store" / "settings.json").read_text())["remotes"]["lab"]
    assert (settings["hours"], settings["bytes_per_s"]) == (
        ["22:00-06:00", "12:00-13:00"], 1_500_000,
    )  # fmt: skip
    clear = ("--clear", "hours", "--clear", "file-hours", "--clear", "bytes-per-s")
    assert type_("set", "lab", *clear) == (0, "goes to lab: all runs\n")


@pytest.mark.parametrize(
    ("text", "meant"), [("1000", 1000), ("500K", 500_000), ("2 MB/s", 2_000_000), ("1g", 10**9)]
)
def test_a_rate_is_what_a_person_means(text, meant):
    assert going.rate(text) == meant


def test_no_backfill_is_from_now_on(type_):
    before = datetime.now(timezone.utc)
    assert type_("add", "lab", "mlflow", "http://h", "--no-backfill")[0] == 0
    said = json.loads(type_("ls", "--json")[1])["remotes"]["lab"]["since"]
    since = datetime.fromisoformat(said.replace("Z", "+00:00"))
    assert before <= since <= datetime.now(timezone.utc)


def test_a_rename_names_the_credentials_that_go_by_the_old_name(type_, monkeypatch):
    type_("add", "lab", "mlflow", "http://h")
    monkeypatch.setenv("TRACKER_REMOTE_LAB_TOKEN", "s3cr3t")
    code, out = type_("rename", "lab", "home")
    assert (code, "TRACKER_REMOTE_LAB_...: set them as TRACKER_REMOTE_HOME_..." in out) == (0, True)
    assert "s3cr3t" not in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "7d", "--no-backfill"), "not both"),
        (("--exclude", "artefact:x"), "artifact:x"),
        (("--include", "config:"), "config:*"),
        (("--exclude", ""), "metric:*"),
        (("--project", ""), "--project is empty"),
        (("--hours", "22-6"), "HH:MM-HH:MM"),
        (("--file-hours", "nights"), "HH:MM-HH:MM"),
        (("--bytes-per-s", "999"), "1000 or more"),
        (("--bytes-per-s", "fast"), "500K, 2M"),
        ((), "tracker remote set --help"),
        (("--clear", "tags"), "'tags'"),
    ],
)
def test_wrong_words_are_refused_and_change_nothing(type_, words, said):
    type_("add", "lab", "mlflow", "http://h")
    before = type_("ls", "--json")
    code, out = type_("set", "lab", *words)
    assert (code, said in out) == (2, True), out
    assert type_("ls", "--json") == before


def test_remotes_that_are_not_there_or_taken_are_named(type_):
    type_("add", "lab", "mlflow", "http://h")
    assert "Did you mean 'lab'? Known: lab" in type_("set", "lib", "--clear", "tag")[1]
    assert "Known: lab" in type_("rename", "lib", "x")[1]
    assert "1 to 32" in type_("rename", "lab", "L")[1]
    code, out = type_("add", "again", "mlflow", "http://h/")
    assert (code, "tracker remote rename lab again" in out) == (2, True)
