"""One shape of `log` calls in a process of its own: caller NAME FOLDER CASE, prints its figures.

CASE is JSON: scalars a call, threads, calls a second (0: as fast as they go), fsync in each
call, calls of each thread.
"""

from __future__ import annotations

import gc
import json
import os
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.benchmarks.loggers import Finish, Log
from scripts.benchmarks.workload import wide

DISTINCT = 200
"""Different rows that are logged in turn: what is logged is not always in the cache."""


def resident_mb() -> float:
    """Resident memory of this process, in MB of 1,000,000 bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024 / 1e6


def ours(folder: Path, case: dict[str, Any]) -> tuple[Log, Finish]:
    """Log as `tracker` does."""
    import tracker  # noqa: PLC0415 - counts as memory of what is measured

    os.environ["TRACKER_SYNC"] = "always" if case["fsync"] else "interval"
    run = tracker.init("bench", name="bench", id="bench", dir=folder / "store")
    return run.log, run.finish


def floor(folder: Path, case: dict[str, Any]) -> tuple[Log, Finish]:
    """Do the least that keeps a call: encode, checksum, write, and the sync if asked."""
    import msgspec  # noqa: PLC0415 - counts as memory of what is measured

    encode = msgspec.msgpack.Encoder().encode
    fd = os.open(folder / "floor", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    pack = struct.Struct("<II").pack
    fsync = case["fsync"]

    def log(data: dict[str, float], step: int) -> None:
        payload = encode((step, time.time_ns(), data))
        os.write(fd, pack(len(payload), zlib.crc32(payload)) + payload)
        if fsync:
            os.fdatasync(fd)

    return log, lambda: os.close(fd)


NAMES: dict[str, Callable[[Path, dict[str, Any]], tuple[Log, Finish]]] = {
    "tracker": ours, "bare floor": floor,
}  # fmt: skip


def call(log: Log, rows: list[dict[str, float]], case: dict[str, Any], times: list[int]) -> None:
    """Make one thread's calls and note how long each took, in ns."""
    clock, per_s = time.perf_counter_ns, case["per_s"]
    begin = time.perf_counter()
    for step in range(case["calls"]):
        if per_s:
            time.sleep(max(0.0, begin + step / per_s - time.perf_counter()))
        values = rows[step % DISTINCT]
        before = clock()
        log(values, step)
        times.append(clock() - before)


def main() -> None:
    """Do what the arguments say."""
    name, place, text = sys.argv[1:]
    case = json.loads(text)
    rows = wide(DISTINCT, case["scalars"])
    times: list[list[int]] = [[] for _ in range(case["threads"])]
    gc.collect()
    before = resident_mb()
    log, finish = NAMES[name](Path(place), case)
    for step in range(50):  # what the first calls set up is not what a call takes
        log(rows[step], step)
    begun = resident_mb()
    threads = [threading.Thread(target=call, args=(log, rows, case, t)) for t in times[1:]]
    for thread in threads:
        thread.start()
    call(log, rows, case, times[0])
    for thread in threads:
        thread.join()
    ended = time.perf_counter()
    finish()
    finish_ms = (time.perf_counter() - ended) * 1e3
    found = sorted(t for each in times for t in each)
    grown = resident_mb() - begun - sum(map(sys.getsizeof, times)) / 1e6 - len(found) * 32 / 1e6
    figures = {
        "p50_us": found[len(found) // 2] / 1e3, "p99_us": found[len(found) * 99 // 100] / 1e3,
        "max_ms": found[-1] / 1e6, "finish_ms": finish_ms, "loaded_mb": begun - before,
        "grown_mb": max(0.0, grown),
    }  # fmt: skip
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
