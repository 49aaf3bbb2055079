"""What a journal holds beside values, as rows: console text, media, foreign sources.

Measures of the machine are series as metrics are, under names of their own (`SYSTEM` before
the measure's), at the least step that there is, which no rewind leaves behind.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from tracker.events import Console, Log, Media, MediaFile, Source, System
from tracker.index.schema import SYSTEM, clamp
from tracker.index.settings import encode
from tracker.index.words import Words

if TYPE_CHECKING:
    from tracker.index.previews import Previews
    from tracker.index.projection import Known
    from tracker.journal import Position

ABOUT_CHARS = 4096
"""The longest `about` of media, as JSON, that the index holds; others stay in the journal."""

PREVIEWS = 1000
"""So many files of a journal may get a preview, the first ones."""

_NO_STEP = -(2**63)

_NO_FILE = MediaFile("", "", 0)


def as_log(event: System) -> Log:
    """Measures as the points of a call at no step."""
    values = {SYSTEM + key: value for key, value in event.values.items()}
    return Log(event.seq, event.time, _NO_STEP, dict[str, bool | int | float | str](values))


class Extras:
    """The rows of one journal within one write transaction."""

    def __init__(
        self, connection: sqlite3.Connection, words: Words, known: Known, folder: Path
    ) -> None:
        self._connection = connection
        self._words = words
        self._known = known
        self._folder = folder
        self._previews: Previews | None = None
        self._looked_at = 0  # files of the journal

    def console(self, events: list[Console]) -> None:
        """Add what was written to streams."""
        run, journal = self._known.run, self._known.id
        self._connection.executemany(
            "INSERT INTO output VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (run, journal, clamp(event.seq), clamp(event.time), event.stream, event.text,
                 event.text.count("\n"))
                for event in events
            ],
        )  # fmt: skip

    def media(self, event: Media, start: Position) -> None:
        """Add a row for each file, or one without; the event stands behind `start`."""
        about: str | None = encode(event.about)
        if about is not None and len(about) > ABOUT_CHARS:
            about = None
        key = self._words.number(event.key)
        self._connection.executemany(
            "INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    self._known.run, self._known.id, clamp(event.seq), place, clamp(event.time),
                    clamp(event.step), key, event.form, file.name, file.digest, clamp(file.size),
                    clamp(file.pack), clamp(file.offset), self._preview(event.form, file),
                    None if place else about, clamp(start.segment), clamp(start.offset),
                )
                for place, file in enumerate(event.files or [_NO_FILE])
            ],
        )  # fmt: skip

    def source(self, event: Source) -> None:
        """Note the foreign record that a journal is taken from."""
        self._connection.execute(
            "INSERT INTO source VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "taken = max(taken, excluded.taken)",
            (self._known.run, event.tool, event.name, clamp(event.at)),
        )

    def _preview(self, form: str, file: MediaFile) -> bytes | None:
        if self._previews is None:
            from tracker.index.previews import Previews  # noqa: PLC0415 - hashlib, if there are any

            self._previews = Previews(self._folder)
            (self._looked_at,) = self._connection.execute(
                "SELECT count(*) FROM (SELECT 1 FROM file WHERE journal = ? LIMIT ?)",
                (self._known.id, PREVIEWS),
            ).fetchone()
        self._looked_at += 1
        if self._looked_at > PREVIEWS or not file.name:
            return None
        return self._previews.of(self._known.writer, form, file)
