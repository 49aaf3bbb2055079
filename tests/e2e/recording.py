"""Stores made by real recording processes, and the real console script to look at them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TRACKER = str(Path(sys.executable).parent / "tracker")
LIMIT_S = 60.0

GOOD = """
import tracker, pathlib, math
with tracker.init(
    project="digits", name="good", config={"lr": 0.1, "optim": {"name": "adam"}},
    tags="baseline,team=vision", group="sweep", job_type="train", notes="one\\ntwo",
) as run:
    for step in range(100):
        run.log({"loss": 1 / (step + 1), "spike": 1000.0 if step == 57 else 0.0}, step=step)
    run.log({"verdict": "fine", "loss": math.nan, "big": 2**60 + 1, "flag": True})
    run.summary["best"] = 0.01
    path = pathlib.Path("model.bin")
    path.write_bytes(b"x" * 5000)
    run.log_artifact(path)
"""
FAILED = """
import tracker, math
with tracker.init(project="digits", name="failed") as run:
    run.log({"loss": math.nan, "up": math.inf, "down": -math.inf})
    raise ValueError("no good \\x1b[31mred")
"""
CRASHED = """
import os, signal, tracker
run = tracker.init(project="digits", name="crashed")
for step in range(30):
    run.log({"loss": step})
os.kill(os.getpid(), signal.SIGKILL)
"""
ODD = """
import tracker
run = tracker.init(project="p\\x1b[2J\\u202ee", name="odd\\x07\\n name", tags={"a\\nb": "c\\td"})
run.log({"k\\x1b]0;x\\x07": 1, "text\\x9b": "title \\x1b]0;owned\\x07"})
run.config["c\\x1bc"] = "v\\x1bc"
run.summary["s\\x1bc"] = "w\\x1bc"
run.finish()
"""
LIVE = """
import pathlib, sys, time, tracker
run = tracker.init(project="digits", name="live")
step = 0
while not pathlib.Path(sys.argv[1]).exists():
    run.log({"loss": step, "note": f"step {step}"}, step=step)
    step += 1
    time.sleep(0.02)
run.log({"loss": -1}, step=step)
run.finish(3)
"""


def environment(store: Path, **more: str) -> dict[str, str]:
    """The environment of a person whose store is `store` and who has set nothing else."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TRACKER_", "MLFLOW_"))}
    clean.pop("COLUMNS", None)
    clean.pop("LINES", None)
    home = {"XDG_CONFIG_HOME": str(store.parent / "config"), "PYTHONWARNINGS": "error"}
    return {**clean, **home, "TRACKER_DIR": str(store), **more}


def record(store: Path, program: str) -> int:
    """Run a recording program to its end in the store's parent folder; returns its exit code."""
    command = [sys.executable, "-c", program]
    env = environment(store, TRACKER_SILENT="1")
    done = subprocess.run(
        command, env=env, cwd=store.parent, capture_output=True, timeout=LIMIT_S, check=False
    )
    return done.returncode


def full_store(folder: Path) -> Path:
    """A store with a run that went well, one that failed, one killed and one with odd names."""
    store = folder / "store"
    assert record(store, GOOD) == 0
    assert record(store, FAILED) == 1
    assert record(store, CRASHED) == -signal.SIGKILL
    assert record(store, ODD) == 0
    return store


def start_live(store: Path, stop: Path) -> subprocess.Popen[bytes]:
    """Start a run named "live" that logs until the file `stop` is there, then exits with 3."""
    command = [sys.executable, "-c", LIVE, str(stop)]
    return subprocess.Popen(
        command, env=environment(store, TRACKER_SILENT="1"), stderr=subprocess.DEVNULL
    )


def tracker(store: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the console script."""
    env = environment(store, **more)
    return subprocess.run(
        [TRACKER, *arguments],
        env=env, cwd=store.parent, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip


def document(store: Path, *arguments: str) -> Any:
    """What a command prints with --json; it must be strict JSON and nothing else."""
    done = tracker(store, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return strict(done.stdout)


def strict(text: str) -> Any:
    """Parse JSON, without the words that Python alone understands."""

    def refuse(word: str) -> Any:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def wait_until(holds: Callable[[], object], limit_s: float = LIMIT_S) -> None:
    """Return as soon as `holds` does; fails after `limit_s`."""
    limit = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """One line on stderr that holds `words`, nothing on stdout, this exit code, no trace."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("tracker: error: ")
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr
