"""A backlog of offline runs sent to W&B, by `syncd once` and by `wandb sync`, whole and killed.

Both get the same runs: ours as they were recorded, theirs as `tracker export --format wandb` has
them. The server is the stand-in of the tests, which overwrites lines by offset as W&B does.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import tracker
from scripts.benchmarks.process import environment, fresh, interleaved
from scripts.benchmarks.table import show
from scripts.benchmarks.workload import KEYS
from tests.doubles.wandb_server import KEY, WandbServer
from tracker.integrations.wandb.giving import folder_name, give
from tracker.settings import RemoteSettings, add_remote
from tracker.store import StoreFolder

RUNS, POINTS = 100, 10_000
WAYS = ("syncd once", "syncd once, not packing", "wandb sync")
LIMIT_S = 1_800.0


def measure(
    rounds: int, runs: int | None = None, each: int | None = None, **_: Any
) -> dict[str, Any]:
    """Take the figures and print them: so many `runs`, `each` with so many points."""
    runs, steps = runs or RUNS, (each or POINTS) // len(KEYS)
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as folder:
        backlog = Path(folder)
        fresh("waiting", backlog / "store", runs, steps)
        _export(backlog)
        taken = interleaved(WAYS, rounds, partial(_both, backlog, steps))
    own = taken["syncd once"]["cpu_s"]
    rows = []
    for name, figures in taken.items():
        figures["cpu_to_syncd"] = figures["cpu_s"] / own
        rows.append((
            name, figures["seconds"], figures["cpu_s"], figures["cpu_to_syncd"],
            *(int(figures[key]) for key in ("requests", "at_kill", "doubled", "missing")),
        ))  # fmt: skip
    show(
        f"{runs:,} offline runs of {steps:,} steps with {len(KEYS)} metrics to W&B, medians of "
        f"{rounds} rounds",
        ("way", "seconds", "CPU s", "CPU to syncd", "requests", "at kill", "doubled", "missing"),
        rows, "CPU: of the command and all that it starts, without the server; when syncd has",
        "delivered, it packs the journals into fewer bytes, unless told not to (TRACKER_PACK);",
        "at kill: points there when all of it was killed, half way; doubled and missing: points,",
        "after the same command was run again to its end",
    )  # fmt: skip
    return taken


def _export(backlog: Path) -> None:
    (backlog / "wandb").mkdir()
    store = tracker.open(backlog / "store")
    for run in store.runs():
        home = backlog / "wandb" / folder_name(run)
        home.mkdir()
        give(store.folder, run, home, home)
    store.close()


def _both(backlog: Path, steps: int, name: str, folder: Path) -> dict[str, Any]:
    """Send the backlog undisturbed, and another copy of it killed half way and gone on with."""
    rows = steps * len(list((backlog / "wandb").iterdir()))
    whole = _whole(name, Path(shutil.copytree(backlog, folder / "whole")), rows)
    return whole | _killed(name, Path(shutil.copytree(backlog, folder / "killed")), rows)


def _whole(name: str, place: Path, rows: int) -> dict[str, Any]:
    with _server(place) as server:
        taken = _told(_started(name, place, server))
        if taken["code"] or _counted(server) != (rows * len(KEYS), 0):
            said = (place / "said").read_text()[-2000:]
            raise SystemExit(f"{name} ended with {taken['code']}, {_counted(server)}:\n{said}")
        return taken | {"requests": sum(map(len, server.requests.values()))}


def _killed(name: str, place: Path, rows: int) -> dict[str, Any]:
    with _server(place) as server:
        first, limit = _started(name, place, server), time.perf_counter() + LIMIT_S
        while (there := _rows(server)) < rows // 2:
            if first.poll() is not None or time.perf_counter() > limit:
                raise SystemExit(f"{name} could not be killed half way: {there} rows are there")
            time.sleep(0.05)
        first.terminate()
        _told(first)
        at_kill = _counted(server)[0]
        _told(_started(name, place, server))
        arrived, doubled = _counted(server)
    missing = rows * len(KEYS) - arrived
    return {"at_kill": at_kill, "doubled": doubled, "missing": missing}


def _server(place: Path) -> WandbServer:
    """A server, which the store in `place` has for a remote."""
    server = WandbServer()
    add_remote(StoreFolder.open(place / "store"), "bench", RemoteSettings("wandb", server.url))
    return server


def _started(name: str, place: Path, server: WandbServer) -> subprocess.Popen[str]:
    """Begin to send what is in `place`, or go on."""
    more = {f"WANDB_{kind}_DIR": str(place / kind) for kind in ("CACHE", "CONFIG", "DATA")}
    more |= {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": KEY, "WANDB_MODE": "online"}
    more |= {"WANDB_DIR": str(place), "TRACKER_DIR": str(place / "store")}
    if name.endswith("not packing"):
        more["TRACKER_PACK"] = "never"
    words = name.partition(",")[0].split()
    command = [sys.executable, "-m", *words, *(["--yes"] if name == "wandb sync" else [])]
    with (place / "said").open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "scripts.benchmarks.spent", *command],
            env=environment(**more), stdout=subprocess.PIPE, stderr=said, text=True,
        )  # fmt: skip


def _told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a command took, once it has ended."""
    told: dict[str, Any] = json.loads(process.communicate(timeout=LIMIT_S)[0].splitlines()[-1])
    return told


def _rows(server: WandbServer) -> int:
    return sum(len(run.rows) for run in list(server.runs.values()))


def _counted(server: WandbServer) -> tuple[int, int]:
    """Points that are there, and how many are there once more."""
    once = again = 0
    for run in list(server.runs.values()):
        found = Counter(
            (key, row.get("_tracker_step", row["_step"]))
            for row in run.rows
            for key in KEYS
            if key in row
        )
        once += len(found)
        again += found.total() - len(found)
    return once, again
