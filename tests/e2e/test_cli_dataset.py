"""`tracker export` of many runs: tables that other programs read as one whole."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import time

import duckdb
import polars as pl
import pytest

from tests.e2e.recording import TRACKER, environment, record, refused, strict, tracker

ODD = "a/b ../c=d%é"
PROGRAM = f"""
import math, tracker
for number in range(3):
    config = {{"lr": 0.1, "deep": {{"x": [1]}}}}
    with tracker.init(project="plain", name=f"r{{number}}", config=config) as run:
        for step in range(100):
            run.log({{"loss": step / 7 + number, "acc": step}}, step=step)
with tracker.init(project={ODD!r}, name="odd", tags="a,b=c") as run:
    run.log({{"big": 2**60 + 1, "nan": math.nan, "inf": -math.inf, "flag": True}}, step=0)
    run.log({{"say": "a,\\n\\"b\\""}}, step=0)
    run.log_system({{"cpu": 0.5}})
    run.log_console("hello\\n")
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = tmp_path_factory.mktemp("dataset") / "store"
    assert record(store, PROGRAM) == 0
    return store


def export(store, target, *arguments):
    done = tracker(store, "export", *arguments, "--output", str(target))
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module")
def parquet(store):
    return export(store, store.parent / "parquet", "--all", "--format", "parquet")


def test_duckdb_reads_all_points_with_their_project_and_run(parquet):
    """Escaped names come back as they are, and every point is exactly what was logged."""
    points = f"read_parquet('{parquet}/points/**/*.parquet', hive_partitioning=true)"
    rows = duckdb.sql(
        f"SELECT name, p.project, p.key, step, value, seq FROM {points} p "  # noqa: S608 - ours
        f"JOIN '{parquet}/runs.parquet' r ON r.id = p.run WHERE p.key = 'loss' ORDER BY name, step"
    ).fetchall()
    assert [row[:5] for row in rows] == [
        (f"r{number}", "plain", "loss", step, step / 7 + number)
        for number in range(3) for step in range(100)
    ]  # fmt: skip
    assert [row[5] for row in rows[:100]] == sorted(row[5] for row in rows[:100])
    odd = duckdb.sql(
        f"SELECT key, value, exact, epoch_us(time) = time_ns // 1000 FROM {points} "  # noqa: S608 - ours
        f"WHERE project = '{ODD}' ORDER BY key"
    ).fetchall()
    assert str(odd) == str([
        ("big", float(2**60), str(2**60 + 1), True), ("flag", 1.0, None, True),
        ("inf", -float("inf"), None, True), ("nan", float("nan"), None, True),
    ])  # fmt: skip


def test_polars_reads_all_points(parquet):
    """The whole folder as one frame."""
    frame = pl.read_parquet(parquet / "points", hive_partitioning=True)
    assert frame.height == 604
    assert set(frame["project"].unique()) == {"plain", ODD}
    assert frame.schema["time"] == pl.Datetime("us", "UTC")
    assert frame.filter(pl.col("key") == "acc")["value"].sum() == 3 * sum(range(100))


def test_nothing_else_of_a_run_is_lost(parquet):
    """Settings, tags, figures, texts, console and measures have their tables."""
    config = pl.read_parquet(parquet / "config.parquet")
    assert set(config["key"]) == {"lr", "deep/x"}
    assert set(pl.read_parquet(parquet / "tags.parquet")["tag"]) == {"a", "b"}
    assert pl.read_parquet(parquet / "metrics.parquet").height == 10
    for name, value in (("texts", 'a,\n"b"'), ("console", "hello\n"), ("system", 0.5)):
        assert value in list(pl.read_parquet(parquet / name)["value"])
    runs = pl.read_parquet(parquet / "runs.parquet")
    assert set(runs["status"]) == {"finished"}
    assert runs["started_at_ns"].is_not_null().all()


def test_csv_and_jsonl_have_the_same_rows(store, tmp_path):
    """Of a project; integers to the digit, NaN and infinities by name, JSON strict."""
    for form in ("csv", "jsonl"):
        export(store, tmp_path / form, "--project", ODD, "--format", form)
    (path,) = (tmp_path / "csv").glob("points/*/*/points.csv")
    assert path.parent.parent.name == "project=a%2Fb%20..%2Fc%3Dd%25%C3%A9"
    with path.open(newline="") as file:
        rows = {row["key"]: row for row in csv.DictReader(file)}
    assert rows["big"]["exact"] == str(2**60 + 1)
    assert (rows["nan"]["value"], rows["inf"]["value"]) == ("NaN", "-inf")
    (path,) = (tmp_path / "jsonl").glob("points/*/*/points.jsonl")
    lines = [strict(line) for line in path.read_text().splitlines()]
    assert {line["key"]: line["value"] for line in lines}["inf"] == "-Infinity"
    assert lines[0]["time"] == rows["big"]["time"]


def test_runs_by_name_and_one_run(store, tmp_path):
    """Several RUNs make a dataset, and one does with --dataset."""
    done = tracker(store, "export", "r0", "r1", "--format", "csv", "--output", str(tmp_path / "a"))
    assert "2 runs, 400 points" in done.stderr
    export(store, tmp_path / "b", "r2", "--dataset", "--format", "csv")
    assert len(list((tmp_path / "b").glob("points/*/*/*.csv"))) == 1


def test_only_an_export_is_replaced(store, tmp_path):
    """And that only with --force; a folder of other things never."""
    target = tmp_path / "out"
    export(store, target, "--all", "--format", "csv")
    arguments = ("export", "--all", "--format", "csv", "--output", str(target))
    refused(tracker(store, *arguments), 2, "--force")
    (target / "old.txt").write_text("precious")
    refused(tracker(store, *arguments, "--force"), 2, "old.txt")
    (target / "old.txt").unlink()
    export(store, target, "--project", "plain", "--format", "csv", "--force")
    assert len(list(target.glob("points/*"))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--all", "--project", "p"), "one of the three"), ((), "name a RUN"),
        (("--project", "nowhere"), "nowhere"), (("--all", "--what", "system"), "dataset"),
        (("--all",), "--output"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(store, arguments, word):
    refused(tracker(store, "export", "--format", "csv", *arguments), 2, word)


def test_a_killed_export_leaves_nothing_under_its_name(store, tmp_path):
    """However far it came."""
    target = tmp_path / "out"
    command = [TRACKER, "export", "--all", "--format", "csv", "--output", str(target)]
    with subprocess.Popen(command, env=environment(store), stderr=subprocess.DEVNULL) as exporting:
        until = time.monotonic() + 60
        while not any(tmp_path.iterdir()):
            assert time.monotonic() < until
            assert exporting.poll() is None
        os.kill(exporting.pid, signal.SIGKILL)
    assert not target.exists() or len(list(target.glob("points/*/*/*.csv"))) == 4
