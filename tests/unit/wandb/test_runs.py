"""`wandb.log` and its steps, `define_metric`, and the summary that follows."""

from __future__ import annotations

import gc
import signal
import sys
from collections import UserDict
from pathlib import Path

import pytest

import tracker
from tests.wandbs import environment, python, rows, view
from tracker import wandb
from tracker.events import Config
from tracker.journal import journals
from tracker.wandb import opening, runs


def test_a_step_goes_on_until_it_is_committed_and_every_call_is_kept_at_once():
    run = wandb.init()
    run.log({"a": 1}, commit=False)
    assert rows(run.id) == [(0, {"a": 1})]
    run.log({"b": 2})
    run.log({"c": 3}, step=7)
    run.log({"d": 4}, step=7, commit=True)
    run.log({"e": 5})
    assert rows(run.id)[1:] == [(0, {"b": 2}), (7, {"c": 3}), (7, {"d": 4}), (8, {"e": 5})]
    assert run.step == 9


def test_steps_that_go_back_are_said_and_kept(capsys):
    run = wandb.init()
    run.log({"a": 1}, step=10)
    run.log({"a": 2}, step=3)
    run.log({"a": 3}, step=4)
    run.log({"a": 4})
    assert [step for step, _ in rows(run.id)] == [10, 3, 4, 10]
    assert capsys.readouterr().err.count("before the current step 10") == 1


def test_nested_names_are_joined_lists_are_json_and_none_is_passed_over():
    run = wandb.init()
    run.log({"val": {"acc": 0.5, "sub": {"x": 1}}, "sizes": [1, 2], "nothing": None, "text": "t"})
    assert rows(run.id) == [(0, {"val/acc": 0.5, "val/sub/x": 1, "sizes": "[1,2]", "text": "t"})]


def test_what_cannot_be_read_is_said_by_its_key_and_the_rest_is_kept(capsys):
    class Broken:
        shape = (100,)

        def tolist(self):
            raise RuntimeError("broken")

    class Odd(UserDict):
        def items(self):
            raise RuntimeError("odd")

    run = wandb.init()
    run.log({"bad": Broken(), "good": 1})
    run.log("no dict")
    run.log(Odd({"a": 1}))
    assert rows(run.id) == [(0, {"good": 1})]
    said = capsys.readouterr().err
    assert "'bad' cannot be kept" in said
    assert "log takes a dict" in said
    assert "Odd cannot be read" in said


@pytest.mark.parametrize("call", ["log", "save", "log_artifact", "define_metric", "watch", "alert"])
def test_calls_without_a_run_say_to_begin_one(call):
    with pytest.raises(wandb.Error, match=r"call wandb\.init\(\) first"):
        getattr(wandb, call)({"x": 1})
    with pytest.raises(wandb.Error, match=r"call wandb\.init\(\) first"):
        wandb.config.lr = 1
    with pytest.raises(wandb.Error, match=r"call wandb\.init\(\) first"):
        wandb.summary["a"]


def test_the_summary_is_the_last_value_or_what_is_defined():
    run = wandb.init()
    run.define_metric("acc", summary="max")
    run.define_metric("loss*", summary="min,mean")
    run.define_metric("best", summary="best", goal="maximize")
    run.define_metric("quiet", summary="none")
    for value in (1.0, 3.0, 2.0):
        run.log({"acc": value, "loss/a": value, "best": value, "quiet": value, "plain": value})
    run.summary["own"] = {"deep": 1}
    run.summary.own.deep = 2
    assert wandb.summary["acc"] == {"max": 3.0}
    assert wandb.summary.plain == 2.0
    run.finish()
    assert view(run.id).summary == {
        "acc/max": 3.0, "loss/a/min": 1.0, "loss/a/mean": 2.0, "best/best": 3.0, "plain": 2.0,
        "own/deep": 2,
    }  # fmt: skip


def test_what_is_defined_is_recorded_once_with_the_first_call():
    run = wandb.init()
    run.define_metric("epoch")
    run.define_metric("val/*", step_metric="epoch", summary="min")
    run.log({"x": 1})
    told = [{"name": "epoch"}, {"name": "val/*", "step_metric": "epoch", "summary": ["min"]}]
    assert view(run.id).config["_wandb/metrics"] == told
    changes = [event for journal in journals(tracker.open().folder.run(run.id))
               for event in journal.events() if isinstance(event, Config)]  # fmt: skip
    assert len(changes) == 1


