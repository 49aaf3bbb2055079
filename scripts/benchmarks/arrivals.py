"""What a real MLflow server holds: read from its database, so that it has no work from it."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class Arrivals:
    """The metrics table of the server in `folder`."""

    def __init__(self, folder: Path) -> None:
        place = (folder / "mlflow.db").absolute().as_uri()
        self._db = sqlite3.connect(f"{place}?mode=ro", uri=True, timeout=60)

    def points(self) -> int:
        """Rows so far; rows are never deleted, so the highest number is their count."""
        return int(self._db.execute("SELECT ifnull(MAX(rowid), 0) FROM metrics").fetchone()[0])

    def has(self, key: str) -> bool:
        """Whether a point of this metric is there."""
        return bool(self._db.execute("SELECT 1 FROM metrics WHERE key = ?", (key,)).fetchone())

    def by_run(self) -> dict[str, int]:
        """Points per run of ours, by our run id."""
        found = self._db.execute(
            "SELECT t.value, COUNT(*) FROM metrics m JOIN tags t ON t.run_uuid = m.run_uuid "
            "AND t.key = 'tracker.run_id' GROUP BY m.run_uuid"
        )
        return dict(found.fetchall())

    def close(self) -> None:
        """Let go of it."""
        self._db.close()
