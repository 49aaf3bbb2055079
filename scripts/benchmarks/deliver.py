"""Delivery of 200,000 points to a real MLflow server, beside MLflow's own client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.benchmarks.delivery import deliver
from scripts.benchmarks.process import fresh, interleaved
from scripts.benchmarks.table import show
from tests.servers import MlflowServer

POINTS = 200_000
WAYS = ("syncd once", "mlflow client, log_batch", "httpx, bodies made before")


def measure(rounds: int, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    taken = interleaved(WAYS, rounds, _send)
    own = taken["syncd once"]["points_per_s"]
    rows = []
    for name, figures in taken.items():
        figures["syncd_to_this"] = own / figures["points_per_s"]
        rows.append((
            name, int(figures["points_per_s"]), figures["syncd_to_this"], figures["seconds"],
            figures["cpu_s"], int(figures["requests"]),
        ))  # fmt: skip
    show(
        f"delivery of {POINTS:,} points to MLflow on SQLite, medians of {rounds} rounds",
        ("way", "points/s", "syncd to this", "seconds", "its CPU s", "requests"), rows,
        "each with a fresh server and database, batches of 1,000 points, one connection;",
        "syncd once: the whole command, its start included; the others: the sending alone",
    )  # fmt: skip
    return taken


def _send(name: str, folder: Path) -> dict[str, Any]:
    with MlflowServer(folder / "mlflow") as server:
        if name == "syncd once":
            return deliver(folder, POINTS, server.url)
        return fresh("client", name.split(maxsplit=1)[0].strip(","), server.url, POINTS)
