"""What a script said of metrics and charts is the same in our config, W&B's and its records."""

import pytest
from wandb.proto.wandb_internal_pb2 import MetricRecord

from tracker.integrations.wandb.private import charts, drawn, fill, folded, is_private, said_of
from tracker.values import flatten

SAID = [
    {"name": "epoch"},
    {"name": "val/*", "step_metric": "epoch", "summary": ["min", "max"], "goal": "minimize"},
    {"name": "acc", "hidden": True, "summary": ["mean"]},
    {"name": "solo", "step_metric": "undefined", "step_sync": False},
]
CHART = {
    "panel_type": "Vega2",
    "panel_config": {
        "panelDefId": "wandb/line/v0", "fieldSettings": {"x": "x"}, "stringSettings": {},
        "userQuery": {"queryFields": [{"name": None}]},
    },
}  # fmt: skip


@pytest.mark.parametrize("said", SAID, ids=lambda said: said["name"])
def test_what_was_said_of_a_metric_comes_back_out_of_its_record(said):
    record = MetricRecord()
    fill(record, said)
    assert said_of(record) == said


def test_metrics_and_charts_stand_where_the_client_itself_puts_them():
    """The list was read off the client's traffic for these calls of `define_metric`."""
    flat = {key: value for key, value, _ in flatten({"_wandb": {"visualize": {"a/b": CHART}}})}
    assert all(map(is_private, flat))
    held = {"lr": 1, "_wandb": {"t": {"5": "x"}, "visualize": {"old": CHART}, "m": []}}
    config = folded({**held, "_wandb/metrics": SAID, **flat})
    assert config.keys() == {"lr", "_wandb"}
    assert config["_wandb"]["t"] == {"5": "x"}
    assert config["_wandb"]["visualize"] == {"old": CHART, "a/b": CHART}
    assert config["_wandb"]["m"] == [
        {"1": "epoch", "6": [3], "7": []},
        {"2": "val/*", "5": 1, "6": [1, 3], "7": [1, 2], "8": 1},
        {"1": "acc", "6": [2, 3], "7": [3]},
        {"1": "solo", "5": 5, "6": [3], "7": []},
        {"1": "undefined", "6": [], "7": []},
    ]
    assert folded(config) == config
    again = {key: value for key, value, _ in flatten(drawn({"visualize": {"a/b": CHART}}))}
    assert (again, charts(again)) == (flat, {"a/b": CHART})


@pytest.mark.parametrize(
    "key", ["_wandb/other", "_wandb/visualize/a", "_wandb", "lr", "_wandb/metrics/x"]
)
def test_other_keys_are_a_user_s(key):
    assert not is_private(key)
    assert folded({key: 1}) == {key: 1}


@pytest.mark.parametrize("said", [None, 3, [1, {"name": 5}, {}], [{"name": "a", "summary": 3}]])
def test_a_config_that_is_not_as_it_should_be_harms_nothing(said):
    assert "lr" in folded({"lr": 1, "_wandb/metrics": said, "_wandb": 3})
