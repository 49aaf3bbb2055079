"""CRC-32C (Castagnoli), masked as TFRecord files have it (tensorflow/core/lib/hash/crc32c.h)."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78
_MASK = 0xA282EAD8
_WORD = 0xFFFFFFFF
_LARGE = 4096
"""From so many bytes on several stretches of them are reckoned at the same time."""

_WIDTH = 1024
"""Bytes of each such stretch."""

Numbers = NDArray[np.uint32]


@lru_cache(maxsize=1)
def _pairs() -> tuple[int, ...]:
    """For each two bytes, what they do to a sum: half as many rounds as with single ones."""
    sums = np.arange(1 << 16, dtype=np.uint32)
    for _ in range(16):
        sums = (sums >> np.uint32(1)) ^ np.where(sums & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    return tuple(sums.tolist())


@lru_cache(maxsize=1)
def _bytes() -> tuple[tuple[int, ...], Numbers]:
    sums = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        sums = (sums >> np.uint32(1)) ^ np.where(sums & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    return tuple(sums.tolist()), sums


def masked(data: bytes) -> int:
    """The masked checksum of some bytes."""
    found = _large(data) if len(data) >= _LARGE else _small(data, _WORD) ^ _WORD
    return (((found >> 15) | (found << 17)) + _MASK) & _WORD


def _small(data: bytes, total: int) -> int:
    even = len(data) & ~1
    if sys.byteorder == "little":
        pairs = _pairs()
        for pair in memoryview(data)[:even].cast("H"):
            total = pairs[(total ^ pair) & 0xFFFF] ^ (total >> 16)
        data = data[even:]
    single, _ = _bytes()
    for byte in data:
        total = single[(total ^ byte) & 0xFF] ^ (total >> 8)
    return total


def _large(data: bytes) -> int:
    """As `_small`, for long data: sums of stretches side by side, then put together."""
    whole = len(data) // _WIDTH
    grid = np.frombuffer(data, np.uint8, whole * _WIDTH).reshape(whole, _WIDTH)
    sums = _over(np.zeros(whole, np.uint32), grid)
    behind = _behind()
    total = _WORD
    for each in sums.tolist():
        total = behind(total) ^ each
    return _small(data[whole * _WIDTH :], total) ^ _WORD


def _over(sums: Numbers, grid: NDArray[np.uint8]) -> Numbers:
    _, table = _bytes()
    for column in np.ascontiguousarray(grid.T):
        sums = table[(sums ^ column) & np.uint32(0xFF)] ^ (sums >> np.uint32(8))
    return sums


@lru_cache(maxsize=1)
def _behind() -> Any:
    """What `_WIDTH` zero bytes behind them make of a sum, which is linear in its bits."""
    zeros = np.zeros((1024, _WIDTH), np.uint8)
    places = np.repeat(np.arange(0, 32, 8, dtype=np.uint32), 256)
    values = np.tile(np.arange(256, dtype=np.uint32), 4)
    a, b, c, d = _over(values << places, zeros).reshape(4, 256).tolist()
    return lambda n: a[n & 0xFF] ^ b[n >> 8 & 0xFF] ^ c[n >> 16 & 0xFF] ^ d[n >> 24]
