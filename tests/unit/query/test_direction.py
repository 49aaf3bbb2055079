"""Which way is better is asked, defined or clear from the name; else it must be said."""

from __future__ import annotations

import pytest

from tracker.errors import BadInput
from tracker.integrations.wandb.private import METRICS
from tracker.query.direction import direction


@pytest.mark.parametrize(
    ("metric", "mode"),
    [
        ("loss", "min"), ("train/loss", "min"), ("valLoss", "min"), ("eval_RMSE", "min"),
        ("test.error", "min"), ("acc", "max"), ("val/accuracy", "max"), ("top1_acc", "max"),
        ("f1", "max"), ("mean_reward", "max"), ("auc@0.5", "max"),
    ],
)  # fmt: skip
def test_well_known_names_tell(metric, mode):
    assert direction(metric, None) == (mode, "by its name")


@pytest.mark.parametrize("metric", ["x", "score", "glossary", "accident", "acc_loss", "Δ"])
def test_other_names_must_be_said(metric):
    with pytest.raises(BadInput, match="--mode min or --mode max"):
        direction(metric, None)
    assert direction(metric, "max") == ("max", "as asked")


def defined(*said):
    return {METRICS: list(said)}


def test_what_define_metric_said_goes_before_the_name():
    config = defined({"name": "loss", "goal": "maximize"})
    assert direction("loss", None, [config, {}]) == ("max", "by define_metric")
    assert direction("loss", "min", [config]).mode == "min"
    assert direction("x", None, [defined({"name": "x", "summary": ["min"]})]).mode == "min"
    with pytest.raises(BadInput):
        direction("x", None, [defined({"name": "x", "summary": ["min", "max"]})])


def test_the_longest_definition_holds():
    config = defined(
        {"name": "val/*", "goal": "minimize"}, {"name": "val/x", "goal": "maximize"},
        {"name": "val/top*", "goal": "maximize"},
    )  # fmt: skip
    assert direction("val/x", None, [config]).mode == "max"
    assert direction("val/top5", None, [config]).mode == "max"
    assert direction("val/other", None, [config]).mode == "min"


def test_runs_that_say_different_things_must_be_settled():
    configs = [defined({"name": "x", "goal": goal}) for goal in ("minimize", "maximize")]
    with pytest.raises(BadInput, match="minimize in some"):
        direction("x", None, configs)


@pytest.mark.parametrize("odd", [None, 7, [7], [{"name": 3}], [{"name": "x", "summary": 5}]])
def test_a_definition_that_is_none_is_passed_over(odd):
    assert direction("loss", None, [{METRICS: odd}]).mode == "min"


def test_a_mode_that_is_none_is_refused():
    with pytest.raises(BadInput, match="it is min or max"):
        direction("loss", "lower")
