"""Finding runs among many: a filter and an order, beside MLflow; `tracker ls` from nothing."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scripts.benchmarks.finder import PAGE, QUERIES
from scripts.benchmarks.process import environment, fresh
from scripts.benchmarks.table import show

RUNS = 20_000
LISTED = 10_000


def measure(rounds: int, runs: int | None = None, **_: Any) -> dict[str, Any]:
    """Take the figures of so many runs and print them."""
    runs = runs or RUNS
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as folder:
        store, database = Path(folder, "store"), Path(folder, "mlflow.db")
        print(f"  {runs:,} runs are written to both", file=sys.stderr)
        filled = fresh("many", store, database, runs)
        ours = fresh("finder", "ours", store)
        theirs = fresh("finder", "mlflow", database)
        sizes = [sum(f.stat().st_size for f in Path(folder).glob(name)) / 1e6
                 for name in ("store/index.db*", "mlflow.db*")]  # fmt: skip
    for name in QUERIES:
        if ours["found"][name] != theirs["found"][name]:
            raise SystemExit(f"{name}: the two find other runs")
    listed = _listed(rounds)
    taken = {name: (ours["ms"][name], theirs["ms"][name]) for name in QUERIES}
    spent = f"written in {filled['store_s']:.0f} and {filled['mlflow_s']:.0f} s"
    show(
        f"a page of {PAGE} of {runs:,} runs x 30 params x 30 metrics, ms, warm",
        ("query", "ours", "mlflow", "times"),
        [(name, own, other, other / own) for name, (own, other) in taken.items()],
        "both find the same runs; ours: store.runs(), MLflow: its client on SQLite",
        f"the first look at all folders of the store, once before: {ours['ms']['look_ms']:.0f} ms",
        f"memory {ours['peak_mb']:.0f} and {theirs['peak_mb']:.0f} MB; databases {sizes[0]:,.0f} "
        f"and {sizes[1]:,.0f} MB, {spent}",
        f"tracker ls from a cold process, {LISTED:,} runs: {listed * 1000:.0f} ms",
    )  # fmt: skip
    return {"runs": runs, "ms": taken, "ls_s": listed, "look_ms": ours["ms"]["look_ms"]}


def _listed(rounds: int) -> float:
    """Seconds of `tracker ls` in a process of its own, the median."""
    program = [sys.executable, "-c", "from tracker.cli import main; main()"]
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as folder:
        fresh("many", Path(folder, "store"), "-", LISTED)
        taken = []
        for _ in range(max(rounds, 3) + 1):
            began = time.perf_counter()
            subprocess.run(
                [*program, "ls", "--dir", f"{folder}/store"], env=environment(), check=True,
                capture_output=True,
            )  # fmt: skip
            taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:])


if __name__ == "__main__":
    measure(3)
