"""Comparing 100 runs with 100 metrics: ours beside MLflow's client on the same values in SQLite."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import tracker
from scripts.benchmarks.process import fresh, interleaved
from scripts.benchmarks.table import show

RUNS, METRICS, STEPS = 100, 100, 10
SEEDS = 4
"""Runs of each setting."""


def measure(rounds: int, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as place:
        folder = Path(place)
        _record(folder)
        fresh("copied", folder)
        taken = interleaved(
            ("tracker", "mlflow"), rounds, lambda who, _: fresh("compared", who, folder)
        )
    ours, theirs = taken["tracker"], taken["mlflow"]
    rows = [
        (name, f["first_ms"], f["warm_ms"], f["peak_mb"], f["import_mb"])
        for name, f in taken.items()
    ]
    show(
        f"compare {RUNS} runs with {METRICS} metrics each, medians of {rounds} rounds",
        ("who", "first ms", "warm ms", "peak MB", "of which before"), rows,
        "tracker: Store.compare, all of it (catching up, deltas, groups, differences, advice)",
        "mlflow: search_runs of its client on SQLite and the same deltas, no more",
        f"mlflow takes {theirs['warm_ms'] / ours['warm_ms']:.1f} times as long",
    )  # fmt: skip
    return taken


def _record(folder: Path) -> None:
    dice = random.Random(5)
    for number in range(RUNS):
        config = {f"p{n}": n for n in range(30)} | {"lr": number // SEEDS, "seed": number % SEEDS}
        run = tracker.init(
            project="bench", name=f"run-{number}", config=config, dir=folder / "store"
        )
        for step in range(STEPS):
            run.log(
                {"loss": dice.random()} | {f"m{n}": dice.random() for n in range(1, METRICS)}, step
            )
        run.finish()
