"""Encoding of number columns: the narrowest form that gives back every bit.

A blob is one byte for the form, then the content, little-endian:

    C  constant    the one value, 8 bytes
    F  float64     8 bytes a value
    f  float32     4 bytes a value, where every value is one (losses of most frameworks are)
    S  stride      first value and difference, 8 bytes each (steps, sequence numbers)
    D  deltas      first value and least difference, 8 bytes each; byte width W of what the
                   differences exceed it by; then W byte planes, the lowest first and as it
                   is, the others as one zlib stream (wall times: the upper planes are
                   nearly empty)
    I  integers    a float column that holds whole numbers only: S, D or C of these follows

Differences wrap at 64 bits, so that any int64 column has one.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_WORD = 8
_HEAD = 1 + 2 * _WORD
_EXACT = 2.0**53
_PROBE = 16
"""Values looked at before a whole column is tried in a form."""


def encode_ints(column: Ints) -> bytes:
    """Encode a column of at least one int64."""
    first = column[:1].tobytes()
    if len(column) == 1:
        return b"C" + first
    deltas = np.diff(column.view(np.uint64)).view(np.int64)
    least = deltas.min()
    if least == deltas.max():
        return (b"C" if least == 0 else b"S") + first + (least.tobytes() if least else b"")
    above = deltas.view(np.uint64) - least.view(np.uint64)
    width = (int(above.max()).bit_length() + 7) // 8
    planes = above.astype("<u8").view(np.uint8).reshape(-1, _WORD)[:, :width].T
    upper = zlib.compress(planes[1:].tobytes(), 1) if width > 1 else b""
    return b"".join((b"D", first, least.tobytes(), bytes([width]), planes[0].tobytes(), upper))


def decode_ints(blob: bytes, out: Ints) -> None:
    """Decode into `out`, whose length is the column's.

    Raises:
        ValueError: the blob is no column of this length.
    """
    form = blob[:1]
    if form == b"C":
        out[:] = np.frombuffer(blob, "<i8", 1, 1)[0]
    elif form == b"S":
        first, stride = np.frombuffer(blob, "<u8", 2, 1)
        steps = np.arange(len(out), dtype=np.uint64)
        np.add(np.multiply(steps, stride, out=steps), first, out=out.view(np.uint64))
    elif form == b"D":
        _decode_deltas(blob, out.view(np.uint64))
    else:
        raise ValueError(f"no form of integers is called {form!r}")


def _decode_deltas(blob: bytes, out: NDArray[np.uint64]) -> None:
    first, least = np.frombuffer(blob, "<u8", 2, 1)
    width, low, count = blob[_HEAD], _HEAD + 1, len(out) - 1
    words = np.zeros((count, _WORD), np.uint8)
    words[:, 0] = np.frombuffer(blob, np.uint8, count, low)
    if width > 1:
        try:
            upper = zlib.decompress(memoryview(blob)[low + count :])
        except zlib.error as error:
            raise ValueError(f"a column's planes do not decompress: {error}") from error
        words[:, 1:width] = np.frombuffer(upper, np.uint8).reshape(width - 1, count).T
    out[0] = first
    above = words.view("<u8").reshape(-1)
    np.cumsum(np.add(above, least, out=above), out=out[1:])
    out[1:] += first


def encode_floats(column: Floats) -> bytes:
    """Encode a column of at least one float64; NaN payloads and signed zeros are kept."""
    bits = column.view(np.int64)
    if bits[0] == bits[-1] and (bits == bits[0]).all():
        return b"C" + column[:1].tobytes()
    if _are_whole(column[:_PROBE]) and _are_whole(column):
        return b"I" + encode_ints(column.astype(np.int64))
    if (narrow := _as_float32(column[:_PROBE])) is not None:
        narrow = _as_float32(column)
    return b"F" + column.tobytes() if narrow is None else b"f" + narrow.tobytes()


def _are_whole(column: Floats) -> bool:
    """Whether int64 holds every value, and no negative zero that it would lose."""
    with np.errstate(invalid="ignore"):
        return bool(
            (np.abs(column) < _EXACT).all()
            and (column == np.trunc(column)).all()
            and not (np.signbit(column) & (column == 0)).any()
        )


def _as_float32(column: Floats) -> NDArray[np.float32] | None:
    """The column as float32 if not one bit is lost by it."""
    with np.errstate(all="ignore"):
        narrow = column.astype("<f4")
        wide = narrow.astype(np.float64)
    return narrow if np.array_equal(wide.view(np.int64), column.view(np.int64)) else None


def decode_floats(blob: bytes, out: Floats) -> None:
    """Decode into `out`, whose length is the column's.

    Raises:
        ValueError: the blob is no column of this length.
    """
    form = blob[:1]
    if form == b"C":
        out.view(np.int64)[:] = np.frombuffer(blob, "<i8", 1, 1)[0]
    elif form == b"F":
        out[:] = np.frombuffer(blob, "<f8", -1, 1)
    elif form == b"f":
        with np.errstate(all="ignore"):  # a NaN that signals is a value like any other here
            out[:] = np.frombuffer(blob, "<f4", -1, 1)
    elif form == b"I":
        whole: Any = np.empty(len(out), np.int64)
        decode_ints(blob[1:], whole)
        out[:] = whole
    else:
        raise ValueError(f"no form of numbers is called {form!r}")
