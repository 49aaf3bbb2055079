"""A training records through the public API, and the store says what it gave."""

from __future__ import annotations

import argparse
import decimal
import logging
import math
import os
import shutil
import threading

import numpy as np
import pytest

import tracker
from tracker.events import Config, Finish, Log, Start, Summary
from tracker.journal import journals
from tracker.store import StoreFolder


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("TRACKER_", "SLURM_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TRACKER_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return StoreFolder(tmp_path / "store", "")


def events(store, run_id, kind=None):
    found = [event for journal in journals(store.run(run_id)) for event in journal.events()]
    return [event for event in found if kind is None or isinstance(event, kind)]


def values(store, run):
    return [(event.step, event.values) for event in events(store, run.id, Log)]


def test_a_training_from_beginning_to_end(own_store, capfd):
    with tracker.init(
        "digits", config={"optim": {"lr": 0.1}}, name="first", tags=["a"], group="g",
        job_type="train", notes="n",
    ) as run:  # fmt: skip
        for step in range(3):
            run.log({"loss": 1 / (step + 1), "val": {"acc": step}}, step=step)
        run.summary["best"] = 0.5
        run.summary.update(last=1, nested={"x": None})
        assert run.flush()
    start, *rest = events(own_store, run.id)
    assert (start.project, start.name, start.group, start.job_type, start.notes, start.tags) == (
        "digits", "first", "g", "train", "n", {"a": ""},
    )  # fmt: skip
    assert rest[0].values == {"optim/lr": 0.1}
    assert values(own_store, run) == [
        (step, {"loss": 1 / (step + 1), "val/acc": step}) for step in range(3)
    ]
    assert [e.values for e in events(own_store, run.id, Summary)] == [
        {"best": 0.5}, {"last": 1, "nested/x": None},
    ]  # fmt: skip
    assert isinstance(rest[-1], Finish)
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == f"tracker: run first ({run.id}) is recorded in {own_store.root}"
    assert lines[1].startswith(f"tracker: look at it: tracker show {run.id} ")
    assert lines[2].startswith("tracker: pending: nothing")
    assert lines[3].startswith("tracker: run first is finished; ")
    assert len(lines) == 4


def test_a_run_is_named_by_what_a_command_takes(capfd):
    """Names may be shared by several runs, and an id may begin as an option does."""
    for _ in range(2):
        tracker.init("p", name="baseline", id="-h").finish()
    said = capfd.readouterr().err
    assert "tracker show -- -h   follow it: tracker tail -- -h\n" in said
    assert "recorded. tracker show -- -h\n" in said


def test_silent_prints_nothing_and_still_warns_the_logger(capfd, monkeypatch, caplog):
    monkeypatch.setenv("TRACKER_SILENT", "1")
    with caplog.at_level(logging.INFO, "tracker"), tracker.init() as run:
        run.log({"bad": None})
    assert capfd.readouterr() == ("", "")
    assert "'bad' is of type NoneType" in caplog.text


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_disabled_does_nothing_and_writes_nothing(own_store, monkeypatch, how, capfd):
    if how == "environment":
        monkeypatch.setenv("TRACKER_MODE", "disabled")
    run = tracker.init("p", config={"a": 1}, mode="disabled" if how == "argument" else None)
    run.log({"x": 1, "odd": object()}, "no step")
    run.summary["x"] = 1
    run.tags += ["t"]
    assert run.config.a == 1
    assert run.log_artifact("nowhere") is None
    run.finish()
    assert not own_store.root.exists()
    assert "recorded" not in capfd.readouterr().err


def test_environment_variables_stand_in_for_arguments(own_store, monkeypatch):
    for name, value in {
        "PROJECT": "p", "RUN_ID": "my-id", "NAME": "n", "TAGS": "a, team=vision", "GROUP": "g",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"TRACKER_{name}", value)
    tracker.init().finish()
    (start,) = events(own_store, "my-id", Start)
    assert (start.project, start.name, start.group) == ("p", "n", "g")
    assert start.tags == {"a": "", "team": "vision"}
    monkeypatch.setenv("TRACKER_RESUME", "never")
    with pytest.raises(tracker.RunError, match=r"in .* already"):
        tracker.init()


def test_every_good_value_of_a_call_is_kept_and_every_bad_one_is_named(own_store, capfd):
    class Broken:
        def __float__(self):
            raise RuntimeError

    with tracker.init("p", name="n") as run:
        run.log(
            {
                "float": 0.5, "np": np.float32(0.25), "dec": decimal.Decimal("1.5"), "text": "x",
                "flag": True, "none": None, "list": [1], "bytes": b"x", "broken": Broken(), 7: 1,
                "nan": math.nan, "big": 10**40, "lone\ud800": 1, "a": {"b": 1}, "a/b": 2,
            },
            np.int64(5),
        )  # fmt: skip
        run.log({}, 6)
        run.log(None)
        run.log([1, 2])
    said = capfd.readouterr().err
    first, second = values(own_store, run)
    assert first[0] == second[0] == 5
    assert math.isnan(first[1].pop("nan"))
    assert first[1] == {
        "float": 0.5, "np": 0.25, "dec": 1.5, "text": "x", "flag": True, "7": 1, "big": 1e40,
        "lone\\ud800": 1, "a/b": 1,
    }  # fmt: skip
    assert second[1] == {"a/b": 2}
    for key in ("none", "list", "bytes", "broken"):
        assert f"'{key}' is of type" in said
    assert "key 7 is recorded as '7'" in said
    assert "log takes a dict of names to values, not list" in said
    assert "not kept: 4 values" in said
    assert events(own_store, run.id, Finish)[0].dropped == {"values": 4}


def test_a_large_integer_is_the_same_whatever_it_is_logged_with(own_store):
    for number in (2**63, 2**64 - 1, 2**64):
        with tracker.init("p") as run:
            run.log({"n": number})
            run.log({"n": number, "bad": None})
        (_, alone), (_, beside) = values(own_store, run)
        assert alone == beside
        assert type(alone["n"]) is type(beside["n"])


def test_steps_count_on_from_the_last_and_odd_ones_are_said(own_store, capfd):
    with tracker.init("p") as run:
        for step in (None, None, 10, None, 3, None, np.float64(20), None, 2**63 - 1, None, True):
            run.log({"x": 1}, step)
        run.log({"x": 1}, "five")
        run.log({"x": 1}, 2.5)
        run.log({"x": 1}, 2**63)
    steps = [step for step, _ in values(own_store, run)]
    assert steps == [0, 1, 10, 11, 3, 4, 20, 21, 2**63 - 1, 2**63 - 1, 1, 2, 3, 4]
    said = capfd.readouterr().err
    for step in ("'five'", "2.5", str(2**63)):
        assert f"step {step} is no whole number" in said


def test_strict_raises_after_the_rest_was_recorded(own_store):
    with tracker.init("p", strict=True) as run:
        with pytest.raises(tracker.BadInput, match="'bad' is of type"):
            run.log({"good": 1, "bad": None})
        with pytest.raises(tracker.BadInput, match="no whole number"):
            run.log({"good": 2}, "x")
    assert [found for _, found in values(own_store, run)] == [{"good": 1}, {"good": 2}]


def test_large_and_hostile_calls_are_bounded_and_keep_what_they_can(own_store, capfd):
    class Hostile(dict):
        def items(self):
            raise RuntimeError("no")

        values = items

    loop = {"x": 1.0}
    loop["self"] = loop
    deep = {"x": 1}
    for _ in range(10_000):
        deep = {"d": deep}
    with tracker.init("p") as run:
        run.log({"k" * 1_000_000: 1.0}, 1)
        run.log({"k" * 5_000_000: 1.0, "y": 1.0}, 2)
        run.log({f"key{n}": n for n in range(100_001)}, 3)
        run.log({f"{n}": "t" * 100_000 for n in range(100)}, 4)
        run.log(loop, 5)
        run.log(deep, 6)
        run.log(Hostile(a=1), 7)
    per_step = {}
    for step, found in values(own_store, run):
        per_step[step] = per_step.get(step, 0) + len(found)
    assert per_step == {1: 1, 2: 1, 3: 100_001, 4: 100, 5: 32}
    said = capfd.readouterr().err
    assert "is too large; use run.log_artifact" in said
    assert "nested more than 32 levels deep" in said
    assert "Hostile cannot be read: RuntimeError('no')" in said
    assert max(map(len, said.splitlines())) < 500


def test_a_dict_that_another_thread_changes_never_makes_log_raise(own_store):
    shared, stop = {}, threading.Event()

    def change():
        number = 0
        while not stop.is_set():
            number += 1
            shared[f"k{number % 50}"] = number if number % 3 else {"deep": number}
            shared.pop(f"k{(number * 7) % 50}", None)

    thread = threading.Thread(target=change)
    with tracker.init("p") as run:
        thread.start()
        for step in range(3000):
            run.log(shared, step)
        stop.set()
        thread.join()
    blocks = [b for j in journals(own_store.run(run.id)) for b in j.blocks()]
    assert not [gap for block in blocks for gap in block.gaps]


def test_config_reads_as_it_was_set(own_store):
    with tracker.init("p", config=argparse.Namespace(lr=0.1, data={"name": "d"})) as run:
        assert run.config.lr == run.config["lr"] == 0.1
        assert run.config["data"] == run.config.data == {"name": "d"}
        run.config.update({"data": {"size": 3}}, seed=7)
        run.config.seed = 7
        run.config["flag"] = 1
        run.config["flag"] = True
        assert run.config.data == {"name": "d", "size": 3}
        assert "data" in run.config
        assert run.config.as_dict()["data"] == {"name": "d", "size": 3}
        with pytest.raises(AttributeError, match="no 'missing'"):
            _ = run.config.missing
        with pytest.raises(tracker.BadInput, match="give a dict"):
            run.config.update(3)
        with pytest.raises(TypeError, match="set it to None"):
            del run.config["lr"]
    changes = [event.values for event in events(own_store, run.id, Config)]
    assert changes == [
        {"lr": 0.1, "data/name": "d"}, {"data/size": 3, "seed": 7}, {"flag": 1}, {"flag": True},
    ]  # fmt: skip
    assert changes[3]["flag"] is True


def test_tags_in_all_their_forms():
    with tracker.init("p", tags="a,team=vision") as run:
        run.tags += ["b"]
        run.tags += "c"
        run.tags += {"x": 1}
        run.tags.add("a", "d")
        assert dict(run.tags) == {"a": "", "team": "vision", "b": "", "c": "", "x": "1", "d": ""}
        del run.tags["a"]
        run.tags = ["only"]
        assert dict(run.tags) == {"only": ""}
    with pytest.raises(tracker.BadInput, match="tags=3"):
        tracker.init("p", tags=3)


def test_a_run_goes_on_where_it_stopped(own_store):
    with tracker.init("p", id="r", name="n", config={"a": 1}, tags=["t"]) as run:
        run.log({"x": 1}, 41)
        run.summary["s"] = 1
    with tracker.init("other", id="r", config={"b": 2}, tags=["u"]) as again:
        assert (again.name, again.project) == ("n", "p")
        assert dict(again.config) == {"a": 1, "b": 2}
        assert dict(again.tags) == {"t": "", "u": ""}
        assert again.summary.s == 1
        again.log({"x": 2})
    assert [step for step, _ in values(own_store, again)] == [41, 42]
    assert [start.resumed for start in events(own_store, "r", Start)] == [False, True]
    with pytest.raises(tracker.RunError, match="must"):
        tracker.init("p", id="absent", resume="must")
    with pytest.raises(tracker.BadInput, match="needs the id"):
        tracker.init("p", resume="must")
    with pytest.raises(tracker.BadInput, match="allow, must, never, auto"):
        tracker.init("p", resume="maybe")
    with pytest.raises(tracker.BadInput, match="1 to 64 characters"):
        tracker.init("p", id="../up")


def test_auto_finds_the_run_of_the_job_and_of_the_folder_again(monkeypatch):
    first = tracker.init("p", resume="auto")
    first._recording._writer.abandon()  # as if its process had died
    second = tracker.init("p", resume="auto")
    assert second.id == first.id
    assert tracker.init("q", resume="auto").id != first.id
    second.finish()
    third = tracker.init("p", resume="auto")
    assert third.id != first.id
    third.finish()
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    job = tracker.init("p", resume="auto")
    job.finish()
    assert job.id == "slurm-4711"
    assert tracker.init("p", resume="auto").id == job.id


def test_after_the_end_nothing_is_kept_and_it_is_said_once(own_store, capfd):
    run = tracker.init("p")
    run.finish()
    for _ in range(3):
        run.log({"x": 1})
    run.summary["x"] = 1
    run.finish()
    assert run.flush()
    said = capfd.readouterr().err
    assert said.count("is finished; what is recorded now is not kept") == 1
    assert f'tracker.init(id="{run.id}")' in said
    assert run._recording.dropped == {"log calls": 3, "summary": 1}
    assert len(events(own_store, run.id, Finish)) == 1


def test_a_store_that_cannot_be_used_costs_the_record_and_not_the_training(tmp_path, capfd):
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.tex").write_text("x")
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "store.json").write_text('{"format": 99, "id": "a"}')
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / "store.json").write_text("{}")
    for folder, words in (
        ("file", "cannot be used"), ("full", "'thesis.tex'"), ("newer", "format 99"),
        ("odd", "does not read as a store's identity"),
    ):  # fmt: skip
        run = tracker.init("p", dir=tmp_path / folder)
        run.log({"x": 1})
        run.finish()
        said = capfd.readouterr().err
        assert words in said
        assert ". Training goes on; nothing is recorded." in said
        with pytest.raises(tracker.StoreError, match=words):
            tracker.init("p", dir=tmp_path / folder, strict=True)
    assert (newer / "store.json").read_text() == '{"format": 99, "id": "a"}'


