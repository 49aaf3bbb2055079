"""Records: what an entry of a `.wandb` file says, by wandb's own protobuf classes.

They come with wandb, the extra `wandb`, and are imported only here and only when asked for.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

from tracker.errors import TrackerError
from tracker.events import Json
from tracker.integrations.wandb.private import PRIVATE, drawn
from tracker.values import NOTHING, configured, flatten, text_of

Record = Any
"""A `Record` of wandb_internal.proto."""

Path = tuple[str, ...]

PRODUCER = "tracker"
"""What the header of a file says that was given out here."""

HIDDEN = frozenset({"_step", "_timestamp", "_runtime", "_wandb"})
"""Keys that wandb adds: the step and the time of a row are those of its event."""


def protocol() -> Any:
    """W&B's own messages, the module ``wandb_internal_pb2`` of the installed wandb.

    Raises:
        TrackerError: wandb is not installed, or this one has no such messages; says how to get it.
    """
    try:
        return importlib.import_module("wandb.proto.wandb_internal_pb2")
    except ImportError as error:
        raise TrackerError(
            f".wandb files need wandb, which cannot be imported ({error}): "
            "pip install 'tracker-syncd[wandb]'"
        ) from error


class Parser:
    """Makes records of entries.

    Raises:
        TrackerError: as `protocol`.
    """

    def __init__(self) -> None:
        self.new = protocol().Record
        self._errors = importlib.import_module("google.protobuf.message").DecodeError

    def parse(self, data: bytes) -> Record:
        """The record that an entry holds; None if it holds none."""
        try:
            return self.new.FromString(data)
        except (self._errors, UnicodeDecodeError):
            return None

    def run(self, run_id: str, time: Any) -> Record:
        """The record of a run of which the id and when it started are all that is known."""
        run = self.new().run
        run.run_id = run_id
        run.start_time.CopyFrom(time)
        return run


def kind_of(record: Record | None) -> str:
    """The kind of a record ("history", "exit"); "unknown" where this wandb knows none."""
    return (record is not None and record.WhichOneof("record_type")) or "unknown"


def number_of(data: bytes) -> int:
    """The number that the client gave an entry's record; 0 if it gave none.

    It is the record's first field, so the rest need not be parsed.
    """
    number = shift = 0
    if data[:1] != b"\x08":
        return 0
    for byte in data[1:11]:
        number |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - protobuf's mark that a number goes on
            break
        shift += 7
    return number if number < 1 << 62 else 0


def numbered(number: int) -> bytes:
    """How an entry begins whose record has a number: that of `number_of`."""
    head = bytearray(b"\x08")
    while number >= 0x80:  # noqa: PLR2004 - as above
        head.append(number & 0x7F | 0x80)
        number >>= 7
    head.append(number)
    return bytes(head)


def items(updates: Any) -> list[tuple[Path, Any]]:
    """The items of a history, a summary, a config or of measures: their paths and values."""
    return [(path_of(item), value_of(item)) for item in updates]


def path_of(item: Any) -> Path:
    """Where a value belongs: the keys from the outermost dict inwards."""
    return tuple(map(text_of, getattr(item, "nested_key", ()))) or (text_of(item.key),)


def value_of(item: Any) -> Any:
    """The value of an item, as JSON has it; what is no JSON stays its text."""
    if item.value_json:
        try:
            return json.loads(item.value_json)
        except (ValueError, RecursionError):
            return text_of(item.value_json)
    for name in ("boolean", "integer", "number", "text"):  # newer than the JSON text
        if item.DESCRIPTOR.fields_by_name.get(name) is not None and item.HasField(name):
            return getattr(item, name)
    return None


def nested(found: list[tuple[Path, Any]]) -> dict[str, Any]:
    """One nested dict of values by path. A value in the way of a longer path gives way to it."""
    tree: dict[str, Any] = {}
    for path, value in found:
        place = tree
        for part in path[:-1]:
            below = place.get(part)
            if not isinstance(below, dict):
                below = place[part] = {}
            place = below
        place[path[-1]] = value
    return tree


def terms(tree: dict[str, Any]) -> dict[str, Json]:
    """A nested dict from JSON as what an event can hold; empty if it is beyond all bounds."""
    found = configured([tree], [])
    return {} if found is NOTHING else found[0]


def flat(found: list[tuple[Path, Any]]) -> dict[str, Json]:
    """Values under flat keys ("optim/lr"), as config and summary have them; no keys of wandb's."""
    tree = {name: value for name, value in nested(found).items() if name not in HIDDEN}
    values = {}
    for key, value, _ in flatten(tree):
        term = configured(value, [])
        if value is not NOTHING and term is not NOTHING:
            values[key] = term
    return values


def settings(found: list[tuple[Path, Any]]) -> dict[str, Json]:
    """Config values under flat keys; of those under W&B's own key what a script said."""
    shown = drawn(nested(found).get(PRIVATE))
    return flat(found) | flat([((key,), told) for key, told in shown.items()])


def nanoseconds(timestamp: Any) -> int:
    """A protobuf timestamp as nanoseconds since 1970; 0 if it is not set."""
    return int(timestamp.seconds) * 1_000_000_000 + int(timestamp.nanos)
