"""Requests of a run's file stream: which lines stand together in one, and how that is written.

A request names each stream once, with the offset of its first line there
(core/internal/filestream/filestreamrequest.go, `FileStreamRequestJSON`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

MAX_LINE = 4 * 2**20
"""Bytes of a row. The service takes requests of up to 10 MiB, and escapes make a row longer."""

MOST_BYTES = 8 * 2**20
"""Of the lines of a request, as they are written."""

_encode = msgspec.json.encode


class Piece(msgspec.Struct):
    """Lines of one stream, each written as a JSON text, that follow each other from `offset`."""

    stream: str
    offset: int
    lines: list[bytes]
    size: int = 0

    def halves(self) -> tuple[Piece, Piece]:
        """Return two pieces for this one."""
        middle = len(self.lines) // 2
        parts = self.lines[:middle], self.lines[middle:]
        first, second = ((part, sum(map(len, part))) for part in parts)
        return (
            Piece(self.stream, self.offset, *first),
            Piece(self.stream, self.offset + middle, *second),
        )


def runs(stream: str, lines: Mapping[int, str]) -> Iterator[Piece]:
    """Yield lines, given by ordinal, as pieces of up to `MOST_BYTES`."""
    held: list[bytes] = []
    offset = size = 0
    for ordinal in sorted(lines):
        line = _encode(lines[ordinal])
        if held and (ordinal != offset + len(held) or size + len(line) > MOST_BYTES):
            yield Piece(stream, offset, held, size)
            held, size = [], 0
        if not held:
            offset = ordinal
        held.append(line)
        size += len(line)
    if held:
        yield Piece(stream, offset, held, size)


def requests(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield pieces in their order, as many as go together in one request."""
    together: list[Piece] = []
    for piece in pieces:
        full = sum(each.size for each in together) + piece.size > MOST_BYTES
        if together and (full or piece.stream in {each.stream for each in together}):
            yield together
            together = []
        together.append(piece)
    if together:
        yield together


def body(pieces: Iterable[Piece]) -> bytes:
    """Write a request."""
    files = {
        piece.stream: {"offset": piece.offset, "content": [msgspec.Raw(x) for x in piece.lines]}
        for piece in pieces
    }
    return _encode({"files": files})
