"""Record or draw one long metric: curves fill|draw TRACKER FOLDER POINTS. A process of its own.

To draw is to have in hand what a picture of 1,000 buckets shows. MLflow's page asks its store for
320 sampled steps, which misses spikes; its client reads everything, and so do trackio's reader and
whoever reads a .wandb file.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from scripts.benchmarks import survivors
from scripts.benchmarks.loggers import LOGGERS
from scripts.benchmarks.measured import peak_mb

BUCKETS = 1000
SAMPLED = 320
"""Points that MLflow's page asks for."""


def height(step: int) -> float:
    """A curve with a spike."""
    return 1e6 if step == 777_777 else math.sin(step / 1e4) + step % 97 / 97


def fill_tracker(folder: Path, points: int) -> None:
    """As a training does, a call a point."""
    import tracker  # noqa: PLC0415 - each process loads what it measures

    os.environ["TRACKER_SILENT"] = "1"
    with tracker.init("bench", name="long", id="long", dir=folder / "store") as run:
        for step in range(points):
            run.log({"loss": height(step)}, step=step)


def _mlflow(folder: Path) -> Any:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415 - as above

    return SqlAlchemyStore(f"sqlite:///{folder}/mlflow.db", str(folder / "artifacts"))


def fill_mlflow(folder: Path, points: int) -> None:
    """Straight into its table: its own calls would take an hour."""
    run = _mlflow(folder).create_run("0", "bench", 0, [], "long").info.run_id
    with sqlite3.connect(folder / "mlflow.db") as database:
        database.executemany(
            "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) "
            "VALUES ('loss', ?, ?, ?, ?, 0)",
            ((height(step), 1_700_000_000_000 + step, run, step) for step in range(points)),
        )
    (folder / "run").write_text(run)


def fill_peer(name: str, folder: Path, points: int) -> None:
    """As a training does, a call a point."""
    log, finish = LOGGERS[name](folder)
    for step in range(points):
        log({"loss": height(step)}, step)
    finish()


def draw_tracker(folder: Path) -> tuple[Callable[[], int], dict[str, float]]:
    """Few points that show every spike."""
    from tracker.query import Store  # noqa: PLC0415 - as above

    began = time.perf_counter()
    view = Store(folder / "store").run("long")
    caught_up = time.perf_counter() - began
    return lambda: len(view.history("loss", points=4 * BUCKETS).steps), {"catch_up_s": caught_up}


def draw_mlflow(folder: Path) -> tuple[Callable[[], int], dict[str, float]]:
    """All points, as its client gives them."""
    store, run = _mlflow(folder), (folder / "run").read_text()
    return lambda: len(store.get_metric_history(run, "loss")), {}


def draw_sampled(folder: Path) -> tuple[Callable[[], int], dict[str, float]]:
    """Sampled steps, as its page asks for them."""
    store, run = _mlflow(folder), (folder / "run").read_text()

    def draw() -> int:
        found = store.get_metric_history_bulk_interval(
            run_ids=[run], metric_key="loss", max_results=SAMPLED, start_step=None, end_step=None
        )
        return len(found)

    return draw, {}


def draw_trackio(folder: Path) -> tuple[Callable[[], int], dict[str, float]]:
    """All points, as its reader gives them."""
    os.environ["TRACKIO_DIR"] = str(folder)
    from trackio.sqlite_storage import SQLiteStorage  # noqa: PLC0415 - as above

    return lambda: len([row["loss"] for row in SQLiteStorage.get_logs("bench", "bench")]), {}


def draw_wandb(folder: Path) -> tuple[Callable[[], int], dict[str, float]]:
    """All points, from the file that its terminal view reads too."""
    return lambda: len(list(_wandb_points(folder))), {}


def _wandb_points(folder: Path) -> Iterator[float]:
    for record in survivors.wandb_records(folder):
        for item in record.history.item:
            if item.key == "loss" or list(item.nested_key) == ["loss"]:
                yield json.loads(item.value_json)


FILL = {
    "tracker": fill_tracker, "mlflow": fill_mlflow,
    "trackio": partial(fill_peer, "trackio"), "wandb": partial(fill_peer, "wandb offline"),
}  # fmt: skip
DRAW = {
    "tracker": draw_tracker, "mlflow": draw_mlflow, "mlflow sampled": draw_sampled,
    "trackio": draw_trackio, "wandb": draw_wandb,
}  # fmt: skip


def main() -> None:
    """Do what the arguments say."""
    what, name, place, count = sys.argv[1:]
    folder, points = Path(place), int(count)
    if what == "fill":
        FILL[name](folder, points)
        print(json.dumps({}))
        return
    draw, figures = DRAW[name](folder)
    times = []
    for _ in range(7 if name == "tracker" else 2):
        began = time.perf_counter()
        drawn = draw()
        times.append((time.perf_counter() - began) * 1e3)
    told = {"first_ms": times[0], "warm_ms": statistics.median(times[1:]), "drawn": drawn}
    print(json.dumps(figures | told | {"peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
