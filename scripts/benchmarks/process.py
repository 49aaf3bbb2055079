"""Running each measurement in a fresh process, and taking medians over interleaved rounds."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Figures = dict[str, Any]


def environment(**more: str) -> dict[str, str]:
    """Environment of a measured process: nothing of the caller's settings, nothing sent home."""
    own = ("TRACKER_", "MLFLOW_", "WANDB_", "TRACKIO_", "PYTHON")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(own)}
    quiet = {"WANDB_SILENT": "true", "WANDB_MODE": "offline", "WANDB_ERROR_REPORTING": "false"}
    quiet |= {"MLFLOW_DISABLE_TELEMETRY": "true", "HF_HUB_OFFLINE": "1", "TRACKER_SILENT": "1"}
    return {**kept, **quiet, **more}


def fresh(module: str, *arguments: object, **more: str) -> Figures:
    """Run a module of this package in a process of its own; it prints its figures as a line.

    Some peers print more behind that line when they end.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"scripts.benchmarks.{module}", *map(str, arguments)],
        env=environment(**more), check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{module} {arguments} failed:\n{done.stderr[-3000:]}")
    return json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1])


def medians(rounds: list[Figures]) -> Figures:
    """Return the median of each figure; texts are the first round's."""
    return {
        key: statistics.median(each[key] for each in rounds)
        if isinstance(value, int | float)
        else value
        for key, value in rounds[0].items()
    }


def interleaved(
    names: Iterable[str],
    rounds: int,
    measure: Callable[[str, Path], Figures],
    settle: Callable[[list[Figures]], Figures] = medians,
) -> dict[str, Figures]:
    """Measure each name in each round, one after the other, and settle the rounds of a name.

    Rounds, not blocks: a machine that gets slower for a minute does so for everybody. Each
    measurement has an empty folder, which is removed after it.
    """
    taken: dict[str, list[Figures]] = {name: [] for name in names}
    for number in range(rounds):
        for name, figures in taken.items():
            print(f"  round {number + 1} of {rounds}: {name}", file=sys.stderr)
            with tempfile.TemporaryDirectory(prefix="tracker-bench-") as folder:
                figures.append(measure(name, Path(folder)))
    return {name: settle(figures) for name, figures in taken.items()}