def test_a_store_that_vanishes_in_mid_run_is_made_again_and_recording_goes_on(own_store, capfd):
    with tracker.init("p") as run:
        run.log({"x": 1})
        identity = (own_store.root / "store.json").read_bytes()
        shutil.rmtree(own_store.root)
        run.flush()
        run.log({"x": 2})
    assert [found for _, found in values(own_store, run)] == [{"x": 2}]
    assert (own_store.root / "store.json").read_bytes() == identity
    assert "goes on in a new journal" in capfd.readouterr().err


@pytest.mark.parametrize("strict", [False, True])
def test_a_journal_that_cannot_be_opened_is_said_and_tried_again(
    own_store, monkeypatch, capfd, strict
):
    tracker.init("p", id="r").finish()
    (own_store.root / "journals").rename(own_store.root / "aside")
    (own_store.root / "journals").write_text("in the way")
    if strict:
        with pytest.raises(tracker.StoreError, match="takes no more"):
            tracker.init("p", id="q", strict=True)
        return
    run = tracker.init("p", id="q", tags=["t"], config={"a": 1})
    run.log({"x": 1})
    assert "takes no more" in capfd.readouterr().err
    (own_store.root / "journals").unlink()
    (own_store.root / "aside").rename(own_store.root / "journals")
    monkeypatch.setattr(run._recording, "_reopen_at", 0.0)
    run.log({"x": 2})
    run.finish()
    assert [found for _, found in values(own_store, run)] == [{"x": 2}]
    assert events(own_store, "q", Start)[0].tags == {"t": ""}
    assert [event.values for event in events(own_store, "q", Config)] == [{"a": 1}]
    assert events(own_store, "q", Finish)[0].dropped == {"log calls": 1}


