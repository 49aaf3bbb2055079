"""Many runs in a store and in MLflow's database, written in bulk: many STORE DATABASE RUNS.

Both hold the same: 30 params, of them one a word of ten, and the last values of 30 metrics a run.
They are written as their own writers leave them, straight into the tables, as that takes minutes
instead of hours; points, which no search looks at, are in neither. What the store has of it is a
folder a run and the index.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tracker.index import Index
from tracker.index.settings import CONFIG, encode
from tracker.store import StoreFolder

PARAMS = METRICS = 30
BEGAN_NS = 1_700_000_000_000_000_000
EACH_NS = 60_000_000_000
_AT_ONCE = 5000
_CACHE_KIB = 2_000_000
_ABOUT = json.dumps({"host": "node", "user": "me", "python": "3.11.7", "platform": "Linux 6.1"})

Run = tuple[int, str, list[str | float], list[float]]


def runs(count: int) -> Iterator[Run]:
    """Yield number, id, params and metrics of each run, the same each time."""
    dice = random.Random(1)
    for number in range(count):
        params: list[str | float] = [f"v{dice.randrange(10)}"]
        params += [dice.random() for _ in range(PARAMS - 1)]
        yield number, f"{number:032x}", params, [dice.random() for _ in range(METRICS)]


def fill_store(root: Path, count: int) -> None:
    """Make a store of so many finished runs."""
    folder = StoreFolder.open(root, create=True)
    index = Index(folder)
    index.catch_up()
    index.close()
    with _database(folder.index) as database:
        for part in _parts(count):
            database.execute("BEGIN")
            _into_index(database, folder, part)
            database.execute("COMMIT")


def _into_index(database: sqlite3.Connection, folder: StoreFolder, part: list[Run]) -> None:
    words = [f"p{n}" for n in range(PARAMS)] + [f"m{n}" for n in range(METRICS)]
    numbered = list(enumerate(words, 1))
    database.executemany("INSERT OR IGNORE INTO word VALUES (?, ?)", numbered)
    insert = database.executemany
    rows = []
    for number, run_id, _, _ in part:
        place = folder.run(run_id)
        place.mkdir()
        at = BEGAN_NS + number * EACH_NS
        rows.append((number + 1, run_id, place.stat().st_mtime_ns, run_id, "bench", f"run-{number}",
                     "finished", at, at + EACH_NS, _ABOUT))  # fmt: skip
    insert(
        "INSERT INTO run (id, folder, folder_mtime, run_id, project, name, status, started_at, "
        "ended_at, about) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows,
    )  # fmt: skip
    insert(
        "INSERT INTO journal (id, run, writer, start, segment, offset, seq, events, last_time, "
        "state, settled, segments, size) VALUES (?, ?, 'w', 0, 1, 0, 0, 0, 0, 'ended', 1, 0, 0)",
        [(number + 1, number + 1) for number, *_ in part],
    )
    insert(
        "INSERT INTO setting VALUES (?, ?, ?, ?, ?, ?, 1)",
        [(run + 1, CONFIG, key, encode(value), value if isinstance(value, float) else None, run + 1)
         for run, _, params, _ in part for key, value in enumerate(params, 1)],
    )  # fmt: skip
    insert(
        "INSERT INTO metric VALUES (?, ?, 1, 0, ?, ?, ?, ?, ?, 0, 0, 0)",
        [(run + 1, key, *(value,) * 5)
         for run, _, _, metrics in part for key, value in enumerate(metrics, PARAMS + 1)],
    )  # fmt: skip


def fill_mlflow(path: Path, count: int) -> None:
    """Make MLflow's database with the same runs."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415 - heavy

    SqlAlchemyStore(f"sqlite:///{path}", str(path.with_suffix(".files")))
    with _database(path) as database:
        for part in _parts(count):
            database.execute("BEGIN")
            _into_mlflow(database, part)
            database.execute("COMMIT")


def _into_mlflow(database: sqlite3.Connection, part: list[Run]) -> None:
    insert = database.executemany
    began, each = BEGAN_NS // 10**6, EACH_NS // 10**6
    insert(
        "INSERT INTO runs (run_uuid, name, source_type, user_id, status, start_time, end_time, "
        "lifecycle_stage, artifact_uri, experiment_id) "
        "VALUES (?, ?, 'LOCAL', 'me', 'FINISHED', ?, ?, 'active', '', 0)",
        [(run, f"run-{n}", began + n * each, began + (n + 1) * each) for n, run, *_ in part],
    )
    insert(
        "INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', ?, ?)",
        [(f"run-{number}", run) for number, run, *_ in part],
    )
    insert(
        "INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)",
        [(f"p{key}", str(value), run)
         for _, run, params, _ in part for key, value in enumerate(params)],
    )  # fmt: skip
    insert(
        "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) "
        "VALUES (?, ?, 0, 0, 0, ?)",
        [(f"m{key}", value, run)
         for _, run, _, metrics in part for key, value in enumerate(metrics)],
    )  # fmt: skip


@contextmanager
def _database(path: Path) -> Iterator[sqlite3.Connection]:
    """A database that is written without care, and with memory for all its indexes."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        database.execute("PRAGMA wal_autocheckpoint = 100000")
        yield database


def _parts(count: int) -> Iterator[list[Run]]:
    part: list[Run] = []
    for run in runs(count):
        part.append(run)
        if len(part) == _AT_ONCE:
            yield part
            part = []
    if part:
        yield part


if __name__ == "__main__":
    store, database_path, wanted = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    start = time.perf_counter()
    fill_store(store, wanted)
    ours = time.perf_counter() - start
    if database_path != "-":
        fill_mlflow(Path(database_path), wanted)
    print(json.dumps({"store_s": ours, "mlflow_s": time.perf_counter() - start - ours}))
