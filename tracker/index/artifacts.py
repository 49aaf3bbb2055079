"""Versions of a run's artifacts: v0, v1, ... by the order of their distinct manifests."""

from __future__ import annotations

import sqlite3


def number(connection: sqlite3.Connection, run: int) -> None:
    """Number a run's artifacts anew, after one was added.

    The same content logged again under the same name is the version that it was.
    """
    found = connection.execute(
        "SELECT artifact.rowid, name, manifest FROM artifact "
        "JOIN journal ON journal.id = artifact.journal WHERE artifact.run = ? "
        "ORDER BY journal.start, journal.writer, artifact.seq",
        (run,),
    ).fetchall()
    versions: dict[str, set[str]] = {}
    rows: list[tuple[int | None, int]] = []
    for row, name, manifest in found:
        seen = versions.setdefault(name, set())
        rows.append((None if manifest in seen else len(seen), row))
        seen.add(manifest)
    connection.executemany("UPDATE artifact SET version = ? WHERE rowid = ?", rows)
