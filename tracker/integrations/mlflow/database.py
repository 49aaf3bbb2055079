"""MLflow's SQLite database (mlflow/store/tracking/dbmodels/models.py), read while others use it.

Each look is a short transaction of its own, as a long one would hold up a server that writes. A
run's points stand in the order of their rows, which only grows.
"""

from __future__ import annotations

import contextlib
import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tracker.errors import BadInput, StoreError
from tracker.integrations.mlflow.described import Described, Details, Model, Point
from tracker.integrations.taken import Lost

_PAGE = 20_000
"""Points read in one transaction: some 50 ms."""

_WAIT_S = 10.0
_LARGEST = 1.7976931348623157e308
"""What MLflow writes for an infinity (SqlAlchemyStore._log_metrics)."""

_MAGIC = b"SQLite format 3\0"
_NEEDED = {"runs", "experiments", "metrics", "params", "tags"}

_RUNS = """
SELECT run_uuid, {project}, coalesce(runs.name, ''), coalesce(user_id, ''),
    coalesce(source_name, ''), status, coalesce(start_time, 0), coalesce(end_time, 0),
    runs.lifecycle_stage = 'deleted' OR experiments.lifecycle_stage = 'deleted',
    coalesce(artifact_uri, ''), coalesce((SELECT value FROM tags
        WHERE tags.run_uuid = runs.run_uuid AND tags.key = 'tracker.run_id'), '')
FROM runs JOIN experiments USING (experiment_id) ORDER BY start_time, run_uuid
"""
_POINTS = """
SELECT key, value, timestamp, step, is_nan, rowid FROM metrics
WHERE run_uuid = ? AND rowid > ? ORDER BY rowid LIMIT ? OFFSET ?
"""
_DATASETS = """
SELECT name, digest, dataset_source_type, dataset_source, coalesce(
    (SELECT value FROM input_tags WHERE input_tags.input_uuid = inputs.input_uuid
     AND input_tags.name = 'mlflow.data.context'), '')
FROM inputs JOIN datasets ON dataset_uuid = source_id
WHERE source_type = 'DATASET' AND destination_type = 'RUN' AND destination_id = ?
ORDER BY name, digest
"""


def is_database(path: Path) -> bool:
    """Whether a file is one of SQLite."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


class Database:
    """An SQLite file with runs of MLflow.

    Raises:
        BadInput: it is no store of MLflow, or one of a form that is too old.
        StoreError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.base = path.parent
        self.lost: list[Lost] = []
        self._path = path
        self._seen: Any = None
        self._rows: dict[str, tuple[int, int]] = {}  # points given out, and the row of the last
        tables = {name for (name,) in self._ask("SELECT name FROM sqlite_master")}
        if not tables >= _NEEDED:
            raise BadInput(f"{path} is an SQLite database, but none of MLflow.")
        self._inputs = tables >= {"inputs", "input_tags", "datasets"}
        self._models = "logged_models" in tables
        names = {row[1] for row in self._ask("PRAGMA table_info(experiments)")}
        columns = {row[1] for row in self._ask("PRAGMA table_info(runs)")}
        if "name" not in columns:
            raise BadInput(
                f"{path} has an older form than MLflow 2 and 3 have. Copy it and have MLflow bring "
                "the copy up to date (mlflow db upgrade), then import that."
            )
        project = "experiments.name"
        if "workspace" in names:
            project = (
                "CASE workspace WHEN 'default' THEN '' ELSE workspace || '/' END || " + project
            )
        self._runs = _RUNS.format(project=project)

    def changed(self) -> bool:
        """Whether the file, or what SQLite keeps beside it, was written since the last `runs`."""
        return bool(self._state() != self._seen)

    def runs(self) -> list[Described]:
        """Every run, those that began earlier first."""
        self._seen = self._state()
        return [Described(*row)._replace(deleted=bool(row[8])) for row in self._ask(self._runs)]

    def details(self, run: Described) -> Details:
        """What else there is of a run but its points."""
        one = (run.run_id,)
        params = self._ask("SELECT key, value FROM params WHERE run_uuid = ?", one)
        tags = self._ask("SELECT key, coalesce(value, '') FROM tags WHERE run_uuid = ?", one)
        datasets: dict[str, str] = {}
        if self._inputs:
            for name, digest, kind, source, context in self._ask(_DATASETS, one):
                datasets |= dataset(name, digest, kind, source, context)
        models = []
        if self._models:
            models = self._ask(
                "SELECT name, artifact_location, last_updated_timestamp_ms FROM logged_models "
                "WHERE source_run_id = ? AND lifecycle_stage <> 'deleted' "
                "ORDER BY creation_timestamp_ms, model_id",
                one,
            )
        return Details(dict(params), dict(tags), datasets, [Model(*row) for row in models], [])

    def points(self, run: Described, known: dict[str, int], lost: list[Lost]) -> Iterator[Point]:
        """A run's points behind the first ones, as many as are known."""
        del lost
        passed, row = sum(known.values()), 0
        if self._rows.get(run.run_id, (-1, 0))[0] == passed:
            _, row = self._rows[run.run_id]
            offset = 0
        else:
            offset = passed
        while True:
            page = self._ask(_POINTS, (run.run_id, row, _PAGE, offset))
            for key, value, time, step, is_nan, row in page:  # noqa: B007 - the last one is where to go on
                yield Point(key, math.nan if is_nan else _infinite(value), time, step)
            offset, passed = 0, passed + len(page)
            self._rows[run.run_id] = passed, row
            if len(page) < _PAGE:
                return

    def place(self, run: Described) -> str:
        """The file, and the run in it."""
        return f"{self._path}#{run.run_id}"

    def _state(self) -> list[tuple[int, int]]:
        found = []
        for path in (self._path, self._path.with_name(self._path.name + "-wal")):
            with contextlib.suppress(OSError):
                at = path.stat()
                found.append((at.st_size, at.st_mtime_ns))
        return found

    def _ask(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        try:
            with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_WAIT_S)) as connection:
                return connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(
                f"the database {self._path} cannot be read now: {error}. What was taken stands; "
                "import again: it goes on from there."
            ) from error


def dataset(name: str, digest: str, kind: str, source: str, context: str) -> dict[str, str]:
    """A dataset as config says it, under its name."""
    said = {"digest": digest, "source_type": kind, "source": source, "context": context}
    return {f"datasets/{name}/{what}": told for what, told in said.items() if told}


def _infinite(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) >= _LARGEST else value
