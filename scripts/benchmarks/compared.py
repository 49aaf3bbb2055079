"""Compare the runs of the bench: compared tracker|mlflow FOLDER. A process of its own."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from scripts.benchmarks.measured import peak_mb

WARM = 5


def _ours(folder: Path) -> Callable[[], int]:
    from tracker.query import Store  # noqa: PLC0415 - each measures its own imports

    store = Store(folder / "store")

    def compare() -> int:
        found = store.compare(store.runs("bench"), "loss").to_dict()
        return sum(len(run["deltas"]) for run in found["runs"])

    return compare


def _theirs(folder: Path) -> Callable[[], int]:
    from mlflow.tracking import MlflowClient  # noqa: PLC0415 - as above

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("bench").experiment_id

    def compare() -> int:
        runs = client.search_runs([experiment], max_results=1000)
        base = runs[0].data.metrics
        ordered = sorted(runs, key=lambda run: run.data.metrics["loss"])
        deltas = [
            {key: value - base[key] for key, value in run.data.metrics.items()} for run in ordered
        ]
        return sum(map(len, deltas))

    return compare


if __name__ == "__main__":
    compare = {"tracker": _ours, "mlflow": _theirs}[sys.argv[1]](Path(sys.argv[2]))
    before = peak_mb()
    took = []
    for _ in range(1 + WARM):
        began = time.perf_counter()
        count = compare()
        took.append((time.perf_counter() - began) * 1e3)
        if count != 100 * 100:
            raise SystemExit(f"{count} deltas, there should be 10,000")
    print(json.dumps({
        "first_ms": took[0], "warm_ms": statistics.median(took[1:]), "peak_mb": peak_mb(),
        "import_mb": before,
    }))  # fmt: skip
