"""What remotes acknowledged or refused: rows that stand beside the cursors.

Each function is part of its caller's transaction; `key` is a lane's (remote, run id).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from syncd.sinks import Note, Refused

MAX_NOTES = 1000
"""Notes kept per lane; what is beyond is counted."""

MORE_NOTES = "more notes"
"""What they are counted as."""

PARKED = ("what", "reason", "writer_id", "seq", "at")
"""What is told of a parked entry."""
ELSEWHERE = "elsewhere"
"""Counted under this: events that another copy of the store delivered and that are not here."""

DOCUMENTS = ("", 0)
"""Writer id and seq under which a run's documents are parked: they are of no event."""

_MEDIA = frozenset({"media", "image", "video", "audio", "plot", "table", "html"})

Key = tuple[str, str]


@dataclass
class Pending:
    """An artifact acknowledged as an event whose files are still to be put into `folder`.

    `about` is what is said of a version: "name" and "type", and, where the user said so,
    "aliases", "metadata" and "description". Media have nothing there.
    """

    writer_id: str
    seq: int
    folder: str
    manifest: str
    size: int
    rank: int = 1
    """Those of a lower one are put first; see `rank`."""
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """Its name where it is parked."""
        return f"artifact {self.folder}"

    @property
    def told(self) -> bool:
        """Whether the user said something of it."""
        return not self.about.keys() <= {"name", "type"}


def rank(kind: str) -> int:
    """What is looked at goes before what is kept: 0 for an artifact type that is media, else 1."""
    return int(kind not in _MEDIA)


def queue(db: sqlite3.Connection, key: Key, artifacts: Iterable[Pending]) -> None:
    """Have the files of artifacts put (again)."""
    db.executemany(
        "REPLACE INTO artifacts (remote, run_id, writer_id, seq, folder, manifest, size, rank, "
        "about) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (*key, a.writer_id, a.seq, a.folder, a.manifest, a.size, a.rank, json.dumps(a.about))
            for a in artifacts
        ],
    )


def park(db: sqlite3.Connection, key: Key, refused: Iterable[Refused], at: float) -> None:
    """Keep what was refused for good, with the reason."""
    db.executemany(
        "REPLACE INTO parked VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(*key, r.writer_id, r.seq, r.what, r.reason, at) for r in refused],
    )


def first_not_there(db: sqlite3.Connection, key: Key, writer_id: str) -> int | None:
    """Seq of the first artifact of a journal that is queued or parked; None if there is none."""
    found = db.execute(
        "SELECT min(seq) FROM (SELECT remote, run_id, writer_id, seq FROM artifacts UNION ALL "
        "SELECT remote, run_id, writer_id, seq FROM parked WHERE what LIKE 'artifact %') "
        "WHERE remote = ? AND run_id = ? AND writer_id = ?",
        (*key, writer_id),
    ).fetchone()[0]
    return None if found is None else int(found)


def add(
    db: sqlite3.Connection, key: Key, counts: dict[str, int], notes: Iterable[Note], at: float
) -> None:
    """Add to the counts and notes of a lane's receipt."""
    row = db.execute(
        "SELECT counts, notes, first FROM receipts WHERE remote = ? AND run_id = ?", key
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
        "REPLACE INTO receipts VALUES (?, ?, ?, ?, ?, ?)",
        (*key, json.dumps(total), json.dumps(kept), at, row["first"] if row else at),
    )