ODD_NAMES = ("", "Ünïcode ✓", "../../etc", "a\nb", "x" * 1000, "\ud800", "CON")


@pytest.mark.parametrize("name", ODD_NAMES, ids=range(len(ODD_NAMES)))
def test_any_project_name_is_data(own_store, name):
    with tracker.init(name) as run:
        run.log({"x": 1})
    (start,) = events(own_store, run.id, Start)
    assert start.project == (name or "default").replace("\ud800", "\\ud800")
    assert {p.name for p in own_store.root.iterdir()} == {"store.json", "journals", "blobs", "sync"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"project": "x" * 1001}, "project='x.* 1,001 characters, 1,000 is the most"),
        ({"name": "x" * 5_000_000}, "name='x"),
        ({"group": "x" * 5_000_000}, "group='x"),
        ({"job_type": "x" * 5_000_000}, "job_type='x"),
        ({"notes": "x" * 5_000_000}, "notes='x.* 100,000 is the most"),
        ({"tags": ["x" * 251]}, "tag='x.* 250 is the most"),
        ({"tags": {"t": "x" * 5001}}, "tag 't'='x.* 5,000 is the most"),
        ({"tags": map(str, range(1001))}, "tags: 1,001 of"),
        ({"tags": {str(n): "x" * 5000 for n in range(101)}}, "500,000 characters"),
        ({"tags": "=x"}, "'=x' has no name"),
    ],
)
def test_a_head_too_large_is_refused_by_name_before_anything_is_written(own_store, given, words):
    with pytest.raises(tracker.BadInput, match=words):
        tracker.init(**given)
    assert not list(own_store.journals.glob("*"))


