"""What `tracker` costs a real training loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.benchmarks.process import fresh, interleaved
from scripts.benchmarks.table import show

BATCHES = {"partial_fit on 200 digits": 200, "partial_fit on all 1,797 digits": 1797}


def measure(rounds: int, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    taken = interleaved(BATCHES, rounds, _train)
    rows = [
        (name, f["step_ms"], f["log_us"], f["in_log_percent"], f["paired_percent"])
        for name, f in taken.items()
    ]
    show(
        f"ten scalars logged at each step of a training, medians of {rounds} rounds",
        ("training", "ms a step", "us in log", "% of the time in log", "% by paired epochs"), rows,
        "paired: the median of epochs with to epochs without, in turn; noise included",
    )  # fmt: skip
    return taken


def _train(name: str, folder: Path) -> dict[str, Any]:
    return fresh("trainer", folder, BATCHES[name])
