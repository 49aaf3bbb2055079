"""Peak memory of `syncd once` with a backlog of a million points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.benchmarks.delivery import deliver
from scripts.benchmarks.double import Double
from scripts.benchmarks.process import interleaved
from scripts.benchmarks.table import show
from tests.servers import MlflowServer

BACKLOGS = {"10 thousand points": 10_000, "1 million points": 1_000_000}


def measure(rounds: int, *, real: bool = False, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    taken = interleaved(BACKLOGS, rounds, _with_mlflow if real else _with_double)
    rows = [
        (name, f["peak_mb"], f["seconds"], f["cpu_s"], int(f["points_per_s"]), int(f["requests"]))
        for name, f in taken.items()
    ]
    server = (
        "a real MLflow server on SQLite" if real else
        "a stand-in that takes everything at once: the figure is about syncd alone; --real: MLflow"
    )  # fmt: skip
    show(
        f"syncd once with a backlog, medians of {rounds} rounds",
        ("backlog", "peak MB", "seconds", "CPU s", "points/s", "requests"), rows,
        f"server: {server}", "peak: resident memory (VmHWM) of the whole process",
    )  # fmt: skip
    return taken


def _with_double(name: str, folder: Path) -> dict[str, Any]:
    with Double().serving() as server:
        figures = deliver(folder, BACKLOGS[name], server.url)
        if server.points < BACKLOGS[name]:
            raise SystemExit(f"only {server.points:,} of {BACKLOGS[name]:,} points arrived")
        return figures


def _with_mlflow(name: str, folder: Path) -> dict[str, Any]:
    with MlflowServer(folder / "mlflow") as server:
        return deliver(folder, BACKLOGS[name], server.url)