def test_a_value_set_by_hand_stays_until_it_is_logged_again():
    run = wandb.init()
    run.log({"loss": 1.0})
    run.summary["loss"] = 0.5
    assert run.summary["loss"] == 0.5
    run.log({"loss": 2.0})
    assert run.summary["loss"] == 2.0
    run.finish()
    assert view(run.id).summary["loss"] == 2.0


def test_the_last_value_of_a_step_metric_is_put_into_rows_that_lack_it():
    run = wandb.init()
    run.define_metric("epoch")
    run.define_metric("val/*", step_metric="epoch")
    run.log({"epoch": 3, "x": 1})
    run.log({"val/acc": 0.5})
    run.log({"x": 2})
    run.log({"val/a": 1}, step=5)
    run.log({"val/b": 2, "epoch": 4}, step=6)
    run.log({"val/c": 3}, step=7)
    run.finish()
    assert rows(run.id) == [
        (0, {"epoch": 3, "x": 1}), (1, {"val/acc": 0.5, "epoch": 3}), (2, {"x": 2}),
        (5, {"val/a": 1}), (5, {"epoch": 3}), (6, {"val/b": 2, "epoch": 4}), (7, {"val/c": 3}),
        (7, {"epoch": 4}),
    ]  # fmt: skip


TERMINATED = """
import os, signal
import tracker.wandb as wandb
run = wandb.init(id="gone")
run.log({"loss": 1.0})
run.log({"loss": 0.5}, commit=False)
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_run_ended_by_sigterm_has_its_summary(tmp_path, store):
    python([sys.executable, "-c", TERMINATED], tmp_path, environment(store), -signal.SIGTERM)
    found = view("gone")
    assert found.status == "killed"
    assert found.summary["loss"] == 0.5


def test_files_in_the_run_s_folder_and_saved_ones_are_kept_as_they_end(tmp_path):
    run = wandb.init(dir=tmp_path / "place")
    (tmp_path / "log.txt").write_text("first")
    (saved,) = wandb.save("*.txt")
    (tmp_path / "log.txt").write_text("last")
    Path(run.dir, "model.bin").write_text("weights")
    assert saved.startswith(str(tmp_path / "place" / "wandb"))
    run.finish()
    again = wandb.init()
    files = again.use_artifact("files").manifest
    gc.collect()  # what an entry needs lives as long as the entry
    assert {path: Path(entry.download()).read_text() for path, entry in files.items()} == {
        "log.txt": "last", "model.bin": "weights",
    }  # fmt: skip


def test_config_changes_are_recorded_nested_and_a_changed_value_is_said_once(capsys):
    run = wandb.init(config={"model": {"layers": 2}, "lr": 0.1})
    run.config["lr"] = 0.2
    run.config.lr = 0.3
    run.config.update({"lr": 0.4}, allow_val_change=True)
    assert run.config.setdefault("lr", 1) == 0.4
    run.config.setdefaults({"lr": 1, "seed": 7})
    assert run.config.model["layers"] == 2
    assert ("seed" in run.config, run.config.get("absent", 3)) == (True, 3)
    with pytest.raises(AttributeError, match="absent"):
        run.config.absent  # noqa: B018 - it is to raise
    run.finish()
    assert view(run.id).config == {"model/layers": 2, "lr": 0.4, "seed": 7}
    assert capsys.readouterr().err.count("config 'lr' was set before") == 1


def test_the_readme_names_all_that_does_nothing():
    text = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    names = (*wandb._NOT_HERE, *runs._NOT_HERE, *opening._NOT_HERE)
    assert not [name for name in names if f"`{name}`" not in text]


def test_a_name_that_does_nothing_says_so_once_and_takes_what_it_is_given(capsys):
    wandb.init()
    for _ in range(2):
        assert not list(wandb.Api().runs("p").filter(x=1))
        wandb.run.log_code(".")
    with pytest.raises(AttributeError, match="no_such"):
        wandb.no_such  # noqa: B018 - it is to raise
    said = capsys.readouterr().err
    assert said.count("wandb.Api is not supported") == 1
    assert said.count("wandb.run.log_code is not supported") == 1
