"""Rows: what one `wandb.log` call left, as values to log and media to keep."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, NamedTuple

import msgspec

from tracker.events import Value
from tracker.integrations.wandb.clock import TIMES, TRUE_STEP
from tracker.integrations.wandb.naming import key_of
from tracker.integrations.wandb.records import HIDDEN, Record, items, nested
from tracker.values import MAX_DEPTH, logged, text_of

# An item as the client writes it, up to its JSON: a field with a nested key of one part. The group
# is the key with the byte that is its length. All lengths are one byte; others do not match.
_ITEM = re.compile(rb"\x0a.\x12(.[^\x82]+)\x82\x01.", re.DOTALL)
_HISTORY = re.compile(rb"\x08[\x80-\xff]*[\x00-\x7f]\x12[\x80-\xff]*[\x00-\x7f]")
_STEP = re.compile(rb"\x12(?:\x00|.\x08[\x80-\xff]*[\x00-\x7f])", re.DOTALL)
_STEP_MARK = b"\x12"
_BETWEEN = b"\x82\x82"
"""Between entries that are read together: no item reaches over it, as its key has no such byte."""
_NEXT = re.compile(
    rb"\x12(?:\x00|.\x08[\x80-\xff]*[\x00-\x7f])\x82\x82"
    rb"\x08[\x80-\xff]*[\x00-\x7f]\x12[\x80-\xff]*[\x00-\x7f],",
    re.DOTALL,
)
"""A step and, behind that, what stands before the first item of the next entry."""
_SUMMARY = re.compile(
    rb"\x08[\x80-\xff]*[\x00-\x7f]\x1a[\x80-\xff]*[\x00-\x7f]\x0a[\x80-\xff]*[\x00-\x7f]\x12"
)
_INFO = b"\xc2\x0c"
"""The field `_info`, which the records have that come from the script."""
_MOST_NAMES = 100_000
_NS, _NS_PER_MS = 1_000_000_000, 1_000_000
_FAR = 1 << 33
"""Seconds since 1970 that no clock shows; a row of such a time has none."""


_Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


Plain = tuple[int, int, dict[str, Value]]
"""A row of numbers alone: its step, its time as `Row` has it, and its values."""


class Row(NamedTuple):
    """A row: its step and time (ns since 1970; 0 where it has none), and what it holds.

    `values` are one dict for each `log` event that the row takes (more than one only where a key
    is there twice), `media` wandb's dicts with a `_type` by their keys, `empty` counts nulls.
    `times` has keys that were logged at another time than the row, in a file that we gave out.
    """

    step: int
    time: int
    values: list[dict[str, Value]]
    media: list[tuple[str, dict[str, Any]]]
    empty: int
    times: dict[str, int]


def _nanoseconds(seconds: float) -> int:
    """Seconds in ns, to the digits that a float of this size has."""
    whole = int(seconds)
    return whole * _NS + round((seconds - whole) * _NS)


def is_computed(data: bytes) -> bool:
    """Whether an entry is a summary that the client computed from the history.

    Those of the script have `_info`, and keys that are not nested.
    """
    return _SUMMARY.match(data) is not None and _INFO not in data


def without_computed(entries: list[bytes]) -> list[bytes]:
    """The entries that are not as `is_computed` says, in order."""
    match, info = _SUMMARY.match, _INFO
    return [data for data in entries if match(data) is None or info in data]


class Rows:
    """Reads rows; those of plain numbers without a detour over protobuf objects."""

    def __init__(self) -> None:
        self._names: dict[bytes, str] = {}
        self._numbers = msgspec.json.Decoder(list[_Whole | float]).decode
        self._fields: dict[bytes, bytes] = {}
        self._objects = msgspec.json.Decoder(list[dict[str, _Whole | float]]).decode

    def plain(self, data: bytes) -> Row | None:
        """The row of an entry that holds nothing but numbers under flat keys; None for others.

        Equal to what `row_of` gives for its record, at a tenth of the time.
        """
        head = _HISTORY.match(data)
        if head is None:
            return None
        parts = _ITEM.split(data)
        keys, texts = parts[1::2], parts[2::2]
        last, *step = parts[-1].partition(_STEP_MARK)
        whole = keys and len(parts[0]) == head.end()
        if not whole or _STEP.fullmatch(b"".join(step)) is None:
            return None
        texts[-1] = last
        try:
            # Fails where anything but a number stands between two keys.
            decoded = self._numbers(b"[%b]" % b",".join(texts))
            names = [self._names[key] for key in keys]
        except KeyError:
            return self.plain(data) if self._learn(keys) else None
        except msgspec.MsgspecError:
            return None
        values: dict[str, Any] = dict(zip(names, decoded))  # noqa: B905 - see the next line
        odd = not len(values) == len(keys) == len(decoded)  # a key is there twice, or "1,2"
        placed = None if odd else _placed([values])
        if placed is None:
            return None
        ((step, moment, _),) = placed
        return Row(step, moment, [values] if values else [], [], 0, {})

    def many(self, entries: list[bytes]) -> list[Plain] | None:
        """The rows of entries as `plain` has them; None where not all of them are plain.

        All are made one JSON text, which takes a third of the time of each for itself. No value
        gets under another key or into another row, whatever stands in it: the text has as many
        objects as there are entries, keys as there are items, and quotes as those keys have.
        """
        joined = _BETWEEN.join(entries)
        head = _HISTORY.match(joined)
        parts = _ITEM.split(joined)
        keys = parts[1::2]
        if head is None or not keys or len(parts[0]) != head.end():
            return None
        parts[-1], *step = parts[-1].partition(_STEP_MARK)
        if _STEP.fullmatch(b"".join(step)) is None:
            return None
        try:
            parts[1::2] = map(self._fields.__getitem__, keys)
        except KeyError:
            return self.many(entries) if self._learn(keys) else None
        text = _NEXT.sub(b"},{", b"".join(parts[1:])[1:])
        if text.count(b'"') != 2 * len(keys):
            return None
        try:
            rows = self._objects(b"[{%b}]" % text)
        except msgspec.MsgspecError:
            return None
        whole = len(rows) == len(entries) and sum(map(len, rows)) == len(keys)
        return _placed(rows) if whole else None

    def _learn(self, keys: list[bytes]) -> bool:
        """Note the names of keys; False where one is no single name, as its length tells.

        Nor is one plain that says something else of its row, or whose quotes could be of JSON.
        """
        if len(self._names) > _MOST_NAMES:
            self._names.clear()
            self._fields.clear()
        try:
            found = {key: key[1:].decode() for key in keys if key[0] == len(key) - 1}
        except UnicodeDecodeError:
            return False
        if len(found) != len(set(keys)) or any(n == "_wandb" or '"' in n for n in found.values()):
            return False
        self._names |= found
        self._fields |= {key: b",%b:" % msgspec.json.encode(n) for key, n in found.items()}
        return True


def _placed(rows: list[dict[str, Any]]) -> list[Plain] | None:
    """Rows by their steps and times; None if one is not as a plain row is."""
    steps = [row.pop("_step", None) for row in rows]
    moments = [row.pop("_timestamp", 0) for row in rows]
    if {*map(type, steps)} != {int} or min(moments) < 0 or max(moments) >= _FAR:
        return None
    for row in rows:
        row.pop("_runtime", None)
    return list(zip(steps, map(_nanoseconds, moments), rows))  # noqa: B905 - of one length


def row_of(record: Record, *, ours: bool = False) -> Row:
    """The row that a record with a history holds; of a file of ours as it was logged."""
    history = record.history
    tree = nested(items(history.item))
    step, moment = tree.get("_step"), tree.get("_timestamp")
    if type(step) is not int:
        step = history.step.num
    seconds = moment if isinstance(moment, (int, float)) and 0 <= moment < _FAR else 0
    held = {k: v for k, v in tree.items() if k not in HIDDEN}
    times: dict[str, int] = {}
    if ours:
        true, times = held.pop(TRUE_STEP, step), _times(held.pop(TIMES, ""))
        step = true if type(true) is int else step
        held = {key_of(name): value for name, value in held.items()}
    found = Row(step, _nanoseconds(seconds), [{}], [], 0, times)
    empty = _spread(held, "", 0, found)
    return found._replace(values=[part for part in found.values if part], empty=empty)


def _times(text: Any) -> dict[str, int]:
    """Keys and ns out of a row's JSON text of milliseconds."""
    try:
        told = msgspec.json.decode(str(text or "{}"), type=dict[str, int])
    except msgspec.MsgspecError:
        return {}
    return {key_of(name): ms * _NS_PER_MS for name, ms in told.items() if 0 <= ms < _FAR * 1000}


def _spread(tree: dict[str, Any], prefix: str, depth: int, found: Row) -> int:
    """Sort out a nested dict, keys joined with "/" as everywhere here; returns its nulls."""
    empty = 0
    for name, value in tree.items():
        key = prefix + text_of(name)
        if isinstance(value, dict) and isinstance(value.get("_type"), str):
            found.media.append((key, value))
        elif isinstance(value, dict) and value and depth < MAX_DEPTH:
            empty += _spread(value, f"{key}/", depth + 1, found)
        elif value is None:
            empty += 1
        else:
            if key in found.values[-1]:
                found.values.append({})
            found.values[-1][key] = _logged(value)
    return empty


def _logged(value: Any) -> Value:
    """A value as a number or text: lists and what else JSON has become their JSON text."""
    if isinstance(value, (list, dict)):
        return text_of(json.dumps(value, ensure_ascii=False))
    plain = logged(value)
    return text_of(str(value)) if plain is None else plain
