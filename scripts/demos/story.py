"""The demo: train offline, deliver, read back with two readers, deliver again: nothing to send."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# For MLflow's client that reads back: no word home, no bars in the table.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"

from scripts.demos.comparison import Compared, compare
from scripts.demos.programs import Tracker
from tests.servers import MlflowServer

NO_NETWORK = ("unshare", "--map-current-user", "--net")
"""Starts a program where there is no network at all; Linux lets many users do so, not all."""


def chapter(number: int, title: str) -> None:
    """Begin a part of the story."""
    print(f"\n{number}. {title}\n", flush=True)


def train(tracker: Tracker, folder: Path) -> list[dict[str, Any]]:
    """Train in a process of its own, without a network where the system allows that."""
    fence = NO_NETWORK if _can_fence() else ()
    if fence:
        print("The training runs in a network namespace that holds no interface.")
    else:
        print("This system does not let us take the network away; connections are refused.")
    command = [*fence, sys.executable, "-m", "scripts.demos.training", str(folder)]
    done = subprocess.run(command, env=tracker.environment, check=False)
    if done.returncode:
        raise SystemExit(f"FAILED: the training ended with {done.returncode}")
    return json.loads((folder / "noted.json").read_text())


def _can_fence() -> bool:
    if shutil.which(NO_NETWORK[0]) is None:
        return False
    return not subprocess.run([*NO_NETWORK, "true"], check=False, capture_output=True).returncode


def read_back(tracker: Tracker, url: str, noted: list[dict[str, Any]]) -> bool:
    """Ask our own verify and, apart from it, MLflow's client; print both; True if all is equal."""
    verified = tracker.ask("syncd", "verify", codes=(0, 1))
    ours = {run["run"]: run for run in verified["runs"]}
    compared = [(ours.get(run["run"]), compare(url, run)) for run in noted]
    _table(compared)
    for own, theirs in compared:
        for text in theirs.differences:
            print(f"  DIFFERS {theirs.name} (MLflow's client): {text}")
        for text in own["differences"] if own else ["syncd verify does not name this run"]:
            print(f"  DIFFERS {theirs.name} (syncd verify): {text}")
    if not any(theirs.differences for _, theirs in compared):
        print(
            "  The models that came back classify the test digits exactly as well as the trained."
        )
    return verified["equal"] and all(own and own["equal"] and not theirs.differences
                                     for own, theirs in compared)  # fmt: skip


def _table(compared: list[tuple[dict[str, Any] | None, Compared]]) -> None:
    row = "  {:<10} {:>11} {:>6} {:>5}  {:<32} {:>12} {:>13}"
    print(
        row.format("run", "points", "params", "tags", "artifacts, SHA-256", "by syncd", "by client")
    )
    for own, theirs in compared:
        counts = [
            f"{left:,}/{right:,}" for left, right in (theirs.points, theirs.params, theirs.tags)
        ]
        files = [f"{path} {digest[:8]}" for path, digest in theirs.files.items()] or ["none"]
        verdicts = [_verdict(own is not None and own["equal"]), _verdict(not theirs.differences)]
        print(row.format(theirs.name, *counts, files[0], *verdicts))
        for file in files[1:]:
            print(row.format("", "", "", "", file, "", "").rstrip())
    counted = [(run["points_local"], run["points_remote"]) for run, _ in compared if run]
    local, remote = (sum(side) for side in zip(*counted, strict=True)) if counted else (0, 0)
    print("  Counts are logged/remote, the remote's as MLflow's own client reads them.")
    print(f"  syncd verify read {remote:,} points back, {local:,} are in the journals.")


def _verdict(equal: bool) -> str:
    return "equal" if equal else "DIFFERS"


def again(tracker: Tracker) -> bool:
    """Deliver a second time; True if no request carried data."""
    told = tracker.ask("syncd", "once")
    lab = told["remotes"]["lab"]
    print(f"  events sent: {lab['events']}, files sent: {lab['files']}, "
          f"requests with data: {lab['data_requests']}")  # fmt: skip
    return lab["data_requests"] == 0 and told["pending"] == 0


def tell(folder: Path, server: MlflowServer) -> bool:
    """Tell the whole story; True if everything is equal and nothing was sent twice."""
    tracker = Tracker(folder / "store")
    chapter(1, "Train three classifiers of handwritten digits, offline")
    noted = train(tracker, folder)
    chapter(2, "Look at them; there is still no server")
    tracker.say("tracker", "ls")
    chapter(3, "Start a real MLflow server on this machine (some seconds)")
    server.start()
    print(f"It answers at {server.url}, its data is in a temporary folder.")
    chapter(4, "Name it as a remote, and deliver")
    tracker.say("tracker", "remote", "add", "lab", "mlflow", server.url)
    tracker.say("syncd", "once")
    chapter(5, "Read back: once by syncd, once by MLflow's own client against the training's note")
    equal = read_back(tracker, server.url, noted)
    chapter(6, "Deliver again: there is nothing left to send")
    quiet = again(tracker)
    print("\nAll equal, and nothing was sent twice." if equal and quiet else "\nFAILED: see above.")
    return equal and quiet


def main() -> int:
    """Run the demo; 0 if all is well."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the server and the store there")
    keep = parser.parse_args().keep
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="tracker-demo-"))
    server = MlflowServer(folder / "mlflow")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped too
    kept = False
    try:
        well = tell(folder, server)
        kept = keep
    finally:
        if not kept:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)
    if kept:
        print(f"\nThe server is still up: {server.url}   stop it: kill {server.pid}")
        print(f"The store: TRACKER_DIR={folder / 'store'}   remove all: rm -r {folder}")
    print(f"({time.monotonic() - began:.0f} s)")
    return 0 if well else 1


if __name__ == "__main__":
    raise SystemExit(main())
