"""`tracker history` with the real console script: trends over wall time, and curves of runs."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timezone

import pytest

from tests.e2e.recording import document, full_store, refused, tracker

NOW = datetime.now(timezone.utc)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return full_store(tmp_path_factory.mktemp("history"))


def test_without_a_run_it_is_a_trend_of_all_runs(store):
    told = document(store, "history", "metrics.loss", "--project", "digits", "--since", "1d")
    rows = told["rows"]
    assert told["metric"] == "loss"
    assert sum(row["points"] for row in rows) == 101 + 1 + 30
    assert sum(row["nans"] for row in rows) == 2
    assert max(row["max"] for row in rows if row["max"] != "NaN") == 29
    assert max(row["runs"] for row in rows) <= 3
    began = [datetime.fromisoformat(row["time"]) for row in rows]
    assert all(abs((at - NOW).total_seconds()) < 3600 for at in began)
    later = document(store, "history", "loss", "--since", "2999-01-01")
    assert later["rows"] == []
    done = tracker(store, "history", "loss", "--until", "1d")
    assert (done.returncode, done.stdout) == (0, "no points in that range\n")


def test_a_run_is_rows_of_steps_in_which_no_spike_is_lost(store):
    done = tracker(store, "history", "spike", "good", "--points", "10", COLUMNS="80")
    head, *lines = done.stdout.splitlines()
    assert head.split() == ["STEP", "VALUE", "MIN", "MAX", "POINTS"]
    assert [line.split()[0] for line in lines] == [str(step) for step in range(0, 100, 10)]
    assert [line.split()[3] for line in lines].count("1000") == 1
    assert lines[5].split() == ["50", "0", "0", "1000", "10"]
    few = tracker(store, "history", "loss", "good", "--step", "3:5")
    assert [line.split()[0] for line in few.stdout.splitlines()[1:]] == ["3", "4", "5"]


def test_several_runs_stand_side_by_side(store):
    done = tracker(store, "history", "loss", "good", "crashed", "good", "--step", "28:31")
    head, *lines, note = done.stdout.splitlines()
    assert head.split() == ["STEP", "GOOD", "CRASHED"]
    assert lines[0].split() == ["28", "0.03448", "28"]
    assert len(lines[-1].split()) == 2  # the killed run had no step 31
    assert note.endswith("--csv or --json")
    rows = list(csv.DictReader(io.StringIO(
        tracker(store, "history", "loss", "good", "crashed", "--csv").stdout
    )))  # fmt: skip
    assert len(rows) == 101
    assert (rows[29]["crashed max"], rows[30]["crashed value"]) == ("29.0", "")
    told = document(store, "history", "loss", "good", "crashed")
    assert [curve["name"] for curve in told["curves"]] == ["good", "crashed"]
    assert told["curves"][0]["value"][-1] == "NaN"
    assert len(told["curves"][1]["at"]) == 30


@pytest.mark.parametrize("by", ["time", "relative time", "spike"])
def test_runs_are_aligned_by_other_axes(store, by):
    (curve,) = document(store, "history", "loss", "good", "--by", by)["curves"]
    assert sum(curve["points"]) == (100 if by == "spike" else 101)
    if by == "spike":
        assert (curve["at"], curve["points"]) == ([0, 1000], [99, 1])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["los"], 1, "no run has a metric 'los'. Nearest: 'loss'"),
        (["los", "good"], 1, "run good has no metric 'los'. Nearest: 'loss'"),
        (["loss", "odd"], 1, "no run 'odd'"),
        (["loss", "--project", "digit"], 2, "nearest: 'digits'"),
        (["loss", "good", "--since", "7d"], 2, "--since is for all runs together; leave out RUN"),
        (["loss", "--by", "time"], 2, "--by needs a RUN"),
        (["loss", "good", "--step", "3"], 2, "--step '3' cannot be read; give FROM:TO"),
        (["loss", "good", "--policy", "all"], 2, "it is one of last, first, mean"),
        (["loss", "good", "--branch", "x"], 2, "it is one of newest, old, all"),
        (["loss", "good", "--points", "3"], 2, "x>=4"),
        (["loss", "--since", "soon"], 2, "'soon' is no time"),
        (["loss", "--csv", "--json"], 2, "give one of them"),
    ],
)
def test_what_cannot_be_is_said_with_what_can(store, words, code, said):
    refused(tracker(store, "history", *words), code, said)
