"""The wire format of protobuf, as far as events need it (protobuf.dev/programming-guides/encoding).

A message is read into its fields in order; what a number means is said by who asks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_double = struct.Struct("<d").unpack
_float = struct.Struct("<f").unpack

Field = int | bytes
"""A varint, or the bytes of all else: of a fixed number 8 or 4."""


class NoMessage(ValueError):
    """Bytes are no protobuf message."""


def fields(data: bytes) -> Iterator[tuple[int, Field]]:
    """Number and content of each field, in order.

    Raises:
        NoMessage: the bytes are none.
    """
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            number, at = varint(data, at)
            yield key >> 3, number
            continue
        if kind == _BYTES:
            length, at = varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise NoMessage(f"a field is of the kind {kind}")
        if at + length > end:
            raise NoMessage("a field is longer than its message")
        yield key >> 3, data[at : at + length]
        at += length


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A varint and where it ends."""
    number = shift = 0
    while True:
        if at >= len(data) or shift > 63:  # noqa: PLR2004 - 10 bytes at the most
            raise NoMessage("a number does not end")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the last byte's high bit is not set
            return number, at
        shift += 7


def signed(field: Field) -> int:
    """An int64; they are written as if they had no sign."""
    number = whole(field) & 0xFFFF_FFFF_FFFF_FFFF
    return number - (1 << 64) if number >> 63 else number


def whole(field: Field) -> int:
    """A number that has to be whole."""
    if not isinstance(field, int):
        raise NoMessage("a field is no whole number")
    return field


def content(field: Field) -> bytes:
    """A field that has to be bytes."""
    if isinstance(field, int):
        raise NoMessage("a field is a number")
    return field


def text(field: Field) -> str:
    """A text; bytes that are none stand as their escapes."""
    return content(field).decode("utf-8", "backslashreplace")


def real(field: Field) -> float:
    """A double or a float."""
    data = content(field)
    if len(data) not in (4, 8):
        raise NoMessage("a field is no floating point number")
    number: float = (_double if len(data) == 8 else _float)(data)[0]  # noqa: PLR2004 - bytes
    return number
