"""Fill a store with one run of ten scalars a step: filling STORE STEPS. A process of its own."""

from __future__ import annotations

import json
import sys
import time

import tracker
from scripts.benchmarks.workload import rows

DISTINCT = 10_000

if __name__ == "__main__":
    store, steps = sys.argv[1], int(sys.argv[2])
    data = rows(DISTINCT)
    began = time.perf_counter()
    with tracker.init("bench", name="bench", id="bench", dir=store) as run:
        for step in range(steps):
            run.log(data[step % DISTINCT], step=step)
    print(json.dumps({"fill_s": time.perf_counter() - began}))
