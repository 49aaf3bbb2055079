"""Finding runs with the real console script: query, sql, and ls with a filter."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import pty
import signal
import sqlite3
import subprocess

import pytest

from tests.e2e.recording import (
    TRACKER,
    document,
    environment,
    full_store,
    record,
    refused,
    tracker,
    wait_until,
)

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT sum(x) FROM c"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return full_store(tmp_path_factory.mktemp("query"))


def test_query_shows_the_runs_and_what_was_named(store):
    done = tracker(store, "query", "metrics.loss.min <= 0.01 order by metrics.loss.min desc")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["name", "id", "project", "status", "started", "metrics.loss.min"]
    assert [(line[0], line[-1]) for line in lines[1:]] == [("good", "0.01"), ("crashed", "0")]
    assert done.stderr == ""


def test_query_has_json_and_csv_with_the_same_columns(store):
    query = "status = 'failed' or params.lr = 0.1 order by metrics.down"
    said = document(store, "query", query)
    assert [row["name"] for row in said["rows"]] == ["failed", "good"]
    assert [row["metrics.down"] for row in said["rows"]] == ["-Infinity", None]
    assert (said["token"], said["hints"]) == (None, [])
    rows = list(csv.DictReader(io.StringIO(tracker(store, "query", query, "--csv").stdout)))
    assert list(rows[0]) == said["columns"]
    assert [row["metrics.down"] for row in rows] == ["-Infinity", ""]


def test_query_groups(store):
    said = document(store, "query", "project = 'digits' group by status aggregate count")
    assert {row["status"]: row["count"] for row in said["rows"]} == {
        "crashed": 1, "failed": 1, "finished": 1,
    }  # fmt: skip


def test_ls_and_query_page_by_token(store):
    for command, key in ((["ls"], "runs"), (["query", "order by name"], "rows")):
        whole = [run["name"] for run in document(store, *command)[key]]
        first = document(store, *command, "--limit", "3")
        rest = document(store, *command, "--limit", "3", "--token", first["token"])
        assert [run["name"] for run in first[key] + rest[key]] == whole
        assert rest["token"] is None
        done = tracker(store, *command, "--limit", "3")
        assert first["token"][:8] in done.stdout + done.stderr


def test_ls_takes_a_filter(store):
    said = document(store, "ls", "--filter", "metrics.loss.count > 50 order by name")
    assert [run["name"] for run in said["runs"]] == ["good"]
    assert "no run is like that" in tracker(store, "ls", "--filter", "exit_code = 9").stdout


@pytest.mark.parametrize("command", [["query"], ["ls", "--filter"]])
def test_a_query_that_cannot_be_read_is_shown_with_a_caret(store, command):
    done = tracker(store, *command, "metrics.loss < 1 adn status = 'failed'")
    head, line, caret = done.stderr.splitlines()
    assert done.returncode == 2
    assert done.stdout == ""
    assert head.startswith("tracker: error: the query cannot be read at column 18: expected and")
    assert line[caret.index("^") :].startswith("adn")


def test_a_metric_that_no_run_has_is_said_with_the_nearest(store):
    done = tracker(store, "query", "metrics.los < 1")
    assert done.returncode == 0
    assert done.stderr == "no run has a metric 'los'; nearest: 'loss'\n"
    assert document(store, "query", "metrics.los < 1")["hints"]


def test_what_does_not_go_together_is_refused(store):
    refused(tracker(store, "query", "name = 'a'", "--csv", "--json"), 2, "--csv", "--json")
    refused(tracker(store, "query", "group by name", "--token", "x"), 2, "--token")
    refused(tracker(store, "query", "name = 'a'", "--token", "x"), 2, "token 'x'")
    refused(tracker(store, "sql"), 2, "--views")


def test_sql_reads_the_views(store):
    text = tracker(store, "sql", "select name, exit_code from runs where status = 'failed'").stdout
    assert [line.split() for line in text.splitlines()] == [["name", "exit_code"], ["failed", "1"]]
    said = document(store, "sql", "select max, x'00ff' from metrics where key = 'up'")
    assert said == {"columns": ["max", "x'00ff'"], "rows": [["Infinity", "00ff"]]}
    assert "started_at" in tracker(store, "sql", "--views").stdout


def test_sql_changes_nothing(store):
    before = document(store, "ls")
    for statement in ("delete from run", "update run set name = 'x'", "attach 'x.db' as x"):
        refused(tracker(store, "sql", statement), 2, "only reading")
    refused(tracker(store, "sql", "selct 1"), 2, "syntax error", "--views")
    assert document(store, "ls") == before
    assert not (store.parent / "x.db").exists()


def test_a_long_sql_ends_at_its_time(store):
    refused(tracker(store, "sql", ENDLESS, "--seconds", "0.3"), 1, "0.3 s", "--seconds")


def test_ctrl_c_ends_a_long_sql_quietly(store):
    """Also while SQLite is at work: 130, as every command that was ended so."""
    command = [TRACKER, "sql", ENDLESS]
    with subprocess.Popen(
        command, env=environment(store), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        stat = f"/proc/{process.pid}/stat"

        def worked():
            with open(stat) as file:  # noqa: PTH123 - of the kernel
                return int(file.read().rsplit(")", 1)[1].split()[11]) > 80  # 0.8 s of processor

        wait_until(worked)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (130, b"", b"")


@pytest.mark.parametrize("command", ["query", "sql"])
def test_nothing_that_was_recorded_steers_the_terminal(store, command):
    given = {"query": "project like 'p%'", "sql": "select name, project from runs"}[command]
    for layout in ([], ["--csv"], ["--json"]):
        parent, child = pty.openpty()
        env = environment(store, TERM="dumb")
        subprocess.run([TRACKER, command, given, *layout], env=env, stdout=child, check=True)
        os.close(child)
        text = os.read(parent, 65536).decode()
        os.close(parent)
        assert "odd" in text
        assert not [char for char in text if char not in "\r\n" and not char.isprintable()]


def test_an_index_of_a_newer_version_is_left_as_it_is(tmp_path):
    store = tmp_path / "store"
    assert record(store, "import tracker; tracker.init(name='a').finish()") == 0
    assert tracker(store, "ls").returncode == 0
    with contextlib.closing(sqlite3.connect(store / "index.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    for arguments in (["query", "name = 'a'"], ["sql", "select 1"], ["ls"]):
        refused(tracker(store, *arguments), 1, "version 99", "Nothing was changed", "Upgrade")
    with contextlib.closing(sqlite3.connect(store / "index.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)
