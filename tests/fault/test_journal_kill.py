"""A training process killed at any moment: every `log` that returned is read back, once."""

from __future__ import annotations

import mmap
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from tracker.events import Finish, Log
from tracker.journal import journals
from tracker.store import StoreFolder

THREADS = 4
ROUNDS = int(os.environ.get("SOAK_ROUNDS", "50"))
SEED = int(os.environ.get("SOAK_SEED", "2026"))

TRAINING = """
import mmap, struct, sys, threading
import tracker

shared = open(sys.argv[2], "r+b")
returned = mmap.mmap(shared.fileno(), 4096)
run = tracker.init(project="p", id="run", dir=sys.argv[1])

def train(number):
    step = 0
    while True:
        step += 1
        run.log({"thread": number, "value": number * 1_000_000 + step, "half": step / 2}, step)
        # A page of a shared mapping is the kernel's, as the journal is: it survives the kill. Eight
        # bytes are copied at once; `pack_into` would write zeros first, and be killed behind them.
        returned[8 * number : 8 * number + 8] = struct.pack("<Q", step)

for number in range(4):
    threading.Thread(target=train, args=(number,)).start()
"""


def kill_at(moment_s, store, shared, training):
    environment = os.environ | {
        "TRACKER_SILENT": "1", "TRACKER_SEGMENT_BYTES": "3000", "TRACKER_SYNC_INTERVAL_S": "0.01",
    }  # fmt: skip
    shared.write_bytes(bytes(4096))
    command = [sys.executable, "-c", training, str(store), str(shared)]
    with shared.open("r+b") as file, mmap.mmap(file.fileno(), 4096) as page:
        with subprocess.Popen(command, env=environment) as process:
            limit = time.monotonic() + 60
            while not any(page[:32]) and moment_s >= 0:
                if process.poll() is not None or time.monotonic() > limit:
                    process.kill()
                    raise RuntimeError("the process did not log")
                time.sleep(0.001)
            time.sleep(abs(moment_s))
            process.kill()
        return struct.unpack("<4Q", page[:32])


def campaign(seed, training=TRAINING):
    """Kill one process; give how many segments a journal had got by then.

    One in five is killed while it starts, at a time counted from the process's birth.
    """
    dice = random.Random(seed)
    moment_s = -dice.uniform(0.02, 0.25) if dice.random() < 0.2 else dice.uniform(0, 0.08)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "store")
        returned = kill_at(moment_s, store, Path(folder, "returned"), training)
        return check(journals(StoreFolder(store, "").run("run")), returned)


def check(found, returned):
    """All that returned is there, once and right; give the most segments of a journal."""
    steps = [[] for _ in range(THREADS)]
    for journal in found:
        assert not journal.alive()
        blocks = list(journal.blocks())
        assert all(gap.harmless for block in blocks for gap in block.gaps)
        events = [event for block in blocks for event in block.events]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert not any(block.ended for block in blocks)
        assert Finish not in Counter(map(type, events))
        for event in events:
            if isinstance(event, Log):
                thread = event.values["thread"]
                assert event.values == {
                    "thread": thread,
                    "value": thread * 1_000_000 + event.step,
                    "half": event.step / 2,
                }
                steps[thread].append(event.step)
    for thread in range(THREADS):
        # The call that was under way may be there too.
        assert len(steps[thread]) - returned[thread] in (0, 1), thread
        assert steps[thread] == list(range(1, len(steps[thread]) + 1)), thread
    return max((len(journal.segments()) for journal in found), default=0)


@pytest.mark.timeout(60 + 3 * ROUNDS)
def test_every_log_that_returned_before_a_sigkill_is_read_back_exactly_once():
    segments = 0
    for seed in range(SEED, SEED + ROUNDS):
        print("seed", seed)  # noqa: T201 - shown when it fails
        segments = max(segments, campaign(seed))
    assert segments > 10, "the kills missed every rotation"
