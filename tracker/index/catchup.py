"""Catching up: everything new in the store, projected in short transactions."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from tracker.events import Start
from tracker.index import runs
from tracker.index.folders import Extent, Folders
from tracker.index.projection import DEAD, ENDED, LIVE, Known, Projection
from tracker.index.schema import CHUNK_BITS, RUN_TABLES, clamp
from tracker.index.words import inserted
from tracker.journal import Journal, Position, journals
from tracker.store import run_folder

COMMIT_INTERVAL_S = 1.0
"""What a kill in the middle costs at most, and how soon others see a long build's progress."""


class CatchUp:
    """One pass over the store by the one process that may write.

    Attributes:
        unreadable: names of folders that could not be read, and why.
    """

    def __init__(
        self, connection: sqlite3.Connection, root: Path, look: Callable[[], Folders]
    ) -> None:
        self._connection = connection
        self._root = root
        self._look = look
        self._commit_at = 0.0
        self._anew: set[str] = set()
        self.unreadable: dict[str, str] = {}

    def run(self) -> None:
        """Project what is new. What was committed stands, however this ends."""
        found = self._look()
        self._begin()
        try:
            for run in found.gone:
                self._forget(run)
            for name in found.open:
                self._attempt(name, None, listed=False)
            for name, mtime in found.changed.items():
                self._attempt(name, mtime, listed=True)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._commit_at = time.monotonic() + COMMIT_INTERVAL_S

    def _commit_if_due(self) -> None:
        if time.monotonic() >= self._commit_at:
            self._connection.execute("COMMIT")
            self._begin()

    # -- a folder --------------------------------------------------------------------------

    def _attempt(self, name: str, mtime: int | None, *, listed: bool) -> None:
        try:
            if listed:
                self._folder(name, mtime)
            else:
                self._open_journals(name)
            if name in self._anew:
                self._read_anew(name)
        except OSError as error:  # one folder that cannot be read must not hide the others
            self.unreadable[name] = str(error)
            run = self._run_of(name)
            if run is not None:
                runs.refresh(self._connection, run)
        self._commit_if_due()

    def _folder(self, name: str, mtime: int | None) -> None:
        """A folder that is new or whose files are not those that were there."""
        there = journals(self._root / name)
        run = self._run_of(name)
        if run is not None and not self._still_there(run, there):
            self._forget(run)
            run = None
        if run is None and there:
            run = self._new_run(name)
        if run is None:
            return
        read = []
        for journal in there:
            known = self._known(run, journal) or self._register(run, journal)
            if known is not None:
                read.append(self._read(journal, known))
        if not read:  # its only writer is at its very start
            self._forget(run)
            return
        runs.refresh(self._connection, run)
        self._name(run, name, there)
        self._connection.execute("UPDATE run SET folder_mtime = ? WHERE id = ?", (mtime, run))

    def _open_journals(self, name: str) -> None:
        """The journals of an unchanged folder that are not known to be complete."""
        run = self._run_of(name)
        if run is None:
            return
        writers = self._connection.execute(
            "SELECT writer FROM journal WHERE run = ? AND NOT settled", (run,)
        ).fetchall()
        changed = False
        for (writer,) in writers:
            journal = Journal(self._root / name, writer)
            known = self._known(run, journal)
            if known is not None and known.state != LIVE and not self._settled(journal, known):
                self._anew.add(name)
                return
            if known is not None:
                changed |= self._read(journal, known)
        if changed:
            runs.refresh(self._connection, run)

    def _read_anew(self, name: str) -> None:
        """Read a run from its start, as what was read of it is not what stands there now."""
        run = self._run_of(name)
        if run is not None:
            self._forget(run)
        self._folder(name, None)

    def _run_of(self, name: str) -> int | None:
        row = self._connection.execute("SELECT id FROM run WHERE folder = ?", (name,)).fetchone()
        return row[0] if row else None

    def _new_run(self, name: str) -> int:
        return inserted(
            self._connection, "INSERT INTO run (folder, run_id) VALUES (?, ?)", (name, name)
        )

    def _name(self, run: int, name: str, there: list[Journal]) -> None:
        """Give a run whose folder is not its id the id that its journals tell."""
        if not name.startswith("x"):
            return
        for journal in there:
            header = journal.header()
            if header is not None and run_folder(header.run_id) == name:
                self._connection.execute(
                    "UPDATE run SET run_id = ? WHERE id = ?", (header.run_id, run)
                )
                return

    def _still_there(self, run: int, there: list[Journal]) -> bool:
        """Whether all that was read still stands as it was read."""
        by_writer = {journal.writer_id: journal for journal in there}
        rows = self._connection.execute("SELECT writer FROM journal WHERE run = ?", (run,))
        for (writer,) in rows.fetchall():
            journal = by_writer.get(writer)
            if journal is None:
                return False
            known = self._known(run, journal)
            if known is not None and known.state != LIVE and not self._settled(journal, known):
                return False
        return True

    def _settled(self, journal: Journal, known: Known) -> bool:
        """Whether a complete journal is as it was; notes when it is old enough to stay so."""
        extent = Extent.of(journal)
        row = self._connection.execute(
            "SELECT segments, size, settled FROM journal WHERE id = ?", (known.id,)
        ).fetchone()
        if row[:2] != extent[:2]:
            return False
        if extent.settled and not row[2]:
            self._connection.execute("UPDATE journal SET settled = 1 WHERE id = ?", (known.id,))
        return True

    def _forget(self, run: int) -> None:
        """Remove all that the index holds of a run."""
        execute = self._connection.execute
        for table, chunks in (("sheet", "chunk"), ("series", "points")):
            rows = execute(f"SELECT id FROM {table} WHERE run = ?", (run,)).fetchall()  # noqa: S608 - names are ours
            self._connection.executemany(
                f"DELETE FROM {chunks} WHERE id >= ? AND id < ?",  # noqa: S608 - names are ours
                [(row[0] << CHUNK_BITS, (row[0] + 1) << CHUNK_BITS) for row in rows],
            )
        for table in RUN_TABLES:
            execute(f"DELETE FROM {table} WHERE run = ?", (run,))  # noqa: S608 - names are ours
        execute("DELETE FROM run WHERE id = ?", (run,))

    # -- a journal -------------------------------------------------------------------------

    def _known(self, run: int, journal: Journal) -> Known | None:
        row = self._connection.execute(
            "SELECT id, run, writer, segment, offset, seq, state FROM journal "
            "WHERE run = ? AND writer = ?",
            (run, journal.writer_id),
        ).fetchone()
        if row is None:
            return None
        key, holder, writer, *position, state = row
        return Known(key, holder, writer, Position(*position), state)

    def _register(self, run: int, journal: Journal) -> Known | None:
        """Note a journal seen for the first time; None if nothing can be told of it yet."""
        header = journal.segment_header(1)
        start = clamp(header.time) if header else 0
        if header is None:  # damaged: its Start event stands right behind it
            alive = journal.alive()
            first = next(journal.events(), None)
            if first is None and alive:
                return None
            start = clamp(first.time) if isinstance(first, Start) else 0
        known = inserted(
            self._connection,
            "INSERT INTO journal (run, writer, start, host, pid, segment, offset, seq, events, "
            "last_time, state, settled, segments, size) "
            "VALUES (?, ?, ?, ?, ?, 1, 0, 0, 0, ?, ?, 0, 0, 0)",
            (
                run, journal.writer_id, start, header.host if header else None,
                clamp(header.pid) if header else None, start, LIVE,
            ),
        )  # fmt: skip
        return Known(known, run, journal.writer_id, Position(), LIVE)

    def _read(self, journal: Journal, known: Known) -> bool:
        """Project what follows in a journal; False if nothing did."""
        if known.state != LIVE:
            return False
        alive = journal.alive()
        if alive and not _grew(journal, known.position):
            return False
        extent, damaged = Extent.of(journal), self._has_gaps(known)
        projection = Projection(self._connection, known, journal.folder)
        end, ended = known.position, False
        try:
            for block in journal.blocks(known.position, alive=alive):
                projection.take(block)
                end, ended = block.end, block.ended
                # Not behind the seal: after a kill there, nothing would tell of the end.
                if not ended and time.monotonic() >= self._commit_at:
                    projection.save(end)
                    runs.refresh(self._connection, known.run)
                    self._commit_if_due()
        finally:  # what was taken has rows already: the position goes with them
            projection.save(end)
        if ended or not alive:
            projection.close(ENDED if ended else DEAD)
            extent = Extent.of(journal) if alive else extent  # a live one is no copy under way
            self._connection.execute(
                "UPDATE journal SET segments = ?, size = ?, settled = ? WHERE id = ?",
                (extent.segments, extent.size, extent.settled or (ended and extent.open), known.id),
            )
            if damaged:
                self._anew.add(journal.folder.name)
        return True

    def _has_gaps(self, known: Known) -> bool:
        """Whether damage was found while the writer lived: what it is shows only at the end."""
        found = self._connection.execute("SELECT 1 FROM gap WHERE journal = ?", (known.id,))
        return found.fetchone() is not None


def _grew(journal: Journal, position: Position) -> bool:
    """Whether a live journal has bytes that were not read."""
    if journal.path(position.segment + 1).exists():
        return True
    return journal.size(position.segment) > position.offset
