"""Runs taken from `.wandb` files: points a second, of 10 metrics and of one in each row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.benchmarks import wandb_log
from scripts.benchmarks.process import fresh, interleaved
from scripts.benchmarks.table import show

METRICS = {"10 metrics a row": 10, "1 metric a row": 1}


def measure(rows: int, rounds: int, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    taken = interleaved(METRICS, rounds, lambda name, at: _import(at, rows, METRICS[name]))
    show(
        f"import of one .wandb file of {rows:,} rows, a summary with each",
        ("", "points/s", "points/s of CPU", "MB/s read", "s, importing it again"),
        [
            (name, int(found["points_per_s"]), int(found["points_per_cpu_s"]), found["mb_per_s"],
             found["again_s"])
            for name, found in taken.items()
        ],
        "in a process that has loaded wandb's classes; synced at the end",
    )  # fmt: skip
    return taken


def _import(folder: Path, rows: int, metrics: int) -> dict[str, Any]:
    log = wandb_log.write(folder / "wandb", "bench", rows, metrics)
    return fresh("take", log, folder / "store", rows * metrics)
