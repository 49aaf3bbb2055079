"""Build the index of a store: indexing STORE POINTS. A process of its own."""

from __future__ import annotations

import json
import sys
import time
import zlib
from pathlib import Path

from scripts.benchmarks.measured import peak_mb
from tracker.index import Index
from tracker.store import StoreFolder

if __name__ == "__main__":
    store, points = StoreFolder.open(sys.argv[1]), int(sys.argv[2])
    began = time.perf_counter()
    index = Index(store)
    index.catch_up()
    seconds = time.perf_counter() - began
    took_mb = peak_mb()
    counted = index.query("SELECT sum(count) FROM metrics")[0][0]
    index.close()
    if counted != points:
        raise SystemExit(f"the index counts {counted} points, {points} were logged")
    files = list(Path(store.root).glob("index.db*"))
    size = sum(file.stat().st_size for file in files)
    packed = len(zlib.compress(b"".join(file.read_bytes() for file in files)))
    print(json.dumps({
        "index_s": seconds, "index_bytes": size / points, "points_per_s": points / seconds,
        "index_peak_mb": took_mb, "index_zlib_bytes": packed / points,
    }))  # fmt: skip
