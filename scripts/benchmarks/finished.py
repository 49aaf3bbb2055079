"""Fill a store with finished runs: finished STORE RUNS. A process of its own."""

from __future__ import annotations

import sys

from scripts.benchmarks.workload import rows
from tracker.journal import Writer
from tracker.store import StoreFolder

CALLS = 10
"""Of ten scalars each."""

_START, _LOG, _FINISH = 16, 17, 22


def record(store: StoreFolder, run_id: str, data: list[dict[str, float]]) -> None:
    """Write a finished run as `tracker.init` does, without the syncs and the signal handlers."""
    writer = Writer(store.run(run_id), run_id)
    writer.append(_START, "bench", run_id)
    for step, values in enumerate(data):
        writer.append(_LOG, step, values)
    writer.append(_FINISH, "finished", 0, None, {})
    writer.close()


if __name__ == "__main__":
    target = StoreFolder.open(sys.argv[1], create=True)
    content = rows(CALLS)
    for number in range(int(sys.argv[2])):
        record(target, f"{number:032x}", content)
    print("{}")
