"""`tracker top`: from the start of its process to the first full screen, and to the first curve."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scripts.benchmarks.finished import CALLS
from scripts.benchmarks.process import environment, fresh, interleaved
from scripts.benchmarks.table import show
from tests.terminals import Terminal

RUNS = (10, 10_000)
TIMES_MORE = 3
"""Rounds here for each round asked for: a start varies by as much as other programs run."""

_PROGRAM = "from tracker.cli import main; main()"
_SCALARS = 10
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def measure(rounds: int, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as folder:
        stores = {f"{runs:,} runs": (Path(folder, str(runs)), runs) for runs in RUNS}
        for place, runs in stores.values():
            fresh("finished", place, runs)
            fresh("indexing", place, runs * CALLS * _SCALARS)
        taken = interleaved(stores, rounds * TIMES_MORE, lambda name, _: _opened(*stores[name]))
    show(
        f"tracker top in a terminal of 80x24, medians of {rounds * TIMES_MORE} alternating starts",
        ("store", "screen s", "CPU s", "curve s"),
        [(name, f["screen_s"], f["cpu_s"], f["curve_s"]) for name, f in taken.items()],
        "screen: all lines of the list and the keys; CPU: of the whole process until then",
        f"load of the machine now: {os.getloadavg()[0]:.1f}",
    )  # fmt: skip
    return taken


def _opened(place: Path, runs: int) -> dict[str, float]:
    env = environment(TERM="xterm-256color", PYTHONPATH=str(Path(__file__).parents[2]))
    command = [sys.executable, "-c", _PROGRAM, "top", "--dir", str(place)]
    began = time.monotonic()
    with Terminal(command, env) as at:

        def full() -> bool:
            return at.lines[0].startswith(f"tracker top  {runs:,} runs") and (
                at.text.count("finished") == 7 and "? all keys" in at.lines[-1]
            )

        at.wait(full)
        screen = time.monotonic() - began
        fields = Path(f"/proc/{at.process.pid}/stat").read_text(encoding="utf-8").split()
        cpu = (int(fields[13]) + int(fields[14])) * _TICK_S
        at.wait("train/loss  last")
        curve = time.monotonic() - began
        at.press("q")
        at.ended()
    return {"screen_s": screen, "cpu_s": cpu, "curve_s": curve}
