"""`log` in every shape beside the bare floor: widths, paced, threads, fsync in each call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripts.benchmarks.caller import NAMES
from scripts.benchmarks.process import fresh, interleaved
from scripts.benchmarks.table import show


def _case(scalars: int = 10, threads: int = 1, per_s: int = 0, fsync: bool = False,
          calls: int = 50_000) -> dict[str, Any]:  # fmt: skip
    return {"scalars": scalars, "threads": threads, "per_s": per_s, "fsync": fsync, "calls": calls}


CASES = {
    "10 scalars": _case(),
    "10 scalars, 200 calls a second": _case(per_s=200, calls=1_000),
    "1 scalar": _case(1),
    "100 scalars": _case(100, calls=20_000),
    "1,000 scalars": _case(1_000, calls=3_000),
    "10 scalars, 4 threads": _case(threads=4, calls=12_500),
    "10 scalars, fsync in each call": _case(fsync=True, calls=2_000),
}


def measure(rounds: int, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    taken = interleaved([f"{case}: {name}" for case in CASES for name in NAMES], rounds, _call)
    rows = []
    for case in CASES:
        own, bare = taken[f"{case}: tracker"], taken[f"{case}: bare floor"]
        own["p50_to_floor"] = own["p50_us"] / bare["p50_us"]
        rows.append((
            case, own["p50_us"], bare["p50_us"], own["p50_to_floor"], own["p99_us"],
            bare["p99_us"], own["max_ms"], bare["max_ms"], own["finish_ms"], own["loaded_mb"],
            own["grown_mb"],
        ))  # fmt: skip
    show(
        f"log calls, medians of {rounds} rounds; floor: encode, crc32 and os.write in a loop",
        ("calls", "p50 us", "floor", "ratio", "p99 us", "floor", "max ms", "floor", "finish ms",
         "MB loaded", "MB grown"), rows,
        "MB loaded: import tracker, init and 50 calls; grown: all further calls",
    )  # fmt: skip
    return taken


def _call(name: str, folder: Path) -> dict[str, Any]:
    case, _, caller = name.rpartition(": ")
    return fresh("caller", caller, folder, json.dumps(CASES[case]))
