"""Fill a store with ended runs of ten scalars a step: waiting STORE RUNS STEPS. A process."""

from __future__ import annotations

import json
import sys
import time

import tracker
from scripts.benchmarks.workload import KEYS, rows


def fill(store: str, runs: int, steps: int) -> int:
    """Record them; how many points they have."""
    data = rows(min(steps, 10_000))
    for number in range(runs):
        with tracker.init("bench", name=f"waiting-{number}", id=f"w{number:05}", dir=store) as run:
            for step in range(steps):
                run.log(data[step % len(data)], step=step)
    return runs * steps * len(KEYS)


if __name__ == "__main__":
    began = time.perf_counter()
    points = fill(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps({"fill_s": time.perf_counter() - began, "points": points}))