def test_the_largest_head_fits(own_store):
    wide = "\U0001f600"
    tags = {f"{n:03}" + wide * 247: wide * 250 for n in range(1000)}
    texts = dict.fromkeys(("project", "name", "group", "job_type"), wide * 1000)
    tracker.init(**texts, notes=wide * 100_000, tags=tags).finish()
    ((start, _),) = [events(own_store, found.name) for found in own_store.journals.iterdir()]
    assert start.notes == wide * 100_000
    assert start.tags == tags


def test_config_and_summary_say_what_they_leave_out_and_keep_the_rest(own_store, capfd):
    deep = {"x": 1}
    for _ in range(40):
        deep = {"d": deep}
    with tracker.init("p", config={"huge": "x" * 5_000_000, "a": 1, "deep": deep}) as run:
        run.summary.update({1: "x", "1": "y"})
    said = capfd.readouterr().err
    for words in ("config: 'huge' is too large", "config: 'deep/d", "summary: '1' is given twice"):
        assert words in said
    assert "not kept: 2 config values, 1 summary values" in said
    assert [event.values for event in events(own_store, run.id, Config)] == [{"a": 1}]
    assert [event.values for event in events(own_store, run.id, Summary)] == [{"1": "y"}]
    assert events(own_store, run.id, Finish)[0].dropped == {"config values": 2, "summary values": 1}


