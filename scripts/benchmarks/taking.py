"""Runs taken from `.wandb` files: points a second, 10 metrics a row, beside what reading costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.benchmarks import wandb_log
from scripts.benchmarks.process import fresh, interleaved
from scripts.benchmarks.table import show


def measure(rows: int, rounds: int, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    name = f"{rows:,} rows"
    taken = interleaved([name], rounds, lambda _, folder: _import(folder, rows))
    found = taken[name]
    show(
        f"import of one .wandb file of {rows:,} rows, 10 metrics each, a summary with each",
        ("", "figure"),
        [("points per second", int(found["points_per_s"])),
         ("points per second of CPU", int(found["points_per_cpu_s"])),
         ("MB per second read", found["mb_per_s"]),
         ("seconds, importing it again", found["again_s"])],
        "in a process that has loaded wandb's classes; synced at the end",
    )  # fmt: skip
    return taken


def _import(folder: Path, rows: int) -> dict[str, Any]:
    log = wandb_log.write(folder / "wandb", "bench", rows)
    return fresh("take", log, folder / "store", rows)
