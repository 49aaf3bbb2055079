"""Runs are listed, found as a person names them, and read with all they hold."""

from __future__ import annotations

import json
import math
import sqlite3
from datetime import timezone

import pytest

from tests.unit.index.stories import (
    ARTIFACT,
    CONFIG,
    FINISH,
    LOG,
    SUMMARY,
    TAGS,
    begin,
)
from tracker.errors import RunError, StoreError
from tracker.query import Store, plain

RUNS = ("aaaa1" + "0" * 27, "aaaa2" + "0" * 27, "bbbb1" + "0" * 27)


@pytest.fixture
def three(folder):
    """Three runs, the last still running."""
    for run_id, name in zip(RUNS, ("calm-otter", "calm-otter", "brave-fox"), strict=True):
        writer = begin(folder, run_id, name=name, project="p" if run_id < "b" else "q")
        writer.append(TAGS, {"team": run_id[0]}, ["new"] if run_id == RUNS[0] else [])
        if run_id < "b":
            writer.append(FINISH, "finished", 0, None, {})
            writer.close()
    yield RUNS
    writer.close()


def ids(runs):
    return [run.id for run in runs]


def test_runs_come_newest_first_and_are_chosen_by_project_status_tag_and_number(store, three):
    a, b, c = three
    assert ids(store.runs()) == [c, b, a]
    assert ids(store.runs("p")) == [b, a]
    assert ids(store.runs(status="running")) == [c]
    assert ids(store.runs(tag="new")) == [c, b]
    assert ids(store.runs(tag="team=a")) == [b, a]
    assert ids(store.runs("p", tag="new", limit=1)) == [b]
    assert store.runs("none") == []


@pytest.mark.usefixtures("three")
def test_projects_tell_how_many_runs_they_have(store):
    assert [(project.name, project.runs, project.running) for project in store.projects()] == [
        ("p", 2, 0),
        ("q", 1, 1),
    ]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("ref", [RUNS[2], "bbbb", "bbbb10", "brave-fox"])
def test_a_run_is_found_by_id_prefix_or_name(store, ref):
    assert store.run(ref).id == RUNS[2]


@pytest.mark.usefixtures("three")
def test_what_could_be_several_runs_lists_them(store):
    for ref in ("calm-otter", "aaaa"):
        with pytest.raises(RunError) as caught:
            store.run(ref)
        assert all(run in str(caught.value) for run in RUNS[:2])
        assert RUNS[2] not in str(caught.value)


@pytest.mark.usefixtures("three")
def test_a_name_that_begins_another_runs_id_is_ambiguous_but_a_whole_id_never_is(folder, store):
    begin(folder, "c" * 32, name="bbbb").close()
    begin(folder, "d" * 32, name=RUNS[0]).close()
    with pytest.raises(RunError, match="could be 2 runs"):
        store.run("bbbb")
    assert store.run(RUNS[0]).id == RUNS[0]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("ref", "hint"),
    [("brave-fux", "brave-fox"), ("bb", "at least 4"), ("zzzzzzzz", "tracker ls"), ("", "no run")],
)
def test_a_run_that_is_not_there_is_an_error_with_what_to_do(store, ref, hint):
    with pytest.raises(RunError, match=hint):
        store.run(ref)


@pytest.mark.usefixtures("three")
def test_wildcards_in_a_ref_are_no_wildcards(store):
    for ref in ("aaaa%", "____", "%%%%", "aaaa' OR 1 --"):
        with pytest.raises(RunError, match="no run"):
            store.run(ref)


def test_an_empty_store_says_so_and_none_is_an_error(store, tmp_path):
    assert store.runs() == []
    with pytest.raises(RunError, match="none yet"):
        store.run("abcd")
    with pytest.raises(StoreError):
        Store(tmp_path / "nowhere")


@pytest.fixture
def run(folder, store):
    writer = begin(folder, RUNS[0], name="full")
    writer.append(CONFIG, {"optim/lr": 0.1, "layers": [1, 2], "none": None})
    writer.append(SUMMARY, {"best": float("inf"), "name": "NaN"})
    for step, loss in enumerate((0.5, float("nan"), float("-inf"), 0.25)):
        writer.append(LOG, step, {"loss": loss, "note": f"n{step}", "big": 2**60 + step})
    writer.append(ARTIFACT, "model", "model", "e" * 64, 3, 1000)
    writer.append(FINISH, "failed", 1, "KeyError: 'x'", {"console": 2})
    writer.close()
    return store.run("full")


