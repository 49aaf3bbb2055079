"""Names of keys and tags, each stored once and known by a number."""

from __future__ import annotations

import sqlite3

_REMEMBERED = 100_000
"""Names whose numbers are held in memory."""


class Words:
    """Numbers for names within one write transaction; made anew for each."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Number of a name; a new one gets the next."""
        known = self._numbers.get(text)
        if known is None:
            if len(self._numbers) >= _REMEMBERED:
                self._numbers.clear()
            known = self._numbers[text] = self._stored(text)
        return known

    def _stored(self, text: str) -> int:
        row = self._connection.execute("SELECT id FROM word WHERE text = ?", (text,)).fetchone()
        if row is None:
            return inserted(self._connection, "INSERT INTO word (text) VALUES (?)", (text,))
        number: int = row[0]
        return number


def inserted(connection: sqlite3.Connection, sql: str, values: tuple[object, ...]) -> int:
    """Insert a row and return its id."""
    row = connection.execute(sql, values).lastrowid
    assert row is not None  # noqa: S101 - what SQLite says of every insert
    return row
