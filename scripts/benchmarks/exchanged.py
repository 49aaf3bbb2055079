"""Make a source of some points and take it in, or export them: exchanged WORK FOLDER POINTS."""

from __future__ import annotations

import json
import resource
import sqlite3
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import tracker
from tracker.integrations.imports import of_tool
from tracker.integrations.tensorboard.checksum import masked
from tracker.settings import Settings
from tracker.store import StoreFolder

METRICS = 10
RUN = "5" * 32
MS = 1_700_000_000_000


def database(folder: Path, points: int) -> Path:
    """A database as MLflow makes it, filled by hand: its own client takes minutes."""
    from mlflow import MlflowClient  # noqa: PLC0415 - for this one only

    path = folder / "mlflow.db"
    client = MlflowClient(f"sqlite:///{path}")
    run = client.create_run(client.create_experiment("bench"), start_time=MS).info.run_id
    rows = ((f"m{n % METRICS}", n / 7, MS + n // METRICS, run, n // METRICS) for n in range(points))
    with sqlite3.connect(path) as opened:
        opened.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, 0)", rows)
    client.set_terminated(run)
    return path


def files(folder: Path, points: int) -> Path:
    """A folder `mlruns`."""
    place = folder / "mlruns" / "1" / RUN
    (place / "metrics").mkdir(parents=True)
    (place.parent / "meta.yaml").write_text("name: bench\n")
    (place / "meta.yaml").write_text(
        f"run_id: {RUN}\nstart_time: {MS}\nend_time: {MS}\nstatus: 3\n"
    )
    for metric in range(METRICS):
        lines = (f"{MS + n} {n / 7} {n}\n" for n in range(points // METRICS))
        (place / "metrics" / f"m{metric}").write_text("".join(lines))
    return folder / "mlruns"


def events(folder: Path, points: int) -> Path:
    """An event file, a scalar an event, as torch and tensorboardX write them."""
    place = folder / "runs"
    place.mkdir()
    with (place / "events.out.tfevents.1.host").open("wb") as file:
        for n in range(points):
            step = n // METRICS
            varint = bytes([step & 127 | 128, step >> 7 & 127 | 128, step >> 14])
            value = b"\x0a\x02m" + bytes([48 + n % METRICS]) + b"\x15" + struct.pack("<f", n / 7)
            data = b"\x09" + struct.pack("<d", MS / 1000 + n) + b"\x10" + varint + b"\x2a"
            data += bytes([len(value) + 2]) + b"\x0a" + bytes([len(value)]) + value
            head = struct.pack("<Q", len(data))
            file.write(head + struct.pack("<I", masked(head)) + data)
            file.write(struct.pack("<I", masked(data)))
    return place


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and seconds of CPU."""
    began, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - used


def take(tool: str, path: Path, folder: Path, points: int) -> tuple[float, float]:
    """Take a source in; fails unless every point came."""
    store = StoreFolder.open(folder / "store", create=True)
    with of_tool(tool, store, Settings(), [path]) as runs:
        spent = timed(lambda: list(runs.once(lambda _: None)))
        (taken,) = [each.taken for each in runs._open.values()]  # noqa: SLF001 - to count
    if taken.error or taken.points != points:
        raise SystemExit(f"{taken.points} of {points} points were taken; {taken.error}")
    return spent


def export(form: str, folder: Path, points: int) -> tuple[float, float]:
    """Record as many points and export them."""
    from tracker.cli.program import run  # noqa: PLC0415 - for this one only

    with tracker.init("bench", dir=folder / "store") as recorded:
        for step in range(points // METRICS):
            recorded.log({f"m{n}": step / (n + 7) for n in range(METRICS)}, step=step)
    target = str(folder / "out")
    where = ["--output", target, "--dir", str(folder / "store")]
    return timed(lambda: run(["export", "--all", "--format", form, *where]))


def peer(path: Path, points: int) -> float:
    """Points a second that MLflow's own client reads from its database."""
    from mlflow import MlflowClient  # noqa: PLC0415 - for this one only

    client = MlflowClient(f"sqlite:///{path}")
    (found,) = client.search_runs(["1"])
    wall, _ = timed(
        lambda: [client.get_metric_history(found.info.run_id, f"m{n}") for n in range(METRICS)]
    )
    return points / wall


def main() -> None:
    """Do one piece of work and print its figures."""
    work, folder, points = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) // METRICS * METRICS
    figures = {}
    if work.startswith("export-"):
        wall, cpu = export(work.partition("-")[2], folder, points)
    else:
        make = {"mlflow-sqlite": database, "mlflow-files": files, "tensorboard": events}[work]
        path = make(folder, points)
        wall, cpu = take(work.partition("-")[0], path, folder, points)
        if work == "mlflow-sqlite":
            figures["peer_points_per_s"] = peer(path, points)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures |= {"points_per_s": points / wall, "points_per_cpu_s": points / cpu, "rss_mb": rss}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
