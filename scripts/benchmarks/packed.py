"""Pack a store's runs and count what is read then: packed STORE POINTS. A process of its own."""

from __future__ import annotations

import json
import sys
import time

from tracker.events import Log
from tracker.journal import journals, packer
from tracker.store import StoreFolder

if __name__ == "__main__":
    store, points = StoreFolder.open(sys.argv[1]), int(sys.argv[2])
    found = [journal for folder in store.journals.iterdir() for journal in journals(folder)]
    began = time.perf_counter()
    segments = sum(packer.pack(journal) for journal in found)
    seconds = time.perf_counter() - began
    there = sum(len(journal.segments()) for journal in found)
    if segments != there:
        raise SystemExit(f"{segments} of {there} segments were packed")
    read = time.perf_counter()
    counted = sum(
        len(event.values) for journal in found for event in journal.events()
        if isinstance(event, Log)
    )  # fmt: skip
    if counted != points:
        raise SystemExit(f"{counted} points are read, {points} were logged")
    print(json.dumps({"pack_s": seconds, "packed_read_s": time.perf_counter() - read}))
