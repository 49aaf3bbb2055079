"""The index's file: opened, told apart from what is none of ours, made anew."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from tracker.errors import StoreError
from tracker.index.schema import APPLICATION_ID, TABLES, VERSION, VIEWS
from tracker.journal.liveness import hold

_PAGE_BYTES = 8192
_CACHE_KIB = 16 * 1024
_CHECKPOINT_PAGES = 4096
BUSY_S = 10.0
"""How long a lock of another process is waited for."""

_LOCK_POLL_S = 0.01
_MAGIC = b"SQLite format 3\0"


class Unusable(Exception):
    """The file is absent, damaged, another program's, or of an older version."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the index.

    Raises:
        Unusable: it has to be made anew.
        StoreError: a newer version of this project made it.
    """
    uri = f"{path.absolute().as_uri()}?mode=rw"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_S)
    except sqlite3.OperationalError as error:
        if path.exists() and not os.access(path, os.W_OK):
            raise StoreError(
                f"the index {path} cannot be written. Give yourself the right to, or delete it: "
                "it is made anew from the journals."
            ) from error
        raise Unusable("it is not there") from error
    try:
        _check(connection, path)
    except sqlite3.DatabaseError as error:
        connection.close()
        if is_locked(error):
            raise StoreError(locked(path)) from error
        if is_busy(error):
            raise StoreError(f"the index {path} cannot be opened: {error}") from error
        raise Unusable(str(error)) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise Unusable("it is another program's")
    if version > VERSION:
        raise StoreError(
            f"the index {path} has version {version}; this program reads up to {VERSION}. "
            "Nothing was changed. Upgrade (pip install --upgrade tracker-syncd), or delete the "
            "file: it is made anew from the journals."
        )
    if version < VERSION:
        raise Unusable(f"it has version {version}")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")


def is_busy(error: sqlite3.DatabaseError) -> bool:
    """Whether it tells of a lock or a full disk, not of a damaged file."""
    return isinstance(error, sqlite3.OperationalError) and any(
        word in str(error) for word in ("locked", "busy", "full", "readonly")
    )


def is_locked(error: sqlite3.DatabaseError) -> bool:
    """Whether it tells that another program uses the file."""
    return is_busy(error) and any(word in str(error) for word in ("locked", "busy"))


def locked(path: Path) -> str:
    """What a person is told then."""
    return (
        f"the index {path} is in use by another program, which lets nobody else read it. End that "
        "program, or try again in a moment."
    )


def make(path: Path) -> None:
    """Put a new, empty index in place. Only the holder of the lock may.

    What stood there is deleted if it was ours, else kept beside it as `index.db.aside`.
    Another process that has the old file open goes on with it, until it looks again.
    """
    fresh = path.with_name(path.name + ".new")
    _remove(fresh)
    connection = sqlite3.connect(fresh, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.executescript(f"BEGIN; {TABLES} {VIEWS} COMMIT;")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    finally:
        connection.close()
    fresh.chmod(0o600)
    if not _ours(path):
        with contextlib.suppress(FileNotFoundError):
            path.replace(path.with_name(path.name + ".aside"))
    _remove(path)  # with its log, which must not meet the new file
    fresh.replace(path)


def _ours(path: Path) -> bool:
    """Whether the file's first bytes are an index's (bytes 68 to 71 of a SQLite header)."""
    try:
        with path.open("rb") as file:
            head = file.read(72)
    except OSError:
        return False
    return head.startswith(_MAGIC) and head[68:72] == APPLICATION_ID.to_bytes(4, "big")


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextlib.contextmanager
def lock(path: Path, wait_s: float) -> Iterator[bool]:
    """Be the one process that writes, waiting for another up to `wait_s`; yields whether.

    Raises:
        StoreError: the lock's file cannot be opened.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError as error:
        raise StoreError(
            f"the index in {path.parent} cannot be brought up to date: {error.strerror}. "
            "Reading needs the right to write there."
        ) from error
    try:
        limit = time.monotonic() + wait_s
        while not (held := hold(fd)) and time.monotonic() < limit:
            time.sleep(_LOCK_POLL_S)
        yield held
    finally:
        os.close(fd)
