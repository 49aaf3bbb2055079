"""Integrations that others wrote, unchanged, in a process of `tracker run --as-wandb`.

Each needs a package of its own; where that is absent the test is skipped. `.ci/run` has XGBoost and
accelerate, `scripts/soak` all of them.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

import tracker
from tests.wandbs import AS_WANDB, environment, media, python
from tracker.query import RunView

XGBOOST = """
import numpy as np, wandb, xgboost as xgb
from wandb.integration.xgboost import WandbCallback
with wandb.init(project="integrations", name="run"):
    rng = np.random.default_rng(7)
    x = rng.normal(size=(80, 3))
    data = xgb.DMatrix(x, x[:, 0] * 2)
    xgb.train(
        {"max_depth": 2, "eta": 0.3, "nthread": 1}, data, num_boost_round=5,
        evals=[(data, "train")], callbacks=[WandbCallback(log_model=True)], verbose_eval=False,
    )
"""
ACCELERATE = """
import numpy as np, torch, wandb
from accelerate import Accelerator
accelerator = Accelerator(log_with="wandb", cpu=True)
accelerator.init_trackers("integrations", {"lr": 0.1}, {"wandb": {"name": "run", "tags": ["a"]}})
for step in range(5):
    accelerator.log({"loss": 1 / (step + 1)}, step=step)
(tracker,) = accelerator.trackers
tracker.log_images({"picture": [np.zeros((4, 5, 3), "uint8")]}, step=5)
tracker.log_table("table", columns=["a"], data=[[1]], step=6)
model = torch.nn.Linear(2, 1)
wandb.watch(model, log="all", log_freq=2)
for _ in range(2):
    model(torch.ones(4, 2)).sum().backward()
accelerator.end_training()
"""
LIGHTNING = """
import lightning, torch
from lightning.pytorch.loggers import WandbLogger
torch.set_num_threads(1)

class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
        self.save_hyperparameters({"lr": 0.1})

    def training_step(self, batch, index):
        loss = self.layer(batch[0]).pow(2).mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)

data = torch.utils.data.TensorDataset(torch.ones(16, 2))
logger = WandbLogger(project="integrations", name="run", log_model=True)
model = Model()
logger.watch(model, log="all", log_freq=2, log_graph=False)
lightning.Trainer(
    max_epochs=2, logger=logger, log_every_n_steps=1, accelerator="cpu",
    enable_progress_bar=False, enable_model_summary=False,
).fit(model, torch.utils.data.DataLoader(data, batch_size=4))
logger.log_image("picture", [torch.zeros(3, 4, 5)])
logger.log_text("texts", ["a"], [["b"]])
"""
TRANSFORMERS = """
import os, torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
os.environ |= {"WANDB_LOG_MODEL": "end", "WANDB_WATCH": "all", "WANDB_PROJECT": "integrations"}
torch.manual_seed(7)
torch.set_num_threads(1)
config = BertConfig(
    vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    intermediate_size=8, max_position_embeddings=16,
)
data = [{"input_ids": torch.randint(0, 30, (8,)), "labels": torch.tensor(i % 2)} for i in range(16)]
arguments = TrainingArguments(
    "out", report_to=["wandb"], run_name="run", logging_steps=1, max_steps=4,
    per_device_train_batch_size=4, eval_strategy="steps", eval_steps=2, use_cpu=True,
    save_strategy="no",
)
model = BertForSequenceClassification(config)
Trainer(model, arguments, train_dataset=data, eval_dataset=data).train()
"""


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request) -> RunView:
    """Run the script of a package and give the run that it left."""
    packages, script = request.param
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    (tmp_path / "train.py").write_text(script)
    environ = environment(tmp_path / "store", HF_HUB_OFFLINE="1")
    said = python([*AS_WANDB, sys.executable, "train.py"], tmp_path, environ).stderr
    assert "is not kept" not in said
    assert "cannot be kept" not in said
    monkeypatch.setenv("TRACKER_DIR", str(tmp_path / "store"))
    (run,) = tracker.open().runs("integrations")
    assert (run.name, run.status, run.dropped, run.gaps) == ("run", "finished", {}, [])
    return run


def forms(run: RunView) -> set[tuple[str, str]]:
    return {(event.key, event.form) for event in media(run.id)}


def trained_by(script: str, *packages: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "trained", [(packages, script)], indirect=True, ids=[packages[0]]
    )


@trained_by(XGBOOST, "xgboost", "wandb")  # which brings the callback
def test_the_callback_that_wandb_brings_for_xgboost(trained: RunView) -> None:
    assert trained.history("epoch").values.tolist() == [0, 1, 2, 3, 4]
    assert trained.history("train-rmse").steps.tolist() == [0, 1, 2, 3, 4]
    assert trained.summary["train-rmse/min"] == trained.metrics["train-rmse"].min
    assert ("Feature Importance_table", "table") in forms(trained)
    assert trained.config["learner/gradient_booster/name"] == "gbtree"
    assert {version.type for version in trained.artifacts()} == {"model", "wandb-files"}


@trained_by(ACCELERATE, "accelerate")
def test_accelerate_s_tracker_and_a_watched_model_of_torch(trained: RunView) -> None:
    assert trained.history("loss").values.tolist() == [1 / (step + 1) for step in range(5)]
    assert (trained.config, trained.tags) == ({"lr": 0.1}, {"a": ""})
    watched = {(f"{of}/{name}", "histogram") for of in ("gradients", "parameters")
               for name in ("weight", "bias")}  # fmt: skip
    assert forms(trained) == {("picture", "image"), ("table", "table")} | watched
    assert [event.step for event in media(trained.id)] == [5, 6, 6, 6, 6, 6]


@trained_by(LIGHTNING, "lightning")
def test_lightning_s_logger(trained: RunView) -> None:
    assert trained.history("trainer/global_step").values.tolist()[:4] == [0, 1, 2, 3]
    assert len(trained.history("loss").values) == 8
    assert trained.config["lr"] == 0.1
    gradients = {(f"gradients/layer.{name}", "histogram") for name in ("weight", "bias")}
    assert gradients | {("picture", "image"), ("texts", "table")} <= forms(trained)
    assert [version.type for version in trained.artifacts()] == ["model"]


@trained_by(TRANSFORMERS, "transformers")
def test_the_callback_of_transformers(trained: RunView) -> None:
    assert len(trained.history("train/loss").values) == 4
    assert len(trained.history("eval/loss").values) == 2
    assert trained.history("train/global_step").values.tolist()[-1] == 4
    assert trained.config["hidden_size"] == 8
    assert {version.type for version in trained.artifacts()} == {"model"}