def test_a_run_holds_what_was_recorded(run):
    assert (run.project, run.name, run.status, run.exit_code) == ("p", "full", "failed", 1)
    assert (run.error, run.events, run.dropped) == ("KeyError: 'x'", 9, {"console": 2})
    assert run.started_at.tzinfo is timezone.utc
    assert run.started_at <= run.ended_at
    assert run.duration == run.ended_at - run.started_at
    assert run.config == {"layers": [1, 2], "none": None, "optim/lr": 0.1}
    assert run.summary == {"best": math.inf, "name": "NaN"}
    assert run.tags == {"new": ""}
    assert run.about == {"host": "here"}
    (version,) = run.artifacts()
    assert (version.name, version.version, version.files, version.size) == ("model", "v0", 3, 1000)
    assert [(text.step, text.value) for text in run.texts("note")][::3] == [(0, "n0"), (3, "n3")]
    assert run.text_keys() == ["note"]
    assert run.gaps == []


def test_figures_count_nan_and_pass_over_it(run):
    loss = run.metrics["loss"]
    assert (loss.count, loss.nans, loss.first, loss.last, loss.last_step) == (4, 1, 0.5, 0.25, 3)
    assert (loss.min, loss.min_step, loss.max, loss.max_step) == (-math.inf, 2, 0.5, 0)
    assert loss.mean == -math.inf


def test_history_is_columns_and_rows_are_exact(run):
    history = run.history("loss")
    assert history.steps.tolist() == [0, 1, 2, 3]
    assert repr(history.values.tolist()) == "[0.5, nan, -inf, 0.25]"
    rows = list(run.rows())
    assert [row.values["big"] for row in rows] == [2**60 + step for step in range(4)]
    assert rows[3].values["note"] == "n3"
    with pytest.raises(RunError, match="Nearest: 'loss'"):
        run.history("los")


def test_a_run_in_json_is_strict_json(run):
    text = json.dumps(run.to_dict(), allow_nan=False)
    said = json.loads(text)
    assert said["summary"]["best"] == "Infinity"
    assert said["metrics"]["loss"]["min"] == "-Infinity"
    assert said["started_at"].endswith("+00:00")
    assert plain({"x": [float("nan"), 1, (True, None)]}) == {"x": ["NaN", 1, [True, None]]}


def test_a_run_prints_as_a_person_would_name_it(run):
    assert repr(run) == f"<run full ({RUNS[0]}) of p: failed>"
    assert str(run).startswith("full  failed  2")


def test_refresh_shows_what_came_since(folder, store):
    writer = begin(folder, RUNS[1])
    run = store.run(RUNS[1])
    assert run.metrics == {}
    writer.append(LOG, 0, {"loss": 1.0})
    assert run.metrics == {}
    assert run.refresh().metrics["loss"].count == 1
    assert run.duration.total_seconds() >= 0
    assert run.history("loss").values.tolist() == [1.0]
    writer.close()


def test_a_run_of_which_nothing_but_its_points_is_left_is_still_shown(folder, store):
    writer = begin(folder, RUNS[1])
    writer.append(LOG, 0, {"loss": 1.0})
    writer.append(LOG, 1, {"loss": 2.0})
    writer.close()
    (file,) = folder.run(RUNS[1]).iterdir()
    data = file.read_bytes()
    at = data.index(b"loss")
    file.write_bytes(b"\0" * at + data[at:])  # header, Start and the first point
    run = store.run(RUNS[1])
    assert (run.name, run.project, run.status) == ("", "", "crashed")
    assert run.history("loss").values.tolist() == [2.0]
    assert [gap.harmless for gap in run.gaps].count(False) >= 1
    assert "of ?" in repr(run)


def test_the_views_are_there_for_sql_and_cannot_be_changed(folder, store):
    """`tables` is a sqlite-utils database over what was recorded up to now, for reading only."""
    writer = begin(folder, RUNS[0], name="one")
    writer.append(FINISH, "finished", 0, None, {})
    writer.close()
    database = store.tables()
    assert [(row["name"], row["status"]) for row in database["runs"].rows] == [("one", "finished")]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database.execute("create table t (x)")
    database.conn.close()
