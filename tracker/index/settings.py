"""Config, summary and tags of a run: the latest of each key wins.

Latest is the highest (start of the journal, writer id, seq), whatever was read first. A
removed tag stays as a row without a value, so that an earlier setting read later does not
bring it back.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
from typing import Any, NamedTuple

from tracker.events import Config, Event, Start, Summary, Tags
from tracker.index.words import Words

CONFIG, SUMMARY, TAG = 18, 19, 20
"""Kinds of settings, numbered as the events that carry them."""


_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class _Setting(NamedTuple):
    value: str | None
    number: float | None
    seq: int


class Settings:
    """What one journal sets, gathered within one write transaction."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], _Setting] = {}

    def take(self, event: Event) -> None:
        """Note what an event sets; those of a journal come in order."""
        if isinstance(event, (Config, Summary)):
            kind = CONFIG if isinstance(event, Config) else SUMMARY
            for key, value in event.values.items():
                self._found[kind, key] = _Setting(encode(value), _number(value), event.seq)
        elif isinstance(event, Start):
            self._tags(event.tags, event.seq)
        elif isinstance(event, Tags):
            self._tags(event.set, event.seq)
            for tag in event.removed:
                self._found[TAG, tag] = _Setting(None, None, event.seq)

    def _tags(self, tags: dict[str, str], seq: int) -> None:
        for tag, value in tags.items():
            self._found[TAG, tag] = _Setting(value, number_in(value), seq)

    def save(self, connection: sqlite3.Connection, words: Words, run: int, journal: int) -> None:
        """Write what wins over what is there."""
        if not self._found:
            return
        later = _later_journals(connection, journal)
        rows = []
        for (kind, key), setting in self._found.items():
            word = words.number(key)
            if later and _holder(connection, run, kind, word) in later:
                continue
            rows.append((run, kind, word, setting.value, setting.number, journal, setting.seq))
        connection.executemany("INSERT OR REPLACE INTO setting VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._found = {}


def _later_journals(connection: sqlite3.Connection, journal: int) -> set[int]:
    found = connection.execute(
        "SELECT other.id FROM journal AS own JOIN journal AS other ON other.run = own.run "
        "WHERE own.id = ? AND (other.start, other.writer) > (own.start, own.writer)",
        (journal,),
    )
    return {row[0] for row in found}


def _holder(connection: sqlite3.Connection, run: int, kind: int, word: int) -> int | None:
    row = connection.execute(
        "SELECT journal FROM setting WHERE run = ? AND kind = ? AND key = ?", (run, kind, word)
    ).fetchone()
    return row[0] if row else None


_encoder = json.JSONEncoder(ensure_ascii=False, skipkeys=True, default=str)


def encode(value: Any) -> str:
    """Write a value as JSON; NaN and infinities as Python's json does, foreign types as text."""
    return _encoder.encode(value)


def _number(value: Any) -> float | None:
    """What a value compares as: numbers and bools, and texts that are numbers.

    None for all else, and for NaN, as SQLite has none.
    """
    if isinstance(value, str):
        return number_in(value)
    if not isinstance(value, (bool, int, float)):
        return None
    number = float(value)
    return None if math.isnan(number) else number


def number_in(text: str) -> float | None:
    """The number that a text is in decimal digits, as params of other tools are; None if none."""
    return float(text) if _NUMBER.fullmatch(text) else None
