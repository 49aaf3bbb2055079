"""syncd.db: what is agreed with each remote. Lanes, cursors, frozen batches, receipts, parked.

The file can be lost: remotes say what they hold (`Sink.position`), and the journals give the
rest. All that one acknowledgement changes is written in one transaction. A ledger that came
to another place, in a copy of its store, or was left aside while another syncd delivered, looks
up anew each run that is not settled: more of it may have been delivered since.
"""

# ruff: noqa: S608 - every name put into a statement is our own

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from syncd import cursors, receipts
from syncd.clock import SYSTEM, Clock
from syncd.cursors import Cursor, LaneRecord, Queue, Range
from syncd.database import KEYED, Database
from syncd.owner import Ownership
from syncd.receipts import Pending
from syncd.sinks import File, Note, Refused
from tracker.journal import Position
from tracker.settings import RemoteSettings

_OF_LANE = "WHERE remote = ? AND run_id = ?"

_MOVING = " "
"""Stands before a name while remotes change names with each other; no name begins so."""


class Ledger:
    """The open syncd.db; safe to use from threads.

    Args:
        path: where it is.
        look: read-only, for who does not own the store's delivery.
        owner: who does; asked before anything is kept.

    Attributes:
        set_aside: where a damaged file was put, None if it was well.
        delivered: per remote, what was acknowledged since this was opened, by kind.

    Raises:
        StoreError: it is of a newer version. A damaged one is set aside and begun anew.
    """

    def __init__(
        self, path: Path, *, look: bool = False, owner: Ownership | None = None,
        clock: Clock = SYSTEM,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._db = Database(path, look=look, owner=owner)
        self.set_aside = self._db.set_aside
        self.delivered: dict[str, Counter[str]] = {}
        self._queues: tuple[int, dict[str, Queue]] | None = None
        if self._db.moved:
            with self._db.transaction() as db:
                db.execute("UPDATE lanes SET remote_run = NULL, looked_up_at = NULL")

    @property
    def there(self) -> bool:
        """Whether the file still is where it was opened; if not, begin anew."""
        return self._db.there

    @property
    def changes(self) -> int:
        """A number that grows with every change."""
        return self._db.changes

    @property
    def trouble(self) -> str | None:
        """Why it could not be written the last time, None if it could."""
        return self._db.trouble

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # -- remotes and lanes -----------------------------------------------------------------

    def meet(self, remotes: Mapping[str, RemoteSettings]) -> None:
        """Take up the remotes of the settings, all of them.

        One that has another name now keeps all that is known of it; one of a known name that is
        elsewhere now is asked anew what it holds.
        """
        with self._db.transaction() as db:
            moves = self.known_as(remotes)
            for name, before in moves.items():
                _rename(db, before, f"{_MOVING}{name}")
            for name, remote in remotes.items():
                if name in moves:
                    _forget(db, name)
                    _rename(db, f"{_MOVING}{name}", name)
                elif self._place(name) not in (None, (remote.kind, remote.url)):
                    _forget(db, name)
                row = (name, remote.kind, remote.url)
                db.execute("REPLACE INTO remotes VALUES (?, ?, ?)", row)

    def known_as(self, remotes: Mapping[str, RemoteSettings]) -> dict[str, str]:
        """Names that remotes of the settings had when they were last served, where they differ.

        A remote is known again by its kind and address, if no other stands in the settings
        under the name that it had.
        """
        rows = self._db.rows("SELECT name, kind, url FROM remotes ORDER BY name")
        known = {row["name"]: (row["kind"], row["url"]) for row in rows}
        at = {name: (remote.kind, remote.url) for name, remote in sorted(remotes.items())}
        left = {name: there for name, there in known.items() if at.get(name) != there}
        found = dict[str, str]()
        for name, there in at.items():
            before = next((b for b, known_at in left.items() if known_at == there), None)
            if before is not None and known.get(name) != there:
                found[name] = before
                del left[before]
        return found

    def _place(self, name: str) -> tuple[str, str] | None:
        rows = self._db.rows("SELECT kind, url FROM remotes WHERE name = ?", name)
        return (rows[0]["kind"], rows[0]["url"]) if rows else None

    def settled(self, remote: str) -> dict[str, int]:
        """Runs with nothing left to do, and their folder's time when that was found."""
        rows = self._db.rows(
            "SELECT run_id, settled FROM lanes WHERE remote = ? AND settled IS NOT NULL", remote
        )
        return {row["run_id"]: row["settled"] for row in rows}

    def lane(self, remote: str, run_id: str) -> LaneRecord:
        """Read a lane; a new one if it is not known."""
        key = (remote, run_id)
        with self._db.together():
            rows = self._db.rows(f"SELECT * FROM lanes {_OF_LANE}", *key)
            record = cursors.lane(rows[0]) if rows else LaneRecord(remote, run_id)
            for row in self._db.rows(f"SELECT * FROM cursors {_OF_LANE}", *key):
                hint = Position(row["segment"], row["byte"], row["before"])
                record.cursors[row["writer_id"]] = Cursor(row["seq"], row["files"], hint)
            frozen = self._db.rows(f"SELECT ranges FROM batches {_OF_LANE}", *key)
        if frozen:
            record.frozen = [(w, first, last) for w, first, last in json.loads(frozen[0]["ranges"])]
        return record

    def overview(self, remote: str) -> list[sqlite3.Row]:
        """Of each lane to `remote` what tells how it is, and its receipt; in one look."""
        return self._db.rows(
            "SELECT l.run_id, l.settled, l.next_try, l.error, l.told, l.remote_run, "
            "r.counts, r.notes FROM lanes l LEFT JOIN receipts r "
            "ON r.remote = l.remote AND r.run_id = l.run_id WHERE l.remote = ?",
            remote,
        )

    def known(self, remote: str) -> set[str]:
        """Ids of the runs that have a lane to `remote`."""
        rows = self._db.rows("SELECT run_id FROM lanes WHERE remote = ?", remote)
        return {row["run_id"] for row in rows}

    def queues(self) -> dict[str, Queue]:
        """What waits for each remote, as far as the last visits saw it.

        Kept until something changes, as whoever serves a store asks every two seconds.
        """
        with self._db.together():
            if self._queues is None or self._queues[0] != self.changes:
                rows = self._db.rows(cursors.QUEUES), self._db.rows(cursors.PARKED)
                self._queues = self.changes, cursors.queues(*rows)
            return self._queues[1]

    def taken(self, remote: str) -> dict[str, str]:
        """The tag filter that each run met, of those that met one."""
        rows = self._db.rows(
            "SELECT run_id, taken FROM lanes WHERE remote = ? AND taken IS NOT NULL", remote
        )
        return {row["run_id"]: row["taken"] for row in rows}

    def take(self, remote: str, run_id: str, tags: str) -> None:
        """Keep that a run met the tag filter `tags`."""
        record = self.lane(remote, run_id)
        record.taken = tags
        self.save(record)

    def leave(self, remote: str, run_id: str) -> None:
        """A run does not go to a remote any more: nothing of it is pending."""
        with self._db.transaction() as db:
            db.execute(
                f"UPDATE lanes SET pending = 0, oldest = NULL, error = NULL {_OF_LANE}",
                (remote, run_id),
            )

    def reopen(self, remote: str, whats: Collection[str]) -> set[str]:
        """Runs in which something of these names is parked; each gets a visit, settled or not."""
        names = ", ".join("?" * len(whats))
        rows = self._db.rows(
            f"SELECT DISTINCT run_id FROM parked WHERE remote = ? AND what IN ({names})",
            remote, *whats,
        )  # fmt: skip
        found = {row["run_id"] for row in rows}
        if found:
            lanes = [(remote, run_id) for run_id in found]
            with self._db.transaction() as db:
                db.executemany(f"UPDATE lanes SET settled = NULL {_OF_LANE}", lanes)
        return found

    def unsettled(self) -> set[str]:
        """Ids of the runs of which something is pending, parked or failing."""
        rows = self._db.rows(
            "SELECT run_id FROM lanes WHERE pending > 0 OR error IS NOT NULL "
            "UNION SELECT run_id FROM parked UNION SELECT run_id FROM artifacts"
        )
        return {row["run_id"] for row in rows}

    def gone(self, run_id: str, writers: Iterable[str], *, whole: bool) -> None:
        """Journals of a run were removed, all if `whole`: nothing of them is pending or parked.

        What was acknowledged stays known, for receipts, and for the day when the run goes on.
        """
        with self._db.transaction() as db:
            for table in ("parked", "artifacts"):
                rows = [(run_id, writer) for writer in writers]
                db.executemany(f"DELETE FROM {table} WHERE run_id = ? AND writer_id = ?", rows)
            if whole:
                for table in ("parked", "batches"):
                    db.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))
                db.execute("UPDATE lanes SET pending = 0, error = NULL WHERE run_id = ?", (run_id,))

    def save(self, record: LaneRecord, *, durable: bool = False) -> None:
        """Write a lane and its cursors; if `durable`, found again after a power cut too."""
        with self._db.transaction(durable=durable) as db:
            cursors.save(db, record)

    def relearn(self, record: LaneRecord, missing: Iterable[Pending]) -> None:
        """Begin a lane anew from what its remote said; `missing` artifacts are to be put.

        What was parked of events before the cursors stays so; all else is sent again.
        """
        record.frozen = None
        with self._db.transaction() as db:
            for table in ("batches", "artifacts", "files", "receipts", "cursors"):
                db.execute(f"DELETE FROM {table} {_OF_LANE}", record.key)
            cursors.save(db, record)
            receipts.queue(db, record.key, missing)
            db.execute(
                f"DELETE FROM parked {_OF_LANE} AND seq > ifnull((SELECT c.seq FROM cursors c "
                "WHERE c.remote = parked.remote AND c.run_id = parked.run_id "
                "AND c.writer_id = parked.writer_id), 0)",
                record.key,
            )

    # -- batches and acknowledgements ------------------------------------------------------

    def freeze(self, record: LaneRecord, ranges: list[Range]) -> None:
        """Fix what the next batch holds, before it is sent for the first time.

        Found again after a power cut too, unlike an acknowledgement, which is only repeated.
        """
        record.batch += 1
        record.frozen = ranges
        with self._db.transaction(durable=True) as db:
            cursors.save(db, record)
            batch = (*record.key, record.batch, json.dumps(ranges))
            db.execute("REPLACE INTO batches VALUES (?, ?, ?, ?)", batch)

    def acknowledge(
        self, record: LaneRecord, counts: dict[str, int], notes: Iterable[Note],
        artifacts: Iterable[Pending], refused: Iterable[Refused],
    ) -> None:  # fmt: skip
        """Move the cursors over the frozen batch and keep its receipt, in one transaction."""
        record.frozen = None
        with self._db.transaction() as db:
            cursors.save(db, record)
            db.execute(f"DELETE FROM batches {_OF_LANE}", record.key)
            receipts.queue(db, record.key, artifacts)
            receipts.park(db, record.key, refused, self._clock.time())
            receipts.add(db, record.key, counts, notes, self._clock.time())
            self._count(record, counts)

    def artifacts(self, record: LaneRecord) -> list[Pending]:
        """Artifacts whose files are still to be put, in that order."""
        rows = self._db.rows(
            f"SELECT * FROM artifacts {_OF_LANE} ORDER BY rank, writer_id, seq", *record.key
        )
        return [
            Pending(
                r["writer_id"],
                r["seq"],
                r["folder"],
                r["manifest"],
                r["size"],
                r["rank"],
                json.loads(r["about"]),
            )
            for r in rows
        ]

    def put(self, record: LaneRecord, files: Sequence[File], notes: Iterable[Note] = ()) -> None:
        """Keep the receipt of files."""
        at = self._clock.time()
        rows = [(*record.key, file.path, file.digest, file.size, at) for file in files]
        counts = {"files": len(files), "bytes": sum(file.size for file in files)}
        with self._db.transaction() as db:
            db.executemany("REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", rows)
            receipts.add(db, record.key, counts, notes, at)
            self._count(record, counts)

    def done(self, record: LaneRecord, artifact: Pending, refused: Iterable[Refused] = ()) -> None:
        """All files of an artifact are there, or it is parked."""
        cursor = record.cursors[artifact.writer_id]
        with self._db.transaction() as db:
            db.execute(
                f"DELETE FROM artifacts {_OF_LANE} AND writer_id = ? AND seq = ?",
                (*record.key, artifact.writer_id, artifact.seq),
            )
            receipts.park(db, record.key, refused, self._clock.time())
            first = receipts.first_not_there(db, record.key, artifact.writer_id)
            cursor.files = max(cursor.files, cursor.seq if first is None else first - 1)
            cursors.save(db, record)

    def park(self, record: LaneRecord, refused: Iterable[Refused]) -> None:
        """Keep what was refused, of something of which the rest goes on."""
        with self._db.transaction() as db:
            receipts.park(db, record.key, refused, self._clock.time())

    # -- receipts and parked ---------------------------------------------------------------

    def files(self, remote: str, run_id: str) -> dict[str, str]:
        """Receipts of files: path at the remote to digest."""
        return {file["path"]: file["digest"] for file in self.file_receipts(remote, run_id)}

    def file_receipts(self, remote: str, run_id: str) -> list[dict[str, Any]]:
        """Receipts of files: path at the remote, digest, size, time."""
        columns = "path, digest, size, at"
        rows = self._db.rows(f"SELECT {columns} FROM files {_OF_LANE}", remote, run_id)
        return [dict(row) for row in rows]

    def receipt(self, remote: str, run_id: str) -> dict[str, Any]:
        """What the remote acknowledged of a run: counts by kind, notes, first and last time."""
        rows = self._db.rows(f"SELECT * FROM receipts {_OF_LANE}", remote, run_id)
        if not rows:
            return {"counts": {}, "notes": [], "at": None, "first": None}
        row = dict(rows[0])
        counts, notes = json.loads(row["counts"]), json.loads(row["notes"])
        return {"counts": counts, "notes": notes, "at": row["at"], "first": row.get("first")}

    def note_elsewhere(self, record: LaneRecord, events: int) -> None:
        """Keep how many events the remote has from another copy of the store, not from here."""
        known = self.receipt(*record.key)["counts"].get(receipts.ELSEWHERE, 0)
        if events != known:
            with self._db.transaction() as db:
                change = {receipts.ELSEWHERE: events - known}
                receipts.add(db, record.key, change, (), self._clock.time())

    def elsewhere(self, remote: str) -> dict[str, int]:
        """Such events by run, of the runs that have some."""
        rows = self._db.rows(
            "SELECT run_id, counts FROM receipts WHERE remote = ? AND counts LIKE ?",
            remote, f'%"{receipts.ELSEWHERE}"%',
        )  # fmt: skip
        found = {row["run_id"]: json.loads(row["counts"])[receipts.ELSEWHERE] for row in rows}
        return {run_id: events for run_id, events in found.items() if events}

    def _count(self, record: LaneRecord, counts: Mapping[str, int]) -> None:
        """Inside a transaction, which only one thread is in at a time."""
        self.delivered.setdefault(record.remote, Counter()).update(counts)

    def parked(self, remote: str | None = None, run_id: str | None = None) -> list[dict[str, Any]]:
        """What remotes refused for good, with the reason."""
        rows = self._db.rows(
            "SELECT * FROM parked WHERE (?1 IS NULL OR remote = ?1) "
            "AND (?2 IS NULL OR run_id = ?2)",
            remote,
            run_id,
        )
        return [dict(row) for row in rows]

    def replace_parked(
        self, record: LaneRecord, writer_id: str, seq: int, refused: Iterable[Refused],
        artifacts: Iterable[Pending] = (),
    ) -> None:  # fmt: skip
        """Forget what was parked of an event but for what is `refused` again; put its files."""
        with self._db.transaction() as db:
            cursors.save(db, record)
            db.execute(
                f"DELETE FROM parked {_OF_LANE} AND writer_id = ? AND seq = ?",
                (*record.key, writer_id, seq),
            )
            receipts.park(db, record.key, refused, self._clock.time())
            receipts.queue(db, record.key, artifacts)

    def file_bytes(self) -> dict[tuple[str, str], int]:
        """Bytes of artifacts still to be put, by remote and run."""
        rows = self._db.rows("SELECT remote, run_id, SUM(size) AS n FROM artifacts GROUP BY 1, 2")
        return {(row["remote"], row["run_id"]): row["n"] for row in rows}


def _forget(db: sqlite3.Connection, name: str) -> None:
    for table in KEYED:
        db.execute(f"DELETE FROM {table} WHERE remote = ?", (name,))
    db.execute("DELETE FROM remotes WHERE name = ?", (name,))


def _rename(db: sqlite3.Connection, old: str, new: str) -> None:
    for table in KEYED:
        db.execute(f"UPDATE {table} SET remote = ? WHERE remote = ?", (new, old))
    db.execute("DELETE FROM remotes WHERE name = ?", (old,))
