"""Drawing one long metric, beside others' readers: time, memory, and how fast it is caught up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.benchmarks.process import fresh, interleaved
from scripts.benchmarks.table import show

OURS, PEERS, FEW = 10_000_000, 1_000_000, 100_000
CASES = {
    f"tracker, {FEW:,} points": ("tracker", "tracker", FEW),
    f"trackio, {FEW:,} points": ("trackio", "trackio", FEW),
    f".wandb file, {FEW:,} points": ("wandb", "wandb", FEW),
    f"tracker, {OURS:,} points": ("tracker", "tracker", OURS),
    f"tracker, {PEERS:,} points": ("tracker", "tracker", PEERS),
    f"mlflow client, {PEERS:,} points": ("mlflow", "mlflow", PEERS),
    f"mlflow page, {PEERS:,} points": ("mlflow", "mlflow sampled", PEERS),
}


def measure(rounds: int, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    taken = interleaved(CASES, rounds, _fill_and_draw)
    for name, figures in taken.items():
        own = taken[f"tracker, {CASES[name][2]:,} points"]
        figures["to_tracker"] = figures["warm_ms"] / own["warm_ms"]
    rows = [
        (name, f["first_ms"], f["warm_ms"], f["to_tracker"], int(f["drawn"]), f["peak_mb"],
         int(f["caught_up_per_s"]) if "caught_up_per_s" in f else "-")
        for name, f in taken.items()
    ]  # fmt: skip
    head = ("reader", "first ms", "then ms", "to tracker's", "points drawn", "peak MB",
            "caught up points/s")  # fmt: skip
    show(
        f"one metric, draw-ready in 1,000 buckets, medians of {rounds} rounds", head, rows,
        "a call a point; files in the page cache; tracker keeps least and largest of each bucket,",
        "mlflow's page reads 320 sampled ones, whatever lies between them, the others every point",
    )  # fmt: skip
    return taken


def _fill_and_draw(name: str, folder: Path) -> dict[str, Any]:
    writer, reader, points = CASES[name]
    fresh("curves", "fill", writer, folder, points)
    figures = fresh("curves", "draw", reader, folder, points)
    if "catch_up_s" in figures:
        figures["caught_up_per_s"] = points / figures["catch_up_s"]
    return figures
