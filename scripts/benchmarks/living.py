"""Log one long run and look at it as it goes on: living STORE POINTS. A process of its own."""

from __future__ import annotations

import json
import sys
import time
from array import array
from pathlib import Path

import tracker
from scripts.benchmarks.workload import KEYS, rows

DISTINCT = 10_000
PART_POINTS = 1_000_000
_BUCKET_NS = 50
_BUCKETS = 200_000


class Times:
    """How long calls took: counts per 50 ns up to 10 ms, and the longest; of fixed size."""

    def __init__(self) -> None:
        self.counts = array("Q", bytes(8 * (_BUCKETS + 1)))
        self.longest_ns = 0

    def figures(self, part: str) -> dict[str, float]:
        """Median, 99th percentile and the longest."""
        return {
            f"{part}_p50_us": self._at(0.5), f"{part}_p99_us": self._at(0.99),
            f"{part}_max_ms": self.longest_ns / 1e6,
        }  # fmt: skip

    def _at(self, share: float) -> float:
        left = share * sum(self.counts)
        for bucket, count in enumerate(self.counts):
            left -= count
            if left <= 0:
                return (bucket + 0.5) * _BUCKET_NS / 1e3
        return self.longest_ns / 1e3


def resident_mb() -> float:
    """Resident memory of this process now, in MB of 1,000,000 bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024 / 1e6


def log(run: tracker.Run, data: list[dict[str, float]], steps: range, times: Times) -> None:
    """Log these steps, each call timed."""
    clock, counts, call = time.perf_counter_ns, times.counts, run.log
    for step in steps:
        values = data[step % DISTINCT]
        began = clock()
        call(values, step=step)
        took = clock() - began
        counts[min(took // _BUCKET_NS, _BUCKETS)] += 1
        times.longest_ns = max(times.longest_ns, took)


def live(store: str, calls: int) -> dict[str, float]:
    """The whole run."""
    data = rows(DISTINCT)
    part = min(PART_POINTS // len(KEYS), calls // 10)
    first, between, last = Times(), Times(), Times()
    found = {}
    began = time.perf_counter()
    run = tracker.init("bench", name="long", id="long", dir=store)
    stops = [(calls // 100, "rss_1_mb"), (calls // 2, "rss_50_mb"), (calls, "rss_100_mb")]
    done = 0
    for stop, name in stops:
        for end, times in ((part, first), (calls - part, between), (calls, last)):
            upto = min(stop, end)
            if upto > done:
                log(run, data, range(done, upto), times)
                done = upto
        found[name] = resident_mb()
    found["calls_per_s"] = calls / (time.perf_counter() - began)
    finishing = time.perf_counter()
    run.finish()
    found["finish_ms"] = (time.perf_counter() - finishing) * 1e3
    return found | first.figures("first") | last.figures("last")


if __name__ == "__main__":
    print(json.dumps(live(sys.argv[1], int(sys.argv[2]) // len(KEYS))))
