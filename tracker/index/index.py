"""`Index`: the projection of a store, brought up to date and read."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tracker.errors import StoreError
from tracker.index import database
from tracker.index.catchup import CatchUp
from tracker.index.folders import Looks
from tracker.store import StoreFolder

if TYPE_CHECKING:
    import sqlite_utils

    from tracker.index.history import History

_Result = TypeVar("_Result")

_HEALED = (database.Unusable, sqlite3.DatabaseError, ValueError)
"""What a damaged or absent file is noticed by."""


class _Held(StoreError):
    """Another program keeps the file locked."""


_ATTEMPTS = 5
"""Somebody may delete the file again and again; not for ever."""


class Index:
    """What the journals of a store say, as tables. Use one per thread; not across a fork.

    Args:
        folder: the store.
        wait_s: seconds to wait for another process that is bringing the index up to date.

    Attributes:
        behind: whether the last `catch_up` gave up waiting for another process, so that what
            is read may not be all.
        unreadable: folders of runs that could not be read at the last `catch_up`, and why.
    """

    def __init__(self, folder: StoreFolder, *, wait_s: float = 10.0) -> None:
        self.folder = folder
        self.behind = False
        self.unreadable: dict[str, str] = {}
        self._path = folder.index
        self._lock_path = folder.index.with_name("index.lock")
        self._wait_s = wait_s
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._looks = Looks()

    def __repr__(self) -> str:
        return f"Index({str(self._path)!r})"

    def __del__(self) -> None:
        """Let go of the file too where nobody said so; another thread's cannot be closed here."""
        with contextlib.suppress(AttributeError, sqlite3.ProgrammingError):
            self.close()

    def close(self) -> None:
        """Let go of the file. The next use opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def catch_up(self) -> None:
        """Project everything that was written to the journals until now.

        An index that is absent, damaged or of an older version is made anew. If another
        process is at it longer than `wait_s`, or another program keeps it locked, `behind` is
        set and what is there stands.

        Raises:
            StoreError: the index is of a newer version, or the store cannot be used.
        """
        with database.lock(self._lock_path, self._wait_s) as held:
            self.behind = not held
            if held:
                try:
                    self._insist(self._project)
                except _Held:
                    self.behind = True
            if self.behind:
                self._open_as_it_is()

    @property
    def doubt(self) -> str:
        """What belongs behind a sentence that something is not there; "" if nothing is left out."""
        return (
            " Another process is at the index, so this may not be all: try again in a moment."
            if self.behind
            else ""
        )

    def query(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Read with SQL from what the last `catch_up` left.

        Raises:
            StoreError: the index cannot be read.
        """
        return self.read(lambda connection: connection.execute(sql, values).fetchall())

    def history(
        self, run_id: str, key: str, *, branch: str = "newest", rank: int | None = None
    ) -> History:
        """Read the points of one metric; empty columns if the run has none of that name.

        `branch` and `rank` choose among them, see `tracker.index.history.read`.

        Raises:
            StoreError: the index cannot be read.
        """
        from tracker.index import history  # noqa: PLC0415 - numpy, only where points are read

        def points(connection: sqlite3.Connection) -> History:
            ids = numbers(connection, run_id, key)
            return history.read(connection, *ids, branch=branch, rank=rank)

        return self.read(points)

    def read(self, reading: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do some reading in one transaction; a damaged index is made anew first.

        Raises:
            StoreError: the index cannot be read.
        """
        try:
            return self._in_transaction(reading)
        except _HEALED as error:
            self._check_cause(error)
            with database.lock(self._lock_path, self._wait_s) as held:
                if not held:
                    raise StoreError(
                        f"the index {self._path} cannot be read ({error}) and another process "
                        "holds it. Try again in a moment."
                    ) from error
                self._renew()

                def anew() -> _Result:
                    self._project()
                    return self._in_transaction(reading)

                return self._insist(anew)

    def tables(self) -> sqlite_utils.Database:
        """The index as a sqlite-utils database, for free reading; changes are refused.

        The views in the package's text are the documented surface.
        """
        import sqlite_utils  # noqa: PLC0415 - 300 ms that nobody else should pay

        return sqlite_utils.Database(self.connection())

    def connection(self) -> sqlite3.Connection:
        """A connection of the caller's own to the index, for reading only; it closes it.

        Raises:
            StoreError: the index cannot be opened.
        """
        self._open_as_it_is()
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, timeout=database.BUSY_S)

    # -- the file --------------------------------------------------------------------------

    def _insist(self, work: Callable[[], _Result]) -> _Result:
        """Do work under the lock; if the file is absent or damaged, with a new one."""
        for _ in range(_ATTEMPTS):
            try:
                return work()
            except _HEALED as error:  # noqa: PERF203 - a handful of rounds
                self._check_cause(error)
                cause = error
                self._renew()
        raise StoreError(
            f"the index {self._path} was made anew {_ATTEMPTS} times and cannot be used: {cause}"
        ) from cause

    def _open_as_it_is(self) -> None:
        try:
            self._open()
        except database.Unusable as error:
            raise StoreError(
                f"the index {self._path} is being made by another process. Try again in a moment."
            ) from error

    def _in_transaction(self, reading: Callable[[sqlite3.Connection], _Result]) -> _Result:
        connection = self._connection or self._open()  # what was caught up is good, deleted or not
        connection.execute("BEGIN")
        try:
            return reading(connection)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _check_cause(self, error: Exception) -> None:
        """Let what a new file would not heal go on to the person."""
        if isinstance(error, sqlite3.ProgrammingError):
            raise error
        if isinstance(error, sqlite3.DatabaseError) and database.is_locked(error):
            raise _Held(database.locked(self._path)) from error
        if isinstance(error, sqlite3.DatabaseError) and database.is_busy(error):
            raise StoreError(f"the index {self._path} cannot be used: {error}") from error

    def _project(self) -> None:
        connection, root = self._open(), self.folder.journals
        look = partial(self._looks.look, connection, root)
        work = CatchUp(connection, root, look)
        try:
            work.run()
        except OSError as error:
            raise StoreError(
                f"the journals in {self.folder.journals} cannot be listed: {error.strerror}"
            ) from error
        self.unreadable = work.unreadable

    def _renew(self) -> None:
        """Make the file anew, unless the one that failed has been replaced already.

        Raises:
            StoreError: the disk does not take it.
        """
        failed, now = self._inode, _inode_of(self._path)
        self.close()
        if failed and now not in (0, failed):
            return
        try:
            database.make(self._path)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the index {self._path} cannot be made: {error}. Free some space or mend the "
                "disk; the journals, which it is made from, are as they were."
            ) from error

    def _open(self) -> sqlite3.Connection:
        """The connection to the file that stands there now.

        Raises:
            Unusable: there is none, or it has to be made anew.
        """
        inode = _inode_of(self._path)
        if self._connection is not None and inode == self._inode:
            return self._connection
        self.close()
        self._inode = inode
        self._connection = database.connect(self._path)
        self._looks = Looks()  # what stands in another file is not known
        if _inode_of(self._path) != inode:
            self.close()
            raise database.Unusable("it was replaced while it was opened")
        return self._connection


def _inode_of(path: Path) -> int:
    """Number of the file, 0 if there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def numbers(connection: sqlite3.Connection, run_id: str, key: str) -> tuple[int, int]:
    """Numbers of a run and of a key, 0 for what is not there."""
    run = connection.execute("SELECT id FROM run WHERE run_id = ?", (run_id,)).fetchone()
    word = connection.execute("SELECT id FROM word WHERE text = ?", (key,)).fetchone()
    return run[0] if run else 0, word[0] if word else 0
