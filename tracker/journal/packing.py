"""The packed form of a segment: its records in fewer bytes, read at the same offsets.

The format is in the package's text.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from tracker.journal import record
from tracker.journal.record import (
    FORMAT,
    HEAD,
    HEADER,
    MAX_PAYLOAD,
    MAX_SEGMENT,
    PREAMBLE,
    SEAL,
    kind_of,
    scan,
)

PACKED = b"TRKPAK" + FORMAT.to_bytes(2, "little")
PACK = 3

PACK_BYTES = 64 * 1024
"""Bytes of raw records in a pack, and so what one damaged byte costs at most; a larger record
has a pack of its own."""

LEVEL = 4
"""Of zlib. As small as level 6 to one part in 100, at twice its speed: random values 2.26 times
smaller at 65 MB/s (level 1: 2.22 at 87, 6: 2.25 at 30, 9: 2.25 at 15), smooth curves 2.44 times
at 69 (2.39 at 97, 2.45 at 36, 2.45 at 15)."""

_MOST_BYTES = HEAD.size + MAX_PAYLOAD
"""Of raw records in one pack."""


class Stretch(NamedTuple):
    """Raw bytes of a segment from some offset on.

    Attributes:
        data: the bytes, as many as there are.
        size: bytes of the whole segment in its raw form.
        packed: whether they came from a packed one.
    """

    data: bytes
    size: int
    packed: bool


class Pack(msgspec.Struct, frozen=True, array_like=True, tag_field="kind", tag=PACK):
    """Raw records from `offset` on, `length` bytes of a segment of `size` bytes."""

    offset: int
    length: int
    size: int
    content: bytes

    def raw(self) -> bytes | None:
        """Inflate, to no more than `length` bytes and one; None if it is not just those."""
        inflate = zlib.decompressobj()
        try:
            raw = inflate.decompress(self.content, self.length + 1)
        except zlib.error:
            return None
        return raw if inflate.eof and len(raw) == self.length else None


_decode = msgspec.msgpack.Decoder(Pack).decode
_encode = msgspec.msgpack.Encoder().encode


def packed(raw: bytes, seed: int) -> bytes | None:
    """Packed form of a raw segment.

    None where the segment is not sound from its preamble to its seal, as damage is evidence
    and stays, and where there is nothing to pack or a pack would be too large for a record.
    """
    edges = _edges(raw, seed)
    if not edges:
        return None
    parts = [PACKED, raw[len(PREAMBLE) : edges[0]]]
    for start, end in _cuts(edges):
        content = zlib.compress(raw[start:end], LEVEL)
        payload = _encode(Pack(start, end - start, len(raw), content))
        if len(payload) > MAX_PAYLOAD:
            return None
        parts.append(record.pack(payload, seed))
    parts.append(raw[edges[-2] :])
    return b"".join(parts)


def _edges(raw: bytes, seed: int) -> list[int]:
    """Where the records of a sound and sealed segment end; empty for any other."""
    edges = list[int]()
    kind = -1
    if raw[: len(PREAMBLE)] != PREAMBLE or len(raw) > MAX_SEGMENT:
        return []
    for _, end, payload in scan(raw, len(PREAMBLE), seed):
        if payload is None or kind == SEAL:
            return []
        kind = kind_of(payload)
        if (kind == HEADER) != (not edges):
            return []
        edges.append(end)
    return edges if kind == SEAL and len(edges) > 2 else []  # noqa: PLR2004 - header, seal


def _cuts(edges: list[int]) -> Iterator[tuple[int, int]]:
    """Start and end of each pack: all between header and seal, cut where records end."""
    start = reached = edges[0]
    for end in edges[1:-1]:
        if end - start > PACK_BYTES and reached > start:
            yield start, reached
            start = reached
        reached = end
    yield start, reached


class Packed:
    """A packed segment's file, or its beginning, to be read at raw offsets.

    Attributes:
        found: whether any pack checks.
        size: bytes of the raw segment; a guess from what is left of the file if none does.
    """

    def __init__(self, data: bytes, seed: int) -> None:
        self.found = False
        self.size = 0
        self._end = len(PACKED)
        self._parts: list[tuple[int, int, bytes | Pack]] = []
        if data[: len(PACKED)] == PACKED:
            self._parts.append((0, len(PACKED), PREAMBLE))
        seal = b""
        for at, end, payload in scan(data, len(PACKED), seed):
            if payload is None:
                continue
            kind = kind_of(payload)
            if kind == PACK:
                self._take(payload)
            elif kind == HEADER and at == len(PACKED):
                self._add(at, data[at:end], end - at)
            elif kind == SEAL:
                seal = data[at:end]
        if not self.found:  # the bytes that stand where packs were: never nothing
            self.size = max(len(data), self._end + len(seal) + 1)
        if seal and self.size - len(seal) >= self._end:
            self._add(self.size - len(seal), seal, len(seal))

    def _take(self, payload: bytes) -> None:
        """A pack; one that says what cannot be is as good as damaged."""
        try:
            pack = _decode(payload)
        except msgspec.MsgspecError:
            return
        size = self.size if self.found else pack.size
        end = pack.offset + pack.length
        in_place = self._end <= pack.offset < end <= pack.size == size <= MAX_SEGMENT
        if in_place and pack.length <= _MOST_BYTES:
            self.found, self.size = True, size
            self._add(pack.offset, pack, pack.length)

    def _add(self, start: int, part: bytes | Pack, length: int) -> None:
        self._end = start + length
        self._parts.append((start, self._end, part))

    def raw(self, offset: int) -> bytes:
        """Raw bytes from an offset to the end; zeros where they are damaged.

        What stands before the offset is not inflated.
        """
        pieces, reached = list[bytes](), offset
        for start, end, part in self._parts:
            if end <= offset:
                continue
            content = part.raw() if isinstance(part, Pack) else part
            if content is not None:
                pieces.append(bytes(max(0, start - reached)))
                pieces.append(content[max(0, reached - start) :])
                reached = end
        pieces.append(bytes(max(0, self.size - reached)))
        return b"".join(pieces)


def expand(data: bytes, seed: int, offset: int) -> Stretch | None:
    """Raw bytes from a packed segment's file; None if it is none.

    For a file that does not begin as a raw segment does. Its first bytes may be damaged: it is
    packed all the same if any pack in it checks.
    """
    form = Packed(data, seed)
    if not form.found and data[: len(PACKED)] != PACKED:
        return None
    return Stretch(form.raw(offset), form.size, packed=True)
