"""Bytes per metric point in journal and index, and how fast the index is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.benchmarks.process import fresh, interleaved
from scripts.benchmarks.table import show
from scripts.benchmarks.workload import KEYS

POINTS = {"1 million points": 1_000_000, "10 million points": 10_000_000}


def measure(rounds: int, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    taken = interleaved(POINTS, rounds, _fill_and_index)
    head = ("store", "journal bytes/point", "index bytes/point", "by zlib", "index points/s",
            "index peak MB")  # fmt: skip
    rows = [
        (name, f["journal_bytes"], f["index_bytes"], f["index_zlib_bytes"],
         int(f["points_per_s"]), f["index_peak_mb"])
        for name, f in taken.items()
    ]  # fmt: skip
    show(
        f"bytes per point, medians of {rounds} rounds", head, rows,
        "ten scalars a step, random float64 values (the least compressible), short names;",
        "the files are in the page cache when the index is built",
    )  # fmt: skip
    return taken


def _fill_and_index(name: str, folder: Path) -> dict[str, Any]:
    store, points = folder / "store", POINTS[name]
    filled = fresh("filling", store, points // len(KEYS))
    size = sum(file.stat().st_size for file in store.glob("journals/*/*.seg"))
    return filled | {"journal_bytes": size / points} | fresh("indexing", store, points)