def test_a_strict_run_whose_config_is_refused_ends_at_once(own_store):
    with pytest.raises(tracker.BadInput, match="'huge' is too large"):
        tracker.init("p", id="r", config={"huge": "x" * 5_000_000}, strict=True)
    (finish,) = events(own_store, "r", Finish)
    assert finish.status == "failed"
    assert "'huge' is too large" in finish.error


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"segment_byte": 3}', "Did you mean 'segment_bytes'"),
        ("{nonsense", "Mend or remove it"),
        ('{"segment_bytes": -5, "sync": "always"}', "segment_bytes=-5 cannot be used"),
    ],
)
def test_a_settings_file_that_cannot_be_used_costs_that_setting_and_not_the_training(
    own_store, capfd, content, words
):
    tracker.init("p").finish()
    capfd.readouterr()
    own_store.settings.write_text(content)
    with tracker.init("p") as run:
        run.log({"x": 1})
    said = capfd.readouterr().err
    assert words in said
    assert str(own_store.settings) in said
    assert said.count("Training goes on without it.") == 1
    assert values(own_store, run) == [(0, {"x": 1})]
    with pytest.raises(tracker.SettingsError, match=words):
        tracker.init("p", strict=True)


def test_arguments_and_variables_that_cannot_be_are_refused(monkeypatch):
    monkeypatch.setenv("TRACKER_SYNC_INTERVAL_S", "soon")
    with pytest.raises(tracker.SettingsError, match="TRACKER_SYNC_INTERVAL_S='soon'"):
        tracker.init("p")
    monkeypatch.delenv("TRACKER_SYNC_INTERVAL_S")
    with pytest.raises(tracker.BadInput, match="mode='online'"):
        tracker.init("p", mode="online")


def test_module_functions_speak_of_the_latest_run(own_store, monkeypatch):
    monkeypatch.setattr(tracker, "_current", None)
    with pytest.raises(tracker.RunError, match=r"begin one: tracker\.init"):
        tracker.log({"x": 1})
    tracker.finish()
    run = tracker.init("p")
    tracker.log({"x": 1}, 3)
    tracker.finish()
    assert values(own_store, run) == [(3, {"x": 1})]


@pytest.mark.parametrize("count", [1, 31, 32, 200])
def test_a_key_that_is_no_text_is_named_however_many_there_are(own_store, capfd, count):
    with tracker.init("p") as run:
        run.log({f"k{n}": float(n) for n in range(count)} | {7: 1.0})
    (logged,) = values(own_store, run)
    assert logged[1] == {f"k{n}": float(n) for n in range(count)} | {"7": 1.0}
    assert "key 7 is recorded as '7'" in capfd.readouterr().err
