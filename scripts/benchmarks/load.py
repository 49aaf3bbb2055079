"""Many runs wait for a server that was away: how they drain, and what live runs feel of it."""

from __future__ import annotations

import itertools
import math
import os
import re
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import tracker
from scripts.benchmarks.arrivals import Arrivals
from scripts.benchmarks.daemon import Daemon
from scripts.benchmarks.process import fresh
from scripts.benchmarks.table import show
from scripts.benchmarks.workload import KEYS
from tests.servers import MlflowServer
from tracker.settings import RemoteSettings, add_remote
from tracker.store import StoreFolder

AWAY_S = 10.0
LIVE_EVERY_S = 10.0
LIVE_LIMIT_S = 120.0
LIMIT_POINTS = 100_000
"""What the server's own speed is measured with, at the most."""

BATCH = 1_000
"""Points that a request to MLflow takes at the most."""

_PARTS = 10
_SAY_EACH = 30


class Live(threading.Thread):
    """A new run every ten seconds: how long until its first point is at the server.

    Attributes:
        delays: in seconds, of those that arrived.
        lost: those that did not within two minutes.
    """

    def __init__(self, store: Path, server: Path) -> None:
        super().__init__(daemon=True)
        self.delays: list[float] = []
        self.lost = 0
        self._store, self._server = store, server
        self._end = threading.Event()

    def run(self) -> None:
        """One after the other until `end`."""
        arrivals = Arrivals(self._server)
        while not self._end.is_set():
            began = time.perf_counter()
            self._one(arrivals, f"live/{len(self.delays) + self.lost}")
            self._end.wait(max(0.0, began + LIVE_EVERY_S - time.perf_counter()))
        arrivals.close()

    def end(self) -> None:
        """Begin no other one, and wait for the last."""
        self._end.set()
        self.join()

    def _one(self, arrivals: Arrivals, key: str) -> None:
        with tracker.init("bench", name=key, dir=str(self._store)) as run:
            run.log({key: 1.0})
            logged = time.perf_counter()
            while time.perf_counter() < logged + LIVE_LIMIT_S:
                if arrivals.has(key):
                    self.delays.append(time.perf_counter() - logged)
                    return
                time.sleep(0.05)
        self.lost += 1


def measure(runs: int | None = None, each: int | None = None, **_: Any) -> dict[str, Any]:
    """Take the figures and print them: `runs` that wait, `each` with so many points."""
    os.environ["TRACKER_SILENT"] = "1"
    runs, each = runs or 1_000, each or 10_000
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as folder:
        store = Path(folder) / "store"
        filled = fresh("waiting", store, runs, each // len(KEYS))
        server = MlflowServer(Path(folder) / "mlflow")
        add_remote(StoreFolder.open(store), "bench", RemoteSettings("mlflow", server.url))
        before = min(LIMIT_POINTS, filled["points"])
        with server:
            limit = fresh("client", "httpx", server.url, before)["points_per_s"]
        with Daemon(store) as service:
            time.sleep(AWAY_S)
            with server:
                taken = _drain(store, server, service, filled["points"])
                requests = _requests(server.log)
                after = fresh("client", "httpx", server.url, before)["points_per_s"]
    taken |= {"limit_points_per_s": limit, "limit_after_points_per_s": after}
    taken |= {"requests": requests - before // BATCH}
    taken["least_requests"] = runs * (math.ceil(each / BATCH) + 1)
    _show(runs, each, taken)
    return taken


def _drain(store: Path, server: MlflowServer, service: Daemon, points: int) -> dict[str, Any]:
    arrivals, live = Arrivals(server.folder), Live(store, server.folder)
    before, back = arrivals.points(), time.perf_counter()
    while arrivals.points() == before:
        time.sleep(0.05)
    began = time.perf_counter()
    live.start()
    rows: list[tuple[float, int, float]] = []
    while (there := arrivals.points() - before - len(live.delays)) < points:
        rows.append((time.perf_counter() - began, there, service.resident_mb()))
        if len(rows) % _SAY_EACH == 0:
            print(f"  {there:,} of {points:,} points", file=sys.stderr)
        time.sleep(1.0)
    seconds = time.perf_counter() - began
    live.end()
    by_run = arrivals.by_run()
    arrivals.close()
    delays = sorted(live.delays) or [LIVE_LIMIT_S]
    return {
        "noticed_s": began - back, "seconds": seconds, "points_per_s": points / seconds,
        "cpu_s": service.cpu_s(),
        "parts": _parts([*rows, (seconds, points, service.resident_mb())]),
        "peak_mb": service.resident_mb("VmHWM"),
        "live_runs": len(delays) + live.lost, "live_lost": live.lost,
        "live_p95_s": delays[int(0.95 * len(delays))], "live_max_s": delays[-1],
        "waiting_there": sum(n for run_id, n in by_run.items() if run_id.startswith("w")),
        "waiting": points,
    }  # fmt: skip


def _parts(rows: list[tuple[float, int, float]]) -> list[tuple[float, float, float]]:
    """Tenths of the time: when each ended, points a second in it, memory at its end."""
    chosen = [rows[(len(rows) - 1) * part // _PARTS] for part in range(_PARTS + 1)]
    return [
        (end, (there - before) / (end - began) if end > began else 0.0, memory)
        for (began, before, _), (end, there, memory) in itertools.pairwise(chosen)
    ]


def _requests(log: Path) -> int:
    """Requests that carried points, as the server's log of accesses has them."""
    return len(re.findall(r"POST \S*runs/log-batch", log.read_text(errors="replace")))


def _show(runs: int, each: int, taken: dict[str, Any]) -> None:
    show(
        f"{runs:,} runs with {each:,} points each wait; the server is back",
        ("after s", "points/s", "syncd's memory, MB"),
        [(f"{end:,.0f}", int(rate), memory) for end, rate, memory in taken["parts"]],
        f"the first is there {taken['noticed_s']:.1f} s after the server is back, as the breaker's "
        "pause ends; from then on:",
        f"all there after {taken['seconds']:,.0f} s: {taken['points_per_s']:,.0f} points/s; the "
        f"server's own limit before: {taken['limit_points_per_s']:,.0f}, with all that in it: "
        f"{taken['limit_after_points_per_s']:,.0f}",
        f"{taken['waiting_there']:,} of {taken['waiting']:,} points there; peak "
        f"{taken['peak_mb']:.1f} MB, {taken['cpu_s']:.0f} s of processor time",
        f"{taken['requests']:,} log-batch requests; {taken['least_requests']:,} at the least, with "
        "one that tells how a run ended",
        f"{taken['live_runs']} new runs meanwhile, their first point there after "
        f"{taken['live_p95_s']:.1f} s (p95), {taken['live_max_s']:.1f} s at most; "
        f"{taken['live_lost']} not within {LIVE_LIMIT_S:.0f} s",
    )  # fmt: skip
