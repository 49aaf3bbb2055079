"""A TensorProto's values (tensorflow/core/framework/tensor.proto), and a histogram's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracker.events import Json
from tracker.integrations.tensorboard.wire import (
    Field,
    NoMessage,
    content,
    fields,
    real,
    signed,
    varint,
)

STRING = 7
_HALF, _BFLOAT16 = 19, 14
_TYPES = {
    1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 10: "?", 17: "<u2",
    19: "<f2", 22: "<u4", 23: "<u8",
}  # fmt: skip
"""numpy's names of the types of tensors, but for strings and bfloat16."""

_LISTS = {5: "<f4", 6: "<f8", 7: "", 10: "", 11: "", 13: "", 16: "", 17: ""}
"""Fields with values, and the type of those that are packed floats; others are varints."""


class Tensor:
    """A tensor: its type by number, sizes, and values: numbers in an array, or strings."""

    def __init__(self, data: bytes) -> None:
        self.kind = 0
        self.shape: list[int] = []
        self.strings: list[bytes] = []
        raw, listed = b"", list[Any]()
        for number, field in fields(data):
            if number == 1:
                self.kind = signed(field)
            elif number == 2:  # noqa: PLR2004 - tensor_shape
                self.shape = _shape(content(field))
            elif number == 4:  # noqa: PLR2004 - tensor_content
                raw = content(field)
            elif number == 8:  # noqa: PLR2004 - string_val
                self.strings.append(content(field))
            elif number in _LISTS:
                listed += _listed(number, field)
        self.numbers = self._numbers(raw, listed)

    @property
    def scalar(self) -> float | None:
        """The value of a tensor of one number."""
        return float(self.numbers[0]) if len(self.numbers) == 1 else None

    def _numbers(self, raw: bytes, listed: list[Any]) -> Any:
        if self.kind == _BFLOAT16:
            return np.array([], "<f4")
        if raw and self.kind in _TYPES:
            return _array(raw, _TYPES[self.kind])
        if self.kind == _HALF:
            return np.array(listed, np.uint16).view("<f2")
        return np.array(listed, _TYPES.get(self.kind, "<f8")) if listed else np.array([])


def _shape(data: bytes) -> list[int]:
    found = []
    for number, field in fields(data):
        if number == 2:  # noqa: PLR2004 - dim
            sizes = [signed(size) for n, size in fields(content(field)) if n == 1]
            found.append(sizes[0] if sizes else 0)
    return found


def _listed(number: int, field: Field) -> list[Any]:
    if isinstance(field, int):
        return [signed(field)]
    if not _LISTS[number]:
        return packed(field)
    return list(_array(field, _LISTS[number]).tolist())


def _array(data: bytes, kind: str) -> Any:
    """Numbers that stand one behind the other; a cut one at the end is none."""
    return np.frombuffer(data, kind, len(data) // np.dtype(kind).itemsize)


def packed(data: bytes) -> list[int]:
    """Varints that stand one behind the other."""
    found, at = [], 0
    while at < len(data):
        number, at = varint(data, at)
        found.append(signed(number))
    return found


def old_histogram(data: bytes) -> dict[str, Json]:
    """A HistogramProto as counts (`values`) between edges (`bins`)."""
    low = high = 0.0
    limits: list[float] = []
    counts: list[float] = []
    put: dict[int, Callable[[list[float]], None]] = {6: limits.extend, 7: counts.extend}
    for number, field in fields(data):
        if number == 1:
            low = real(field)
        elif number == 2:  # noqa: PLR2004 - max
            high = real(field)
        elif number in put:
            found = content(field)
            if len(found) % 8:
                raise NoMessage("a histogram's numbers are cut")
            put[number](np.frombuffer(found, "<f8").tolist())
    if len(limits) != len(counts):
        raise NoMessage("a histogram has other edges than counts")
    bins = [min(low, *limits[:1]), *limits[:-1], max(high, *limits[-2:-1])] if limits else []
    return {"values": counts, "bins": bins}


def new_histogram(tensor: Tensor) -> dict[str, Json]:
    """A tensor of rows (left, right, count), likewise."""
    if len(tensor.shape) != 2 or tensor.shape[1] != 3 or len(tensor.numbers) % 3:  # noqa: PLR2004 - the rows' form
        raise NoMessage("a histogram is no table of three columns")
    rows = tensor.numbers.reshape(-1, 3)
    edges = [*rows[:, 0].tolist(), *rows[-1:, 1].tolist()]
    return {"values": rows[:, 2].tolist(), "bins": edges}
