"""Reading sync/syncd.log: one JSON object a line with `timestamp`, `level`, `event` and more.

Full, it becomes syncd.log.1 and is begun anew. It may be read while it is written: a line that is
not whole yet waits, and one that is no such object is given as it stands.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from typing import Any

import msgspec

from tracker.store import StoreFolder

LEVELS = ("debug", "info", "warn", "error", "fatal")
"""From the least on."""

_OTHER_WORDS = {"warning": "warn", "critical": "fatal"}


@dataclass(frozen=True)
class Line:
    """One line: what was said, and all of its fields; none where it is nobody's we know."""

    text: str
    fields: dict[str, Any]

    @property
    def level(self) -> str | None:
        """One of LEVELS; None if it does not say."""
        word = str(self.fields.get("level", "")).lower()
        word = _OTHER_WORDS.get(word, word)
        return word if word in LEVELS else None

    def at_least(self, level: str) -> bool:
        """Whether it is of this level or above; what does not say its level is of the least."""
        return LEVELS.index(self.level or LEVELS[0]) >= LEVELS.index(level)


class LogFile:
    """The log of a store's syncd; a context that holds it open to follow it.

    Raises:
        OSError: it is there and cannot be read.
    """

    def __init__(self, store: StoreFolder) -> None:
        self.path = store.sync / "syncd.log"
        self._file: BufferedReader | None = None
        self._rest = b""

    def __enter__(self) -> LogFile:  # noqa: PYI034 - Self is not in Python 3.10
        """Nothing is opened before it is read."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Let go of the file."""
        self._close()

    def before(self) -> Iterator[Line]:
        """The lines of the file that was full."""
        try:
            yield from map(
                _line, self.path.with_name(f"{self.path.name}.1").read_bytes().splitlines()
            )
        except FileNotFoundError:
            return

    def more(self) -> Iterator[Line]:
        """The lines since the last look; at first all there are."""
        if self._file is not None and self._was_replaced(self._file):
            yield from self._read()
            self._close()
        if self._file is None:
            try:
                self._file = self.path.open("rb")
            except FileNotFoundError:
                return
        yield from self._read()

    def _read(self) -> Iterator[Line]:
        assert self._file is not None  # noqa: S101 - callers opened it
        *whole, self._rest = (self._rest + self._file.read()).split(b"\n")
        yield from map(_line, whole)

    def _was_replaced(self, file: BufferedReader) -> bool:
        about = os.fstat(file.fileno())
        try:
            now = self.path.stat()
        except FileNotFoundError:
            return True
        cut = about.st_size < file.tell()
        return cut or (now.st_dev, now.st_ino) != (about.st_dev, about.st_ino)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._rest = None, b""


def _line(raw: bytes) -> Line:
    text = raw.decode("utf-8", "replace")
    try:
        return Line(text, msgspec.json.decode(raw, type=dict[str, Any]))
    except msgspec.MsgspecError:
        return Line(text, {})
