"""SQL of a person's own on the index: reading only, held to by SQLite, and ended on demand."""

from __future__ import annotations

import sqlite3
import time
from typing import Any, NamedTuple

from tracker.errors import BadInput, StoreError

_ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
_EACH = 10_000
"""Steps of SQLite's machine between two looks at the clock; less than a millisecond."""


class Selected(NamedTuple):
    """What a SELECT found: names of columns, and rows."""

    names: list[str]
    rows: list[tuple[Any, ...]]


def select(connection: sqlite3.Connection, sql: str, seconds: float) -> Selected:
    """Run one SELECT on a connection that is this call's alone.

    Raises:
        BadInput: it is no SQL, more than one statement, or would do more than read.
        StoreError: it took too long, or the index cannot be read.
        KeyboardInterrupt: Ctrl-C while SQLite was at work.
    """
    limit = time.monotonic() + seconds
    connection.execute("PRAGMA query_only = ON")
    connection.set_authorizer(_authorize)
    connection.set_progress_handler(lambda: time.monotonic() > limit, _EACH)
    try:
        cursor = connection.execute(sql)
        rows = cursor.fetchall()
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise _refused(error) from error
        if time.monotonic() <= limit:  # Ctrl-C, which SQLite tells in this way
            raise KeyboardInterrupt from error
        raise StoreError(
            f"the statement took longer than {seconds:g} s and was stopped. Narrow it (WHERE, "
            "LIMIT), or give it more time: --seconds."
        ) from error
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _refused(error) from error
    if cursor.description is None:
        raise BadInput("this is no statement that reads; give a SELECT.")
    return Selected([column[0] for column in cursor.description], rows)


def _authorize(action: int, *_: object) -> int:
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _refused(error: Exception) -> BadInput:
    said = str(error)
    if "not authorized" in said or "readonly" in said:
        return BadInput("only reading is allowed: one SELECT, WITH ... SELECT or VALUES.")
    hint = "Views and columns: tracker sql --views."
    if "one statement" in said:
        hint = "Give one SELECT, without more behind its semicolon."
    return BadInput(f"SQLite cannot use this: {said.rstrip('.')}. {hint}")
