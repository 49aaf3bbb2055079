"""`wandb.init`: whose word counts, and what a run that is there already becomes."""

from __future__ import annotations

import argparse

import pytest

from tests.wandbs import rows, view
from tracker import wandb


@pytest.mark.parametrize(
    ("field", "theirs", "ours"),
    [
        ("project", "WANDB_PROJECT", "TRACKER_PROJECT"),
        ("name", "WANDB_NAME", "TRACKER_NAME"),
        ("id", "WANDB_RUN_ID", "TRACKER_RUN_ID"),
    ],
)
def test_an_argument_wins_over_tracker_s_variable_and_that_over_wandb_s(
    monkeypatch, field, theirs, ours
):
    monkeypatch.setenv(theirs, "theirs")
    first = wandb.init()
    assert getattr(first, field) == "theirs"
    first.finish()
    monkeypatch.setenv(ours, "ours")
    second = wandb.init()
    assert getattr(second, field) == "ours"
    second.finish()
    assert getattr(wandb.init(**{field: "given"}), field) == "given"


def test_group_tags_notes_and_job_type_come_from_variables_or_settings(monkeypatch):
    monkeypatch.setenv("WANDB_RUN_GROUP", "sweep-1")
    monkeypatch.setenv("WANDB_TAGS", "a,b")
    monkeypatch.setenv("WANDB_NOTES", "long")
    run = wandb.init(settings=wandb.Settings(run_job_type="eval", run_group="set"))
    run.finish()
    found = view(run.id)
    assert (found.group, found.job_type, found.notes) == ("set", "eval", "long")
    assert found.tags == {"a": "", "b": ""}
    assert run.tags == ("a", "b")


@pytest.mark.parametrize("way", ["argument", "variable"])
def test_disabled_records_nothing_and_takes_every_call(monkeypatch, store, way):
    if way == "variable":
        monkeypatch.setenv("WANDB_MODE", "disabled")
    run = wandb.init(mode="disabled" if way == "argument" else None, config={"a": 1})
    run.log({"x": 1, "h": wandb.Histogram([1, 2])})
    artifact = wandb.Artifact("model", "model")
    run.log_artifact(artifact)
    run.finish()
    assert run.disabled
    assert wandb.run is None
    assert not store.exists()


@pytest.mark.parametrize("mode", ["online", "offline", "shared"])
def test_every_other_mode_records_here(mode):
    run = wandb.init(mode=mode)
    run.log({"x": 1})
    run.finish()
    assert rows(run.id) == [(0, {"x": 1})]


def test_a_second_init_gives_the_run_that_goes_on_unless_it_is_told_otherwise():
    first = wandb.init(name="first")
    assert wandb.init(name="second") is first
    third = wandb.init(name="third", reinit="create_new")
    assert wandb.run is third
    third.finish()
    assert wandb.run is first
    fourth = wandb.init(name="fourth", reinit=True)
    assert view(first.id).status == "finished"
    assert wandb.run is fourth


def test_a_run_that_is_gone_on_with_counts_steps_on_and_has_its_config():
    run = wandb.init(id="one", config={"lr": 0.1, "nested": {"deep": 1}})
    run.log({"x": 1})
    run.log({"x": 2})
    run.finish()
    again = wandb.init(id="one", resume="must")
    assert again.resumed
    assert (again.starting_step, again.step) == (2, 2)
    assert again.config.nested == {"deep": 1}
    again.log({"x": 3})
    again.finish()
    assert rows("one") == [(0, {"x": 1}), (1, {"x": 2}), (2, {"x": 3})]


def test_resume_from_a_step_leaves_what_came_after_it_behind():
    run = wandb.init(id="one")
    for x in range(5):
        run.log({"x": x})
    run.finish()
    again = wandb.init(resume_from="one?_step=2")
    assert again.step == 3
    again.log({"x": 30})
    again.finish()
    assert view("one").history("x").values.tolist() == [0, 1, 2, 30]


@pytest.mark.parametrize("wrong", [{"resume_from": "one"}, {"config": "no.yaml"}, {"config": 3}])
def test_what_cannot_be_used_is_refused_before_a_run_begins(wrong, store):
    with pytest.raises(wandb.UsageError, match="cannot be"):
        wandb.init(**wrong)
    assert wandb.run is None
    assert not store.exists()


def test_an_id_that_tracker_cannot_use_is_mapped_always_alike(capsys):
    first = wandb.init(id="my run.1")
    first.finish()
    second = wandb.init(id="my run.1")
    assert first.id == second.id != "my run.1"
    assert "my run.1" in capsys.readouterr().err


def test_config_is_taken_from_a_namespace_or_a_file_and_keys_can_be_chosen(tmp_path):
    run = wandb.init(config=argparse.Namespace(lr=0.1, data="x"), config_exclude_keys=["data"])
    assert run.config.as_dict() == {"lr": 0.1}
    run.finish()
    (tmp_path / "c.yaml").write_text("wandb_version: 1\nlr:\n  desc: null\n  value: 0.5\n")
    assert wandb.init(config="c.yaml").config.lr == 0.5


def test_the_choice_of_a_sweep_wins_and_stays(monkeypatch, tmp_path, capsys):
    path = tmp_path / "sweep.yaml"
    path.write_text("wandb_version: 1\nlr:\n  value: 0.25\n")
    monkeypatch.setenv("WANDB_SWEEP_ID", "s1")
    monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", str(path))
    run = wandb.init(config={"lr": 0.1, "batch": 8})
    run.config.lr = 1
    run.config.update({"lr": 2, "batch": 16}, allow_val_change=True)
    assert run.config.as_dict() == {"lr": 0.25, "batch": 16}
    assert run.sweep_id == "s1"
    assert capsys.readouterr().err.count("belongs to the sweep") == 1


def test_an_exception_marks_the_run_failed_and_goes_on():
    with pytest.raises(ValueError, match="no good"), wandb.init() as run:
        raise ValueError("no good")
    assert view(run.id).status == "failed"
    assert wandb.run is None


def test_what_init_cannot_do_is_said_by_name(capsys):
    wandb.init(sync_tensorboard=True)
    assert "wandb.init(sync_tensorboard=...) is not supported" in capsys.readouterr().err
