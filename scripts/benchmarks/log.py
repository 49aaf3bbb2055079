"""`log` of ten scalars: time of a call, and what a SIGKILL leaves, beside the peers."""

from __future__ import annotations

import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from scripts.benchmarks.loggers import LOGGERS
from scripts.benchmarks.process import Figures, environment, fresh, interleaved
from scripts.benchmarks.table import show

STEPS = 20_000
KILL_AFTER_S = 2.0


def measure(rounds: int, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    called = interleaved(
        LOGGERS, rounds, lambda name, folder: fresh("loggers", name, folder, STEPS)
    )
    killed = interleaved(LOGGERS, rounds, kill, settle=_worst)
    own = called["tracker"]["p50_us"]
    for name, figures in called.items():
        figures.update(killed[name], p50_to_tracker=figures["p50_us"] / own)
    head = ("logger", "p50 us", "p99 us", "steps/s incl. finish", "p50 to tracker's",
            "kept of returned after SIGKILL")  # fmt: skip
    rows = [
        (name, f["p50_us"], f["p99_us"], int(f["steps_per_s"]), f["p50_to_tracker"],
         f"{f['kept']:,} of {f['returned']:,}")
        for name, f in called.items()
    ]  # fmt: skip
    show(
        f"log of 10 scalars, {STEPS:,} steps, medians of {rounds} rounds", head, rows,
        "bare floor: msgspec encode, crc32 and os.write in a loop, nothing else",
        f"SIGKILL after {KILL_AFTER_S:.0f} s at full speed, the worst round; the call that was "
        "under way may be kept too",
    )  # fmt: skip
    return called


def kill(name: str, folder: Path) -> dict[str, Any]:
    """Kill a logger at full speed and count what its reader finds."""
    command = [sys.executable, "-m", "scripts.benchmarks.loggers", name, str(folder), "forever"]
    with subprocess.Popen(
        command,
        env=environment(TMPDIR=str(folder)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        returned = folder / "returned"
        while not returned.exists() and process.poll() is None:
            time.sleep(0.05)
        time.sleep(KILL_AFTER_S)
        process.kill()
    calls = struct.unpack("<Q", returned.read_bytes())[0]
    return {"returned": calls, **fresh("survivors", name, folder)}


def _worst(rounds: list[Figures]) -> Figures:
    return min(rounds, key=lambda figures: figures["kept"] / figures["returned"])
