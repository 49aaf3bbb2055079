"""One script, run by the real wandb, offline, and by tracker: both leave the same behind."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tracker
from tests.wandbs import AS_WANDB, environment, flat, python, theirs

pytest.importorskip("wandb", reason="the real wandb is not installed")

SCRIPT = """
import argparse, math
import wandb
run = wandb.init(project="beside", name="n", config={"a": {"b": 1}, "l": [1, 2], "t": (1, 2)})
run.config.update(argparse.Namespace(lr=0.1, name="x"))
run.config["late"] = True
run.config.setdefaults({"lr": 5, "seed": 1})
run.define_metric("acc", summary="max")
run.define_metric("loss/*", step_metric="epoch", summary="min")
run.define_metric("quiet", summary="none")
for epoch in range(3):
    run.log({"epoch": epoch, "lr": 0.1 / (epoch + 1)})
    run.log({"acc": [0.5, 0.9, 0.7][epoch]}, commit=False)
    run.log({"loss/train": 3 - epoch, "loss/val": 5.0 - epoch * epoch})
    run.log({"quiet": epoch, "text": f"epoch {epoch}"})
run.log({"nested": {"deep": {"x": 1}}, "flag": True})
run.log({"jump": 1}, step=20)
run.log({"jump": 2, "more": 3}, step=20)
run.log({"loss/late": 1.0}, step=22)
run.log({"loss/late": 0.5, "epoch": 7}, step=23)
run.log({"loss/late": 0.7}, step=24, commit=False)
run.log({"after": 1}, step=25, commit=True)
wandb.log({"last": 1e-300, "big": 2**53})
wandb.summary["own"] = 4
wandb.summary.update({"deep": {"er": [1, 2]}})
wandb.summary["acc_final"] = wandb.summary["acc"]["max"]
assert run.step == 27, run.step
wandb.finish()
"""
CLOCK = ("_timestamp", "_runtime", "_wandb", "_step")


def without_clock(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in flat(values).items() if not key.startswith(CLOCK)}


def merged(rows: Iterator[tuple[int, dict[str, Any]]]) -> dict[int, dict[str, Any]]:
    """Calls at one step are one row; a later value wins."""
    found: dict[int, dict[str, Any]] = {}
    for step, values in rows:
        found.setdefault(step, {}).update(values)
    return found


def test_the_same_script_leaves_the_same_with_both(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    environ = environment(tmp_path / "store", WANDB_MODE="offline", WANDB_SILENT="true")
    python([sys.executable, "train.py"], tmp_path, environ)
    (path,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    real = theirs(path)
    python([*AS_WANDB, sys.executable, "train.py"], tmp_path, environ)
    monkeypatch.setenv("TRACKER_DIR", str(tmp_path / "store"))
    (run,) = tracker.open().runs()

    assert without_clock(run.config) == without_clock(real["config"])
    assert merged((row.step, row.values) for row in run.rows()) == merged(
        (row["_step"], without_clock(row)) for row in real["history"]
    )
    assert without_clock(run.summary) == without_clock(real["summary"])
