"""What remotes acknowledged or refused: rows that stand beside the cursors.

Each function is part of its caller's transaction; `key` is a lane's (remote, run id).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from syncd.sinks import Note, Refused

MAX_NOTES = 1000
"""Notes kept per lane; what is beyond is counted."""

MORE_NOTES = "more notes"
"""What they are counted as."""

ELSEWHERE = "elsewhere"
"""Counted under this: events that another copy of the store delivered and that are not here."""

DOCUMENTS = ("", 0)
"""Writer id and seq under which a run's documents are parked: they are of no event."""

Key = tuple[str, str]


@dataclass
class Pending:
    """An artifact acknowledged as an event whose files are still to be put into `folder`."""

    writer_id: str
    seq: int
    folder: str
    manifest: str
    size: int

    @property
    def what(self) -> str:
        """Its name where it is parked."""
        return f"artifact {self.folder}"


def queue(db: sqlite3.Connection, key: Key, artifacts: Iterable[Pending]) -> None:
    """Have the files of artifacts put (again)."""
    db.executemany(
        "REPLACE INTO artifacts VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(*key, a.writer_id, a.seq, a.folder, a.manifest, a.size) for a in artifacts],
    )


def park(db: sqlite3.Connection, key: Key, refused: Iterable[Refused], at: float) -> None:
    """Keep what was refused for good, with the reason."""
    db.executemany(
        "REPLACE INTO parked VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(*key, r.writer_id, r.seq, r.what, r.reason, at) for r in refused],
    )


def parked_before(db: sqlite3.Connection, key: Key, artifact: Pending) -> bool:
    """Whether an earlier artifact of the same journal is parked."""
    found = db.execute(
        "SELECT 1 FROM parked WHERE remote = ? AND run_id = ? AND writer_id = ? AND seq < ? "
        "AND what LIKE 'artifact %'",
        (*key, artifact.writer_id, artifact.seq),
    )
    return found.fetchone() is not None


def add(
    db: sqlite3.Connection, key: Key, counts: dict[str, int], notes: Iterable[Note], at: float
) -> None:
    """Add to the counts and notes of a lane's receipt."""
    row = db.execute(
        "SELECT counts, notes FROM receipts WHERE remote = ? AND run_id = ?", key
    ).fetchone()
    total: dict[str, int] = json.loads(row["counts"]) if row else {}
    kept: list[list[str]] = json.loads(row["notes"]) if row else []
    for kind, number in counts.items():
        total[kind] = total.get(kind, 0) + number
    known = {tuple(entry) for entry in kept}
    for note in notes:
        entry = (note.what, note.key, note.done)
        if entry in known:
            continue
        if len(kept) < MAX_NOTES:
            known.add(entry)
            kept.append(list(entry))
        else:
            total[MORE_NOTES] = total.get(MORE_NOTES, 0) + 1
    db.execute(
        "REPLACE INTO receipts VALUES (?, ?, ?, ?, ?)",
        (*key, json.dumps(total), json.dumps(kept), at),
    )
