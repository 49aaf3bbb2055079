"""Framing: how records are packed, found and checked. The format is in the package's text."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

FORMAT = 1
PREAMBLE = b"TRKSEG" + FORMAT.to_bytes(2, "little")
MAGIC = b"\xc1\xf7"
HEAD = struct.Struct("<2sII")
HEADER, MARK, SEAL = 0, 1, 2
BEGINS, FULL, FAILED = 0, 1, 2
"""Why a segment began."""

MIN_PAYLOAD = 4
MAX_PAYLOAD = 4 * 1024 * 1024
"""Bytes of the largest payload. A larger value belongs into an artifact."""

MAX_SEGMENT = 64 * 1024 * 1024
"""Bytes of a segment that are read. A writer makes none of this size."""

_RESYNC_FACTOR = 32
"""Damage is searched for the next good record at a cost of at most this many times its
segment's size, so that crafted bytes cannot hold a reader for hours."""

_BACK = 65_536
"""How far a record's beginning is looked for from its end."""

NAME = re.compile(r"([0-9a-f]{16})-(\d{6,12})\.seg")


class Header(msgspec.Struct, frozen=True, array_like=True, tag_field="kind", tag=0):
    """First record of a segment."""

    format: int
    run_id: str
    writer_id: str
    segment: int
    first_seq: int
    time: int
    host: str
    pid: int
    locked: bool
    cause: int
    previous_end: int


class Mark(msgspec.Struct, frozen=True, array_like=True, tag_field="kind", tag=1):
    """Everything before `end` in `segment`, events up to `seq`, is synced."""

    seq: int
    segment: int
    end: int
    time: int


class Seal(msgspec.Struct, frozen=True, array_like=True, tag_field="kind", tag=2):
    """Nothing follows in this segment, nor, if `final`, in this journal."""

    seq: int
    final: bool
    time: int


class Position(NamedTuple):
    """Where reading goes on: the next byte to read, and the last seq before it."""

    segment: int = 1
    offset: int = 0
    seq: int = 0


decode_own = msgspec.msgpack.Decoder(Header | Mark | Seal).decode


def segment_name(writer_id: str, segment: int) -> str:
    """File name of a segment."""
    return f"{writer_id}-{segment:06d}.seg"


def seed(folder: str, writer_id: str, segment: int) -> int:
    """Start value of a segment's checksums."""
    return zlib.crc32(f"{folder}/{writer_id}/{segment}".encode())


def pack(payload: bytes, seed: int) -> bytes:
    """Frame a payload."""
    length = len(payload)
    return HEAD.pack(MAGIC, length, zlib.crc32(payload, seed ^ length)) + payload


def kind_of(payload: bytes) -> int:
    """Kind of a payload that checked; kinds are below 128."""
    return payload[1] if payload[0] & 0xF0 == 0x90 else payload[3]  # noqa: PLR2004 - fixarray


def scan(data: bytes, offset: int, seed: int) -> Iterator[tuple[int, int, bytes | None]]:
    """Yield (start, end, payload) per record from `offset` on; payload None for bad bytes."""
    size, budget = len(data), _RESYNC_FACTOR * len(data)
    unpack, crc32, head = HEAD.unpack_from, zlib.crc32, HEAD.size
    while offset < size:
        # As `_record_at`, without the call: this is all there is to do in a sound segment.
        start = offset + head
        if start <= size:
            magic, length, crc = unpack(data, offset)
            end = start + length
            if magic == MAGIC and MIN_PAYLOAD <= length <= MAX_PAYLOAD and end <= size:
                payload = data[start:end]
                if crc32(payload, seed ^ length) == crc:
                    yield offset, end, payload
                    offset = end
                    continue
        bad = offset
        offset, budget = _next_good(data, offset + 1, seed, budget)
        yield bad, offset, None


def scan_back(data: bytes, seed: int) -> Iterator[tuple[int, bytes]]:
    """Yield (start, payload) per record from the end on, as long as each ends where one begins.

    These are records of `scan` too, but for the chance of one to 2^32 that a checksum leaves. It
    ends early where bytes are bad or a record is large: then `scan` tells.
    """
    end = at = len(data)
    while end >= HEAD.size + MIN_PAYLOAD:
        last_place = end - HEAD.size - MIN_PAYLOAD
        at = data.rfind(MAGIC, max(0, end - _BACK), min(at, last_place + len(MAGIC)))
        if at < 0:
            return
        _, length, crc = HEAD.unpack_from(data, at)
        payload = data[at + HEAD.size : end]
        if length == len(payload) and zlib.crc32(payload, seed ^ length) == crc:
            yield at, payload
            end = at


def _next_good(data: bytes, offset: int, seed: int, budget: int) -> tuple[int, int]:
    """Where the next record that checks begins, or the end of the data; and what budget is left."""
    while budget > 0 and (offset := data.find(MAGIC, offset)) >= 0:
        end, good = _record_at(data, offset, seed)
        if good:
            return offset, budget
        budget -= end - offset
        offset += 1
    return len(data), budget


def _record_at(data: bytes, offset: int, seed: int) -> tuple[int, bool]:
    """The end of what was looked at to tell whether a record begins at `offset`, and whether."""
    start = offset + HEAD.size
    if start > len(data):
        return len(data), False
    magic, length, crc = HEAD.unpack_from(data, offset)
    end: int = start + length
    if magic != MAGIC or not MIN_PAYLOAD <= length <= MAX_PAYLOAD or end > len(data):
        return start, False
    return end, zlib.crc32(memoryview(data)[start:end], seed ^ length) == crc
