"""`syncd once` on a filled store, as a person runs it, timed from start to end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from scripts.benchmarks.process import environment, fresh
from scripts.benchmarks.workload import KEYS
from tracker.settings import RemoteSettings, add_remote
from tracker.store import StoreFolder


def deliver(folder: Path, points: int, url: str) -> dict[str, Any]:
    """Fill a store in `folder`, deliver it to the MLflow server at `url`; figures of syncd."""
    store = folder / "store"
    fresh("filling", store, points // len(KEYS))
    add_remote(StoreFolder.open(store), "bench", RemoteSettings("mlflow", url))
    command = [sys.executable, "-m", "scripts.benchmarks.measured", str(folder / "used"), "once"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--json"], env=environment(TRACKER_DIR=str(store)),
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"syncd once failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    told = json.loads(done.stdout)
    used = json.loads((folder / "used").read_text())
    requests = told["remotes"]["bench"]["requests"]
    return used | {
        "seconds": seconds, "points_per_s": points / seconds, "requests": requests,
        "pending": told["pending"],
    }  # fmt: skip
