"""`syncd run` as a service: what it takes while 10,000 finished runs lie in the store."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.benchmarks.double import Double
from scripts.benchmarks.finished import CALLS, record
from scripts.benchmarks.process import environment, fresh
from scripts.benchmarks.table import show
from scripts.benchmarks.workload import rows
from tracker.settings import RemoteSettings, add_remote
from tracker.store import StoreFolder

RUNS = 10_000
IDLE_S = 60.0
_CALM_S = 60.0
"""After the start, for what is done once: packing, the look at every run."""

_LIMIT_S = 120.0


def measure(
    rounds: int, *, runs: int | None = None, idle_s: float = IDLE_S, **_: Any
) -> dict[str, Any]:
    """Take the figures and print them."""
    del rounds  # filling and delivering take minutes; each figure is of one store
    runs = runs or RUNS
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as folder:
        taken = _served(Path(folder) / "store", runs, idle_s)
    show(
        f"syncd run with {runs:,} finished, delivered runs in the store, one round",
        ("", "figure"), list(taken.items()),
        "server: a stand-in that takes everything at once: the figures are about syncd alone",
        f"idle: over {idle_s:.0f} s, {_CALM_S:.0f} s after the start; peak: VmHWM, to the end",
        "first delivery: from the start of the process to the first points at the server,",
        "with one run waiting; new run: from its recording, while syncd is idle",
    )  # fmt: skip
    return taken


def _served(place: Path, runs: int, idle_s: float) -> dict[str, float]:
    fresh("finished", place, runs)
    store = StoreFolder.open(place)
    with Double().serving() as server:
        add_remote(store, "bench", RemoteSettings("mlflow", server.url))
        deliver_s = _timed(store, "once")
        time.sleep(3)
        again_s = _timed(store, "once")
        record(store, "e" * 32, rows(CALLS))
        with _syncd(store) as process:
            first_s = _until_more(server, lambda: None)
            time.sleep(_CALM_S)
            before = _cpu_s(process.pid)
            time.sleep(idle_s)
            idle = 100 * (_cpu_s(process.pid) - before) / idle_s
            new_s = _until_more(server, lambda: record(store, "f" * 32, rows(CALLS)))
            peak_mb = _peak_mb(process.pid)
        status_s = _timed(store, "status")
    return {
        "peak resident MB": peak_mb, "% of a core, idle": idle, "first delivery, s": first_s,
        "delivery of a new run, s": new_s, "syncd status, s": status_s,
        "all of it delivered, s": deliver_s, "once, nothing to do, s": again_s,
    }  # fmt: skip


def _until_more(server: Double, begin: Callable[[], None]) -> float:
    began, before = time.monotonic(), server.points
    begin()
    while server.points == before:
        if time.monotonic() > began + _LIMIT_S:
            raise SystemExit(f"nothing arrived within {_LIMIT_S:.0f} s")
        time.sleep(0.005)
    return time.monotonic() - began


def _command(store: StoreFolder, *words: str) -> dict[str, Any]:
    return {
        "args": [sys.executable, "-m", "syncd", *words, "--dir", str(store.root)],
        "env": environment(XDG_CONFIG_HOME="/nonexistent", PYTHONPATH=os.pathsep.join(sys.path)),
        "stdout": subprocess.DEVNULL,
    }


def _timed(store: StoreFolder, *words: str) -> float:
    began = time.monotonic()
    subprocess.run(**_command(store, *words), check=True)
    return time.monotonic() - began


@contextmanager
def _syncd(store: StoreFolder) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(**_command(store, "run"))
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def _cpu_s(pid: int) -> float:
    """CPU that a process took so far, in user and system mode, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6
