"""The framing of `.wandb` files: entries found in them, and entries put into them.

A file begins with 7 bytes: ``:W&B``, 0xBEE1 (little-endian) and the version 0. They belong to the
first of the blocks of 32 KiB that the whole file consists of. A block holds chunks:

    bytes 0..3   CRC-32 (the one of zlib) of the type and the data
    bytes 4..5   length of the data; these and the CRC are little-endian
    byte  6      type: 1 a whole entry, 2 its first part, 3 one in the middle, 4 the last
    from 7 on    data

A chunk ends within its block; what is too small for one at a block's end is zeros. This is the
log format of LevelDB, but for the checksum. An entry is a serialised ``Record`` of
``wandb_internal.proto``; to this module it is bytes.

Reading is as tolerant as the format allows: where a chunk does not check, it goes on at the next
place that holds one that does, within the block or in a later one, and says what lies between.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

HEADER = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
BLOCK_BYTES = 32 * 1024
MAX_ENTRY_BYTES = 1 << 30
"""Bytes of the largest entry that is put together; protobuf takes messages below 2 GiB."""

_RESYNC_BYTES = 256 * BLOCK_BYTES
"""What the search for a chunk that checks may read in one block, so that crafted bytes cannot
hold a reader for hours."""

_NO_END = "an entry has no end"
_HEAD = struct.Struct("<IHB")
_WHOLE, _FIRST, _MIDDLE, _LAST = range(1, 5)
_SEEDS = [zlib.crc32(bytes([kind])) for kind in range(5)]


class Entry(NamedTuple):
    """One entry: its bytes, where its first chunk begins and its last one ends in the file."""

    start: int
    end: int
    data: bytes


class Stretch(NamedTuple):
    """One entry, or several of one chunk each that follow each other without a gap.

    `start` is where the first begins in the file, `end` where the last ends.
    """

    start: int
    end: int
    data: list[bytes]

    def entries(self) -> Iterator[Entry]:
        """Each entry for itself."""
        start, (*before, last) = self.start, self.data
        for data in before:
            end = start + _HEAD.size + len(data)
            yield Entry(start, end, data)
            start = end
        yield Entry(start, self.end, last)


class Damage(NamedTuple):
    """Bytes from `start` to `end` of the file that gave no entry, and what is wrong with them.

    `torn` is true where the file ends within a chunk or an entry: a writer that lives may still
    write the rest, one that died never did.
    """

    start: int
    end: int
    reason: str
    torn: bool = False


def read(file: BinaryIO, offset: int = 0) -> Iterator[Entry | Damage]:
    """Yield what a file holds from `offset` on, entry by entry; as `stretches`."""
    for item in stretches(file, offset):
        if isinstance(item, Damage):
            yield item
        else:
            yield from item.entries()


def stretches(file: BinaryIO, offset: int = 0) -> Iterator[Stretch | Damage]:
    """Yield what a file holds from `offset` on, in the order of the file, a block at a time.

    Args:
        file: a `.wandb` file, open for reading; each block is read once.
        offset: 0, or the `end` of an entry or of a damage that is not torn: where to go on. A
            torn damage is read again from its `start`, once the file has grown.

    What lies between the items yielded is the header and the zeros at the ends of blocks.
    """
    return _merged(_entries(_chunks(file, offset)))


class _Part(NamedTuple):
    """A chunk with a part of an entry."""

    start: int
    end: int
    kind: int
    data: bytes


def _merged(items: Iterator[Stretch | Damage]) -> Iterator[Stretch | Damage]:
    """Make one of damages that touch, under the reason of the first; what is torn stays apart."""
    held: Damage | None = None
    for item in items:
        if type(item) is Damage:
            if held is not None and item.start <= held.end and not item.torn:
                held = held._replace(end=item.end)
                continue
            if held is not None:
                yield held
            held = item
            continue
        if held is not None:
            yield held
            held = None
        yield item
    if held is not None:
        yield held


def _entries(chunks: Iterator[Stretch | _Part | Damage]) -> Iterator[Stretch | Damage]:
    """Put entries together from their parts."""
    parts: list[bytes] = []
    begun = end = size = 0
    for found in chunks:
        if not isinstance(found, _Part):
            if parts:
                yield from _cut_short(begun, found)
                parts = []
            else:
                yield found
            continue
        start, end, kind, data = found
        if kind == _FIRST:
            if parts:
                yield Damage(begun, start, _NO_END)
            begun, size, parts = start, len(data), [data]
        elif not parts:
            yield Damage(start, end, "an entry has no beginning")
        else:
            parts.append(data)
            size += len(data)
            if kind == _LAST:
                yield Stretch(begun, end, [b"".join(parts)])
                parts = []
            elif size > MAX_ENTRY_BYTES:
                yield Damage(begun, end, f"an entry of more than {MAX_ENTRY_BYTES:,} bytes")
                parts = []
    if parts:
        yield Damage(begun, end, "the file ends within an entry", torn=True)


def _cut_short(begun: int, by: Stretch | Damage) -> list[Stretch | Damage]:
    """An entry from `begun` on whose next part is not there, and what is."""
    if isinstance(by, Damage):
        return [by._replace(start=begun)]
    return [Damage(begun, by.start, _NO_END), by]


def _chunks(file: BinaryIO, offset: int) -> Iterator[Stretch | _Part | Damage]:
    """Yield the chunks that check, and what lies between them."""
    base = offset - offset % BLOCK_BYTES
    file.seek(base)
    while block := file.read(BLOCK_BYTES):
        if base == offset == 0:
            offset = min(len(HEADER), len(block))
            if not block.startswith(HEADER):
                reason = "the header is not that of a .wandb file"
                yield Damage(0, offset, reason, HEADER.startswith(block))
        yield from _in_block(block, base, max(offset - base, 0))
        base += BLOCK_BYTES


def _in_block(block: bytes, base: int, at: int) -> list[Stretch | _Part | Damage]:
    """The chunks of one block of the file from `at` on; offsets are those of the file."""
    found: list[Stretch | _Part | Damage] = []
    size, head = len(block), _HEAD.size
    while at + head <= size:
        whole = _stretch(block, base, at)
        if whole is not None:
            found.append(whole)
            at = whole.end - base
            continue
        crc, length, kind = _HEAD.unpack_from(block, at)
        end = at + head + length
        if end <= size and _FIRST <= kind <= _LAST:
            data = block[at + head : end]
            if zlib.crc32(data, _SEEDS[kind]) == crc:
                found.append(_Part(base + at, base + end, kind, data))
                at = end
                continue
        good = _next_good(block, at + 1)
        torn = good == size < end <= BLOCK_BYTES and _WHOLE <= kind <= _LAST
        reason = "the file ends within a chunk" if torn else "a chunk does not check"
        found.append(Damage(base + at, base + good, reason, torn))
        at = good
    if at < size < BLOCK_BYTES:
        found.append(Damage(base + at, base + size, "the file ends within a chunk", torn=True))
    return found


def _stretch(block: bytes, base: int, begin: int) -> Stretch | None:
    """The whole entries from `begin` on, up to what is none; None if the first is none."""
    found: list[bytes] = []
    head, last, seed, at = _HEAD.size, len(block) - _HEAD.size, _SEEDS[_WHOLE], begin
    unpack, crc32, add = _HEAD.unpack_from, zlib.crc32, found.append
    while at <= last:
        crc, length, kind = unpack(block, at)
        start = at + head
        end = start + length
        data = block[start:end]
        if kind != _WHOLE or crc32(data, seed) != crc or len(data) != length:
            break
        add(data)
        at = end
    return Stretch(base + begin, base + at, found) if found else None


def _next_good(block: bytes, at: int) -> int:
    """Where the next chunk that checks begins in a block, or the block's end."""
    view, size, head, budget = memoryview(block), len(block), _HEAD.size, _RESYNC_BYTES
    while at + head <= size and budget > 0:
        crc, length, kind = _HEAD.unpack_from(block, at)
        end = at + head + length
        if _WHOLE <= kind <= _LAST and end <= size:
            if zlib.crc32(view[at + head : end], _SEEDS[kind]) == crc:
                return at
            budget -= length
        at += 1
    return size


class Writer:
    """Puts entries into a new `.wandb` file, header first, as wandb itself does.

    Args:
        file: open for writing, empty. What it raises comes through; syncing and closing it is
            the caller's.

    Attributes:
        offset: bytes written so far.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.write(HEADER)
        self.offset = len(HEADER)

    def write(self, data: bytes) -> None:
        """Add one entry, in as many chunks as it takes."""
        rest, kinds = memoryview(data), (_WHOLE, _FIRST)
        while rest or _FIRST in kinds:
            room = BLOCK_BYTES - self.offset % BLOCK_BYTES - _HEAD.size
            if room < 0:
                self._put(bytes(room + _HEAD.size))
                continue
            part, rest = rest[:room], rest[room:]
            kind = kinds[bool(rest)]
            self._put(_HEAD.pack(zlib.crc32(part, _SEEDS[kind]), len(part), kind) + part)
            kinds = (_LAST, _MIDDLE)

    def _put(self, content: bytes) -> None:
        self._file.write(content)
        self.offset += len(content)
