"""Runs of MLflow and TensorBoard taken in, and points exported, beside MLflow reading its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.benchmarks.process import fresh, interleaved
from scripts.benchmarks.table import show

WORK = ("mlflow-sqlite", "mlflow-files", "tensorboard", "export-parquet", "export-csv")
PEER = "mlflow's own client reading its database"


def measure(rows: int, rounds: int, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    taken = interleaved(WORK, rounds, lambda name, folder: _one(name, folder, rows))
    table = [
        (name, int(found["points_per_s"]), int(found["points_per_cpu_s"]), found["rss_mb"])
        for name, found in taken.items()
    ]
    peer = taken["mlflow-sqlite"]["peer_points_per_s"]
    table.append((PEER, int(peer), "-", "-"))
    show(
        f"one run of {rows:,} points of 10 metrics, taken in or exported",
        ("work", "points/s", "points/s of CPU", "peak RSS MB"), table,
        "each in a process of its own, synced at the end; an export catches the index up",
    )  # fmt: skip
    return taken


def _one(name: str, folder: Path, rows: int) -> dict[str, Any]:
    return fresh("exchanged", name, folder, rows)
