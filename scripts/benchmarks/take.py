"""Import one `.wandb` file and count what came: take LOG STORE POINTS. A process of its own."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tracker.integrations.wandb.imports import Import
from tracker.settings import Settings
from tracker.store import StoreFolder

if __name__ == "__main__":
    log, points = Path(sys.argv[1]), int(sys.argv[3])
    store = StoreFolder.open(sys.argv[2], create=True)
    size = log.stat().st_size
    with Import(store, Settings(), [log]) as first:
        began, used = time.perf_counter(), time.process_time()
        (taken,) = [found.taken for found in first.once(lambda _: None)]
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    if taken.error or taken.points != points:
        raise SystemExit(f"{taken.points} of {points} points were taken; {taken.error}")
    with Import(store, Settings(), [log]) as second:
        began = time.perf_counter()
        (again,) = [found.taken for found in second.once(lambda _: None)]
    if again.records:
        raise SystemExit(f"{again.records} records were taken twice")
    figures = {"points_per_s": points / wall, "points_per_cpu_s": points / cpu}
    figures |= {"mb_per_s": size / wall / 1e6, "again_s": time.perf_counter() - began}
    print(json.dumps(figures))
