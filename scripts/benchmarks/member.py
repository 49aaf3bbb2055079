"""One run of a crowd: member STORE NAME CALLS_A_SECOND SECONDS. A process of its own.

It begins once its standard input is closed, so that all of a crowd do.
"""

from __future__ import annotations

import json
import sys
import time
from array import array

import tracker
from scripts.benchmarks.workload import rows

DISTINCT = 1_000


def live(store: str, name: str, rate: float, seconds: float) -> list[int]:
    """Log ten scalars so many times a second; how long each call took, in ns."""
    data = rows(DISTINCT)
    clock = time.perf_counter_ns
    took = array("Q")
    with tracker.init("bench", name=name, id=name, dir=store) as run:
        sys.stdin.read()
        began = time.perf_counter()
        for step in range(int(rate * seconds)):
            time.sleep(max(0.0, began + step / rate - time.perf_counter()))
            at = clock()
            run.log(data[step % DISTINCT], step=step)
            took.append(clock() - at)
    return list(took)


if __name__ == "__main__":
    print(json.dumps({"took": live(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:5]))}))
