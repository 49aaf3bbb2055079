"""Many small images: calls a second, inodes and bytes on disk, beside wandb offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.benchmarks.process import fresh, interleaved
from scripts.benchmarks.table import show

NAMES = ("tracker.wandb", "wandb offline")


def measure(rows: int, rounds: int, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    taken = interleaved(NAMES, rounds, lambda name, folder: _log(name, folder / "there", rows))
    show(
        f"{rows:,} calls, each with one image of noise, PNG of 2 KB",
        ("", "calls a second", "finish, s", "inodes", "MB on disk"),
        [
            (name, int(found["calls_per_s"]), found["finish_s"], int(found["inodes"]),
             found["bytes"] / 1e6)
            for name, found in taken.items()
        ],
        "the same script: run.log({'image': wandb.Image(pixels)}), the pixels an array",
    )  # fmt: skip
    return taken


def _log(name: str, folder: Path, rows: int) -> dict[str, Any]:
    return fresh("pictures", name, folder, rows, TRACKER_DIR=str(folder / "store"))
