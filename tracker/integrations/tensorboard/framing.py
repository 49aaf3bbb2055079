"""Records of an event file: TFRecord framing, read on as the file grows, past damage.

A record is its length (8 bytes, little endian), the masked CRC-32C of these 8 bytes, its data, and
the masked CRC-32C of that (tensorflow/core/lib/io/record_writer.h).

Where the data do not check, the record is skipped. Where the length does not, reading goes on at
the next place where a whole record checks. A record that is longer than what is there is torn:
the rest may be still to come.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tracker.integrations.tensorboard.checksum import masked

_HEAD = struct.Struct("<QI")
_FOOT = struct.Struct("<I")
_READ_BYTES = 1 << 20
MOST_BYTES = 1 << 30
"""A longer record is taken for damage: protobuf messages end at 2 GiB, and no event comes near."""


class Record(NamedTuple):
    """A record that checks: where it ends, and its data."""

    end: int
    data: bytes


class Damage(NamedTuple):
    """Bytes that gave no record; `torn` where they are the file's last and more may come."""

    start: int
    end: int
    reason: str
    torn: bool


class _Window:
    """A file seen through a buffer; what is written meanwhile is not looked at."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        self._start = 0
        self._data = b""

    def at(self, offset: int, length: int) -> bytes:
        """Bytes from an offset on; fewer than `length` at the end."""
        if not self._start <= offset <= offset + length <= self._start + len(self._data):
            self._file.seek(offset)
            length_read = min(max(_READ_BYTES, length), self.size - offset)
            self._start, self._data = offset, self._file.read(max(length_read, 0))
        return self._data[offset - self._start : offset - self._start + length]


def read(path: Path, offset: int) -> Iterator[Record | Damage]:
    """What stands in a file from an offset on.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        window = _Window(file)
        while offset < window.size:
            found = _record(window, offset)
            if isinstance(found, Record):
                yield found
            else:
                if not found.torn and found.end == offset:
                    found = _next(window, offset)
                yield found
                if found.torn:
                    return
            offset = found.end


def _record(window: _Window, offset: int) -> Record | Damage:
    """The record at an offset; damage of no length where its length does not check."""
    head = window.at(offset, _HEAD.size)
    if len(head) < _HEAD.size:
        return Damage(offset, window.size, "a record is not complete", torn=True)
    length, check = _HEAD.unpack(head)
    if length > MOST_BYTES or masked(head[:8]) != check:
        return Damage(offset, offset, "", torn=False)
    end = offset + _HEAD.size + length + _FOOT.size
    if end > window.size:
        return Damage(offset, window.size, "a record is not complete", torn=True)
    body = window.at(offset + _HEAD.size, length + _FOOT.size)
    data = body[:length]
    if masked(data) != _FOOT.unpack(body[length:])[0]:
        return Damage(offset, end, "a record's checksum is wrong", torn=False)
    return Record(end, data)


def _next(window: _Window, start: int) -> Damage:
    """The damage from a length that does not check to the next record that does.

    Where there is none the whole rest is damaged for now: it is looked at again if more comes.
    """
    reason = "a record's length is wrong"
    for offset in range(start + 1, window.size - _HEAD.size):
        if isinstance(_record(window, offset), Record):
            return Damage(start, offset, reason, torn=False)
    return Damage(start, window.size, f"{reason}, and none follows that can be read", torn=True)
