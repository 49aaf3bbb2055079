"""`tracker export`: all that was logged comes out, in each format."""

from __future__ import annotations

import csv
import math
import re

import pytest
from pyarrow import parquet

from tests.e2e.recording import full_store, record, refused, strict, tracker


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return full_store(tmp_path_factory.mktemp("export"))


def test_csv_has_a_row_a_call_and_a_column_a_key(store):
    rows = list(
        csv.DictReader(tracker(store, "export", "good", "--format", "csv").stdout.splitlines())
    )

    assert list(rows[0]) == ["_step", "_time", "_writer", "loss", "spike", "big", "flag", "verdict"]
    assert len(rows) == 101
    assert [int(row["_step"]) for row in rows] == list(range(101))
    assert [float(row["loss"]) for row in rows[:100]] == [1 / (step + 1) for step in range(100)]
    last = rows[-1]
    assert (last["loss"], last["spike"], last["flag"], last["verdict"]) == ("NaN", "", "1", "fine")
    assert int(last["big"]) == 2**60 + 1


def test_csv_names_infinities(store):
    (row,) = csv.DictReader(
        tracker(store, "export", "failed", "--format", "csv").stdout.splitlines()
    )
    assert (row["loss"], row["up"], row["down"]) == ("NaN", "inf", "-inf")
    assert math.isnan(float(row["loss"]))


def test_jsonl_is_strict_and_keeps_integers_and_bools_as_logged(store):
    lines = tracker(store, "export", "good", "--format", "jsonl").stdout.splitlines()
    last = strict(lines[-1])

    assert len(lines) == 101
    assert last["step"] == 100
    assert last["metrics"] == {"loss": "NaN", "big": 2**60 + 1, "flag": True}
    assert last["texts"] == {"verdict": "fine"}
    assert re.fullmatch(r"[-\d]{10}T[:\d]{8}\.\d{9}\+00:00", last["time"])


def test_parquet_has_types_and_nulls(store, tmp_path):
    target = tmp_path / "good.parquet"
    done = tracker(store, "export", "good", "--format", "parquet", "-o", str(target))
    table = parquet.read_table(target)

    assert done.returncode == 0
    assert table.num_rows == 101
    assert str(table.schema.field("_time").type) == "timestamp[ns, tz=UTC]"
    assert str(table.schema.field("loss").type) == "double"
    assert table["spike"][100].as_py() is None
    assert math.isnan(table["loss"][100].as_py())
    assert table["verdict"].to_pylist() == [None] * 100 + ["fine"]
    assert table.schema.metadata[b"tracker.name"] == b"good"


def test_parquet_without_pyarrow_says_what_to_install(store, tmp_path):
    """An import of pyarrow that fails, as where it is not installed, becomes the pip command."""
    (tmp_path / "pyarrow.py").write_text("raise ImportError('none here')")
    arguments = ("export", "good", "--format", "parquet", "-o", str(tmp_path / "x.parquet"))
    done = tracker(store, *arguments, PYTHONPATH=str(tmp_path))
    refused(done, 1, "pip install 'tracker-syncd[parquet]'")


def test_parquet_needs_a_file(store):
    refused(tracker(store, "export", "good", "--format", "parquet"), 2, "--output")


def test_a_key_that_is_named_as_a_fixed_column_keeps_its_own(tmp_path):
    store = tmp_path / "store"
    program = """
import tracker
with tracker.init(name="r") as run:
    run.log({"_step": 7, "x": 1})
    run.log({"x": "one"})
"""
    assert record(store, program) == 0
    text = tracker(store, "export", "r", "--format", "csv").stdout.splitlines()
    assert text[0] == "_step,_time,_writer,_step_,x"
    target = tmp_path / "r.parquet"
    tracker(store, "export", "r", "--format", "parquet", "-o", str(target))
    table = parquet.read_table(target)
    assert table.column_names == ["_step", "_time", "_writer", "_step_", "x", "x_"]
    assert table["x"].to_pylist() == [1.0, None]
    assert table["x_"].to_pylist() == [None, "one"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_file_that_is_there_is_replaced_only_with_force(store, tmp_path, form):
    target = tmp_path / f"out.{form}"
    target.write_text("precious")
    arguments = ("export", "good", "--format", form, "--output", str(target))

    refused(tracker(store, *arguments), 2, "--force", "is there already")
    assert target.read_text() == "precious"

    done = tracker(store, *arguments, "--force")
    assert done.returncode == 0
    assert done.stdout == ""
    assert "101 log calls" in done.stderr
    assert target.stat().st_size > 1000
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_a_folder_that_is_not_there_is_refused(store, tmp_path):
    target = str(tmp_path / "no" / "out.csv")
    refused(tracker(store, "export", "good", "--format", "csv", "-o", target), 2, "no folder")


def test_an_unknown_format_is_refused(store):
    refused(tracker(store, "export", "good", "--format", "xlsx"), 2, "csv", "jsonl", "parquet")
