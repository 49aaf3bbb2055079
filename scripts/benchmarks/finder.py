"""Search many runs, warm: finder WHO PLACE, WHO is ours or mlflow. A process of its own."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from scripts.benchmarks.measured import peak_mb

PAGE = 50
REPEATS = 5
PATIENCE_MS = 10_000.0
"""No further repeat after so long: of a search that takes more, the one time is told."""

QUERIES = {
    "a tenth of a third, ordered": (
        "metrics.m0 < 0.3 and params.p0 = 'v3'", "metrics.m1 ASC",
    ),
    "few (0.05 %), ordered": ("metrics.m0 < 0.001 and metrics.m2 > 0.5", "metrics.m1 DESC"),
    "newest of a third": ("metrics.m0 < 0.3", "attributes.start_time DESC"),
    "none of four halves, ordered": (
        "metrics.m0 < 0.5 and metrics.m2 < 0.5 and metrics.m3 < 0.5 and params.p0 = 'absent'",
        "metrics.m1 ASC",
    ),
    "few of six thirds (the hardest)": (
        " and ".join(f"metrics.m{n} < 0.3" for n in range(2, 8)), "metrics.m1 ASC",
    ),
}  # fmt: skip
"""Filter and order, in the words that both understand."""


def ours(place: str) -> tuple[Callable[[str, str], list[str]], dict[str, float]]:
    """Search in our store, as a call of its own each time; and what the first look costs."""
    from tracker.query import Store  # noqa: PLC0415 - only one of these is loaded in a process

    store = Store(place)
    began = time.perf_counter()
    store.index.catch_up()
    looked = time.perf_counter() - began

    def search(wanted: str, order: str) -> list[str]:
        return [run.id for run in store.runs(filter=wanted, order_by=order, limit=PAGE)]

    return search, {"look_ms": looked * 1000}


def mlflow(place: str) -> tuple[Callable[[str, str], list[str]], dict[str, float]]:
    """Search in MLflow's database by its own client."""
    from mlflow import MlflowClient  # noqa: PLC0415 - only one of these is loaded in a process

    client = MlflowClient(f"sqlite:///{place}")

    def search(wanted: str, order: str) -> list[str]:
        found = client.search_runs(["0"], wanted, max_results=PAGE, order_by=[order])
        return [run.info.run_id for run in found]

    return search, {}


def main() -> None:
    """Print milliseconds of each search, the median after one that warms up; and what it found."""
    make = {"ours": ours, "mlflow": mlflow}[sys.argv[1]]
    search, figures = make(sys.argv[2])
    found: dict[str, Any] = {}
    for name, (wanted, order) in QUERIES.items():
        taken = list[float]()
        while len(taken) <= REPEATS and sum(taken) < PATIENCE_MS:
            began = time.perf_counter()
            found[name] = search(wanted, order)
            taken.append((time.perf_counter() - began) * 1000)
        figures[name] = statistics.median(taken[1:] or taken)
    print(json.dumps({"ms": figures, "found": found, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
