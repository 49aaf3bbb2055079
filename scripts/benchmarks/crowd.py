"""Many processes log at once into one store, `syncd` delivers it, somebody looks at it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import tracker
from scripts.benchmarks.arrivals import Arrivals
from scripts.benchmarks.daemon import Daemon
from scripts.benchmarks.process import environment
from scripts.benchmarks.table import show
from scripts.benchmarks.workload import KEYS
from tests.servers import MlflowServer
from tracker.settings import RemoteSettings, add_remote
from tracker.store import StoreFolder

LOOK_EVERY_S = 5.0


def measure(
    runs: int | None = None, seconds: float = 300.0, rate: float = 2.0, **_: Any
) -> dict[str, Any]:
    """Take the figures and print them: so many `runs`, each `rate` calls a second for `seconds`."""
    runs = runs or 200
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as folder:
        store = Path(folder) / "store"
        with MlflowServer(Path(folder) / "mlflow") as server:
            place = StoreFolder.open(store, create=True)
            add_remote(place, "bench", RemoteSettings("mlflow", server.url))
            with Daemon(store) as service:
                taken = _log(store, runs, (rate, seconds), service)
                taken |= _arrive(store, server, taken["points"], service)
    show(
        f"{runs} processes log 10 scalars {rate:g} times a second for {seconds:.0f} s",
        ("log p50 us", "p99 us", "longest ms", "points", "in the store", "at MLflow"),
        [(
            f"{taken['p50_us']:.1f}", f"{taken['p99_us']:.1f}", f"{taken['longest_ms']:.1f}",
            taken["points"], taken["kept"], taken["delivered"],
        )],
        f"syncd meanwhile: {taken['cpu']:.0%} of a core, {taken['memory_mb']:.1f} MB at its end, "
        f"{taken['peak_mb']:.1f} MB at most until all was there, "
        f"{taken['drained_s']:,.0f} s after the last call",
        f"`tracker ls`, every {LOOK_EVERY_S:.0f} s: {taken['ls_s']:.2f} s (median), "
        f"{taken['ls_most_s']:.2f} s at most",
    )  # fmt: skip
    return taken


def _log(store: Path, runs: int, pace: tuple[float, float], service: Daemon) -> dict[str, Any]:
    members = [_member(store, f"m{number:04}", *pace) for number in range(runs)]
    journals = StoreFolder.open(store).journals
    while len(list(journals.glob("*/*"))) < runs:
        time.sleep(0.1)
    began, used_s = time.perf_counter(), service.cpu_s()
    for member in members:
        assert member.stdin is not None  # noqa: S101 - a pipe
        member.stdin.close()
    looks = []
    while any(member.poll() is None for member in members[:1]):
        looks.append(_look(store))
        time.sleep(LOOK_EVERY_S)
    took = sorted(ns for member in members for ns in _told(member))
    spent = service.cpu_s() - used_s
    return {
        "p50_us": took[len(took) // 2] / 1e3, "p99_us": took[int(0.99 * len(took))] / 1e3,
        "longest_ms": took[-1] / 1e6, "points": len(took) * len(KEYS),
        "cpu": spent / (time.perf_counter() - began), "memory_mb": service.resident_mb(),
        "ls_s": sorted(looks)[len(looks) // 2], "ls_most_s": max(looks),
    }  # fmt: skip


def _member(store: Path, name: str, rate: float, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "scripts.benchmarks.member", str(store), name]
    return subprocess.Popen(
        [*command, str(rate), str(seconds)], env=environment(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def _told(member: subprocess.Popen[str]) -> list[int]:
    assert member.stdout is not None  # noqa: S101 - a pipe
    told: list[int] = json.loads(member.stdout.read())["took"]
    if member.wait():
        raise SystemExit("a member of the crowd failed")
    return told


def _look(store: Path) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "from tracker.cli import main; main()", "ls", "--dir", str(store)],
        env=environment(), check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - began


def _arrive(store: Path, server: MlflowServer, points: int, service: Daemon) -> dict[str, Any]:
    """Wait until all is delivered, and count it on both sides."""
    began = time.perf_counter()
    arrivals = Arrivals(server.folder)
    while arrivals.points() < points:
        service.resident_mb()  # ends this if syncd ended
        time.sleep(0.5)
    seconds = time.perf_counter() - began
    delivered = sum(arrivals.by_run().values())
    arrivals.close()
    kept = sum(len(run.history(key).steps) for run in tracker.open(store).runs() for key in KEYS)
    return {
        "drained_s": seconds, "delivered": delivered, "kept": kept,
        "peak_mb": service.resident_mb("VmHWM"),
    }  # fmt: skip
