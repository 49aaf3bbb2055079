"""The file syncd.db: opened, checked, set aside where it is damaged; changed in transactions.

It belongs to the process that owns the store's delivery (see `syncd.owner`). Everybody else
looks at it read-only. Where ownership passed on, the one before may have been stopped in the
middle of a transaction, which locks the file: it is set aside then, and nothing that the other one
does when it wakes reaches the new file.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from syncd.owner import Ownership
from tracker.errors import StoreError

FORMAT = 3

_TABLES = """
CREATE TABLE IF NOT EXISTS place (name TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS remotes (name TEXT PRIMARY KEY, kind TEXT, url TEXT);
CREATE TABLE IF NOT EXISTS lanes (
    remote TEXT, run_id TEXT, remote_run TEXT, looked_up_at REAL, state TEXT, progress TEXT,
    batch INTEGER DEFAULT 0, told TEXT, documented TEXT, failures INTEGER DEFAULT 0,
    next_try REAL DEFAULT 0, error TEXT, pending INTEGER DEFAULT 0, settled INTEGER,
    policies TEXT, taken TEXT, oldest REAL,
    PRIMARY KEY (remote, run_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cursors (
    remote TEXT, run_id TEXT, writer_id TEXT, seq INTEGER DEFAULT 0, files INTEGER DEFAULT 0,
    segment INTEGER DEFAULT 1, byte INTEGER DEFAULT 0, before INTEGER DEFAULT 0,
    PRIMARY KEY (remote, run_id, writer_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (
    remote TEXT, run_id TEXT, number INTEGER, ranges TEXT,
    PRIMARY KEY (remote, run_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS artifacts (
    remote TEXT, run_id TEXT, writer_id TEXT, seq INTEGER, folder TEXT, manifest TEXT, size INTEGER,
    rank INTEGER DEFAULT 1, about TEXT DEFAULT '{}',
    PRIMARY KEY (remote, run_id, writer_id, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipts (
    remote TEXT, run_id TEXT, counts TEXT, notes TEXT, at REAL, first REAL,
    PRIMARY KEY (remote, run_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    remote TEXT, run_id TEXT, path TEXT, digest TEXT, size INTEGER, at REAL,
    PRIMARY KEY (remote, run_id, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parked (
    remote TEXT, run_id TEXT, writer_id TEXT, seq INTEGER, what TEXT, reason TEXT, at REAL,
    PRIMARY KEY (remote, run_id, writer_id, seq, what)) WITHOUT ROWID;
"""
KEYED = ("lanes", "cursors", "batches", "artifacts", "receipts", "files", "parked")
"""Tables with a remote and a run id in each row."""

_ADDED = (
    ("lanes", "policies", "TEXT"),
    ("lanes", "taken", "TEXT"),
    ("lanes", "oldest", "REAL"),
    ("artifacts", "rank", "INTEGER DEFAULT 1"),
    ("artifacts", "about", "TEXT DEFAULT '{}'"),
    ("receipts", "first", "REAL"),
)
"""Columns that a file of an older format lacks."""

_BUSY_S = 30.0
_FORCED_S = 0.3
"""To wait for the file, where its owner before was stopped."""

_log = logging.getLogger("syncd")


class Damaged(StoreError):
    """The file is damaged, and who only looks at it leaves it as it is."""

    def __init__(self, path: Path, error: sqlite3.Error) -> None:
        super().__init__(
            f"{path} is damaged ({error}). Nothing was changed, and what was delivered is at the "
            "remotes. To go on: syncd once. It sets the file aside and asks the remotes what they "
            "hold; nothing is doubled"
        )


class Database:
    """The open file; safe to use from threads.

    Args:
        path: where it is.
        look: read-only; a file that is not there is empty.
        owner: who may write; asked before each transaction ends. None: whoever has the file.

    Attributes:
        set_aside: where a damaged file was put to begin anew, None if it was well.
        moved: the file was made in another place, or another process delivered since it was used
            last: more may be at the remotes than it knows.
        trouble: why the last transaction failed, None if it did not.

    Raises:
        StoreError: it is of a newer version, cannot be opened, or is damaged where it is
            only looked at; `rows` raises that too.
    """

    def __init__(self, path: Path, *, look: bool = False, owner: Ownership | None = None) -> None:
        self._path = path
        self._look_only = look
        self._owner = owner
        self._lock = threading.RLock()
        self.set_aside: Path | None = None
        self.trouble: str | None = None
        self.moved = False
        self._inode = 0
        self._sync = ""
        try:
            if look:
                self._look()
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open_or_begin_anew()
            self.moved = self._take_place()
        except sqlite3.Error as error:
            if look and _is_damage(error):
                raise Damaged(path, error) from error
            raise StoreError(f"{path} cannot be opened: {error}") from error

    @property
    def there(self) -> bool:
        """Whether the file still is where it was opened."""
        try:
            return self._path.stat().st_ino == self._inode
        except OSError:
            return False

    @property
    def changes(self) -> int:
        """Rows changed since it was opened."""
        return self._db.total_changes

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """All or nothing of what is done inside; if `durable`, on the device when it ends.

        After a power cut the last of those that are not durable may be undone, never one
        without all that came after it.
        """
        with self._lock, self._troubles():
            if (sync := "FULL" if durable else "NORMAL") != self._sync:
                self._db.execute(f"PRAGMA synchronous={sync}")
                self._sync = sync
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                if self._owner is not None:
                    self._owner.confirm()
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has undone it already
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            self.trouble = str(error)
            raise
        self.trouble = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Nothing changes between the reads inside."""
        with self._lock:
            yield

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock:
            try:
                return self._db.execute(sql, values).fetchall()
            except sqlite3.DatabaseError as error:
                if self._look_only and _is_damage(error):
                    raise Damaged(self._path, error) from error
                raise

    # -- opening ---------------------------------------------------------------------------

    def _look(self) -> None:
        if self._path.exists():
            self._connect(f"{self._path.absolute().as_uri()}?mode=ro")
            version = self._version()
            if version == FORMAT:
                return
            if version:
                self._look_at_a_copy()
                return
            self._db.close()
        self._connect("file::memory:")
        self._db.executescript(_TABLES)

    def _look_at_a_copy(self) -> None:
        """Give a file of an older format what came since, in memory: it is its owner's."""
        there = self._db
        self._connect("file::memory:")
        with contextlib.closing(there):
            there.backup(self._db)
        self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        self._db.executescript(f"BEGIN; {_TABLES} COMMIT")  # at once: each would be synced
        self._add_columns()
        self._db.execute(f"PRAGMA user_version={FORMAT}")

    def _open_or_begin_anew(self) -> None:
        forced = self._owner is not None and self._owner.forced
        try:
            self._open(_FORCED_S if forced else _BUSY_S)
        except sqlite3.DatabaseError as error:
            held = forced and "locked" in str(error)  # by whom it was taken from
            if not (held or _is_damage(error)):
                raise
            self._set_aside()
            _log.warning(
                "%s is %s (%s): set aside as %s; remotes are asked what they hold",
                self._path, "held" if held else "damaged", error, self.set_aside,
            )  # fmt: skip
            self._open(_BUSY_S)

    def _open(self, busy_s: float) -> None:
        self._connect(self._path.absolute().as_uri(), busy_s)
        try:
            version = self._version()
            self._db.execute("PRAGMA journal_mode=WAL")
            self._check()
            if version < FORMAT:
                self._bring_up_to_date()
            self._db.execute("BEGIN IMMEDIATE")  # nobody else is at it
            self._db.execute("ROLLBACK")
        except BaseException:
            self._db.close()
            raise

    def _add_columns(self) -> None:
        """Give a file of an older format what came since."""
        for table, column, kind in _ADDED:
            rows = self._db.execute(f"PRAGMA table_info({table})")
            if column not in {row["name"] for row in rows}:
                self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")

    def _check(self) -> None:
        found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(" ".join(found.split()))

    def _connect(self, uri: str, busy_s: float = _BUSY_S) -> None:
        self._db = sqlite3.connect(
            uri, uri=True, timeout=busy_s, check_same_thread=False, isolation_level=None
        )
        self._db.row_factory = sqlite3.Row
        self._sync = ""  # what a new connection has is not known

    def _version(self) -> int:
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version > FORMAT:
            self._db.close()
            raise StoreError(
                f"{self._path} has format {version}; this version reads up to {FORMAT}. "
                "Nothing was changed. Upgrade: pip install --upgrade tracker-syncd"
            )
        return version

    def _set_aside(self) -> None:
        """Move the file away, and what belongs to it: an old log would be read into the new one."""
        self.set_aside = self._path.with_name(f"{self._path.name}.damaged-{time.time_ns()}")
        for end in ("", "-wal", "-shm"):
            part = self._path.with_name(self._path.name + end)
            if part.exists():
                part.replace(f"{self.set_aside}{end}")

    def _take_place(self) -> bool:
        """Note where the file is and whose turn it is; True if it missed anything.

        It came from elsewhere, by a copy or a move, or others had their turn since.
        """
        self._inode = self._path.stat().st_ino
        here = f"{socket.gethostname()} {self._inode} {self._path.absolute()}"
        known = [row["name"].partition(" ") for row in self.rows("SELECT name FROM place")]
        turn = self._owner.turn if self._owner is not None else 0
        with self.transaction() as db:
            db.execute("DELETE FROM place")
            db.execute("INSERT INTO place VALUES (?)", (f"{turn} {here}",))
        return any(place != here or (turn and int(last) + 1 != turn) for last, _, place in known)


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether an error speaks of the file: after trouble with the disk or a lock it may be well."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(
        error, sqlite3.OperationalError
    )
