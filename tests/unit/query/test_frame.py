"""A run's calls as a pandas DataFrame."""

import sys

import pytest

import tracker
from tracker.errors import BadInput
from tracker.query import Store


@pytest.fixture
def run(tmp_path):
    with tracker.init("p", name="r", dir=tmp_path / "store") as run:
        for step in range(3):
            run.log({"loss": step / 2, "_step": step}, step=step)
        run.log({"say": "hi"}, step=7)
    return Store(tmp_path / "store").run("r")


def test_a_row_a_call_and_a_column_a_key(run):
    """With exact times, numbers as such, and keys that have names of ours kept apart."""
    frame = run.to_pandas()
    assert list(frame)[:3] == ["_step", "_time", "_writer"]
    assert set(list(frame)[3:]) == {"_step_", "loss", "say"}
    assert frame["_step"].tolist() == [0, 1, 2, 7]
    assert frame["loss"].tolist()[:3] == [0.0, 0.5, 1.0]
    assert str(frame["loss"].dtype) == "float64"
    assert frame["loss"].isna().tolist() == [False, False, False, True]
    assert [time.value for time in frame["_time"]] == [row.time_ns for row in run.rows()]
    assert frame["say"][3] == "hi"


def test_nothing_logged_is_an_empty_frame(run):
    """Its three columns are there."""
    assert list(run.to_pandas("console")) == ["_step", "_time", "_writer"]


def test_without_pandas_it_says_what_to_install(run, monkeypatch):
    """Not a trace of an import."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(BadInput, match="pip install pandas"):
        run.to_pandas()
