"""Projecting one journal: its events into rows, its position moved along with them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tracker.events import (
    Artifact,
    Console,
    Event,
    Finish,
    Log,
    Media,
    Rewind,
    Source,
    Start,
    System,
    Unknown,
)
from tracker.index import artifacts
from tracker.index.extras import Extras, as_log
from tracker.index.schema import clamp
from tracker.index.settings import Settings, encode
from tracker.index.words import Words
from tracker.journal import Block, Gap, Position

if TYPE_CHECKING:
    from tracker.index.sheets import Sheets

LIVE, ENDED, DEAD = "live", "ended", "dead"


class Known(NamedTuple):
    """What the index holds of a journal."""

    id: int
    run: int
    writer: str
    position: Position
    state: str


class Projection:
    """One journal in `folder` within one write transaction. `save` is called before each commit."""

    def __init__(self, connection: sqlite3.Connection, known: Known, folder: Path) -> None:
        self._connection = connection
        self._known = known
        self._words = Words(connection)
        self._settings = Settings()
        self._extras = Extras(connection, self._words, known, folder)
        self._start = known.position  # of the block that is taken
        self._sheets: Sheets | None = None
        self._events = self._unknown = 0
        self._last_time = 0
        self._artifacts = self._rewound = False

    def take(self, block: Block) -> None:
        """Add a block's events and gaps."""
        logs, console = list[Log](), list[Console]()
        for event in block.events:
            if type(event) is Log:
                logs.append(event)
            elif type(event) is System:
                logs.append(as_log(event))
            elif type(event) is Console:
                console.append(event)
            else:
                self._other(event)
        if logs:
            self._numbers(logs)
        if console:
            self._extras.console(console)
        if block.events:
            self._events += len(block.events)
            self._last_time = clamp(block.events[-1].time)
        self._note(block.gaps)
        self._start = block.end

    def save(self, end: Position) -> None:
        """Write what was gathered, and that the journal was read up to `end`."""
        known, connection = self._known, self._connection
        self._settings.save(connection, self._words, known.run, known.id)
        if self._sheets is not None:
            from tracker.index import metrics  # noqa: PLC0415 - as in _numbers

            keys = self._sheets.save()
            metrics.refresh(connection, known.run, map(self._words.number, keys))
            self._sheets = None
        if self._rewound:  # it may leave points of any key behind, those of other journals too
            from tracker.index import metrics  # noqa: PLC0415 - as in _numbers

            metrics.refresh_all(connection, known.run)
            self._rewound = False
        if self._artifacts:
            artifacts.number(connection, known.run)
        connection.execute(
            "UPDATE journal SET segment = ?, offset = ?, seq = ?, events = events + ?, "
            "unknown = unknown + ?, "
            "last_time = CASE WHEN ? THEN ? ELSE last_time END WHERE id = ?",
            (
                *map(clamp, end), self._events, self._unknown,
                self._events, self._last_time, known.id,
            ),
        )  # fmt: skip
        self._events = self._unknown = 0

    def close(self, state: str) -> None:
        """Write that nothing will follow."""
        self._connection.execute(
            "UPDATE journal SET state = ? WHERE id = ?", (state, self._known.id)
        )

    def _numbers(self, logs: list[Log]) -> None:
        if self._sheets is None:
            from tracker.index.sheets import Sheets  # noqa: PLC0415 - numpy, only if there are any

            self._sheets = Sheets(self._connection, self._words, self._known.run, self._known.id)
        texts = self._sheets.add(logs)
        self._connection.executemany(
            "INSERT INTO text_value VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    self._known.run, self._words.number(text.key), self._known.id,
                    clamp(text.seq), clamp(text.step), clamp(text.time), text.value,
                )
                for text in texts
            ],
        )  # fmt: skip

    def _other(self, event: Event) -> None:
        if isinstance(event, Start):
            self._fact("head", event)
            self._connection.execute(
                "UPDATE journal SET parent = ?, rank = ? WHERE id = ?",
                (event.parent, None if event.rank is None else clamp(event.rank), self._known.id),
            )
        elif isinstance(event, Finish):
            self._fact("finish", event)
        elif isinstance(event, Artifact):
            self._connection.execute(
                "INSERT INTO artifact VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                (
                    self._known.run, self._known.id, clamp(event.seq), clamp(event.time),
                    event.name, event.type, event.manifest, clamp(event.files), clamp(event.size),
                ),
            )  # fmt: skip
            self._artifacts = True
        elif isinstance(event, Rewind):
            self._connection.execute(
                "INSERT INTO rewind VALUES (?, ?, ?, ?, ?, ?)",
                (
                    self._known.run, self._known.id, clamp(event.seq), clamp(event.time),
                    clamp(event.step), encode(event.writers),
                ),
            )  # fmt: skip
            self._rewound = True
        elif isinstance(event, Media):
            self._extras.media(event, self._start)
        elif isinstance(event, Source):
            self._extras.source(event)
        elif isinstance(event, Unknown):
            self._unknown += 1
        self._settings.take(event)

    def _fact(self, column: str, event: Start | Finish) -> None:
        fields = msgspec.structs.asdict(event)
        for name in ("seq", "time", "exit_code"):
            if name in fields:
                fields[name] = clamp(fields[name])
        self._connection.execute(
            f"UPDATE journal SET {column} = ? WHERE id = ?",  # noqa: S608 - one of two names
            (encode(fields), self._known.id),
        )

    def _note(self, gaps: list[Gap]) -> None:
        self._connection.executemany(
            "INSERT INTO gap VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            list(self._gap_rows(gaps)),
        )

    def _gap_rows(self, gaps: list[Gap]) -> Iterator[tuple[object, ...]]:
        for gap in gaps:
            lost = [None if seq is None else clamp(seq) for seq in (gap.first_seq, gap.last_seq)]
            yield self._known.run, self._known.id, gap.file, gap.offset, gap.length, gap.kind, *lost
