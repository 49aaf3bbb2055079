"""An event in W&B's terms: rows, lines, config, summary and tags. Pure, and quick for points.

The state of a lane, all of it optional:

    started  time (ns) of its first event, from which `_runtime` counts
    row      ordinal of the next row of the history, which is its offset in the stream
    step     the highest `_step` so far
    open     writer id -> the last row of that writer: [ordinal, step, size, row, ms, times]
    last     metric key -> value that its last row has, for the summary
    set      summary key -> value that the user gave it; it wins over `last`
    system   ordinal of the next row of system metrics
    console  see `syncd.sinks.wandb.console`

W&B's client reads a history by ranges of `_step`, and asks for as many rows as a range has steps
(core/internal/runhistoryreader/livedata.go): of two rows with one `_step` it may see one. So every
row has a `_step` of its own, higher than the one before: the true step where that is free, else the
next number, and then the true step stands in the row as `_tracker_step`. So that this stays rare,
what a writer logs at one step in several calls becomes one row, as W&B's client itself does it,
for as long as no key comes twice. Keys of such a row that were logged at another millisecond than
its `_timestamp` have theirs in `_tracker_times`, a JSON text. `_timestamp` has microseconds.

Media stand in rows as W&B has them (see `tracker.integrations.wandb.typed`), by the names under
which their files are put, before or after. What is longer than a row may be is in no row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from syncd.media import path
from syncd.sinks import Entries, Item, Note, Point, State
from syncd.sinks.wandb import console
from syncd.sinks.wandb.names import SUMMARY, map_path, map_tag
from syncd.sinks.wandb.values import number, read_number, spoken, text, told
from tracker.events import (
    OF_ARTIFACT,
    Config,
    Console,
    Json,
    Log,
    Media,
    Start,
    Summary,
    System,
    Tags,
)
from tracker.integrations.wandb.clock import RUNTIME, STEP, TIME, TIMES, TRUE_STEP, when
from tracker.integrations.wandb.naming import MAX_TAG, key_name, tag_name
from tracker.integrations.wandb.private import is_private
from tracker.integrations.wandb.typed import value as typed

MOVED = Note(
    "moved", STEP, f"steps that go back or come again stand at the next one, with {TRUE_STEP}"
)

_MAX_MERGED = 65_536
"""Bytes, about, of a row that a later call still joins: the state has to hold it."""

_MAX_SUMMED = 4_096
"""Bytes, about, of media that the summary shows as well: the state has to hold those."""

_MAX_STEP = 2**53 - 1
"""Beyond it JSON's numbers are not exact everywhere."""

_NO_ROW: list[Any] = [-1, 0, 0, {}, 0, {}]
_NS_PER_MS, _US_PER_MS = 1_000_000, 1_000
_VALUE_BYTES = 24

Row = dict[str, Json]


@dataclass
class Share:
    """What an event puts where: rows and lines by ordinal, and values by key.

    `numbers` counts the points that its rows were made of.
    """

    rows: dict[int, Row] = field(default_factory=dict)
    system: dict[int, Row] = field(default_factory=dict)
    lines: dict[int, str] = field(default_factory=dict)
    config: dict[str, Json] = field(default_factory=dict)
    numbers: int = 0

    def add(self, other: Share) -> None:
        """Take in what a later event puts there."""
        self.rows.update(other.rows)
        self.system.update(other.system)
        self.lines.update(other.lines)
        self.config.update(other.config)
        self.numbers += other.numbers


def translate(state: State, item: Item) -> tuple[Entries, Share, State]:
    """Say an event in W&B's terms; see `syncd.sinks.Sink.translate`. Pure."""
    event = item.event
    entries, share = Entries(), Share()
    if "started" not in state:
        state = {**state, "started": event.time}
    if type(event) is Log:
        state = owned(state)
        log(state, item.writer_id, event, share, entries.notes)
        entries.points = _points(event)
    elif isinstance(event, Config):
        _config(event, entries, share)
    elif isinstance(event, Summary):
        state = _summary(state, event, entries)
    elif isinstance(event, Tags):
        _tags(event.set, entries)
        entries.removed_tags += [map_tag(name) for name in event.removed]
    elif isinstance(event, Start):
        _tags(event.tags, entries)
    elif isinstance(event, Media) and event.form != OF_ARTIFACT:
        state = _media(state, item.writer_id, event, entries, share)
    elif isinstance(event, System):
        state = _system(state, event, share)
        entries.system = system_points(share.system[state["system"] - 1])
    elif isinstance(event, Console):
        held, share.lines = console.take(state.get("console") or {}, item.writer_id, event)
        state = {**state, "console": held}
        entries.lines = {at: console.said(line) for at, line in share.lines.items()}
    return entries, share, state


def points(row: Row) -> list[Point]:
    """Return the points that a row was made of."""
    step = row.get(TRUE_STEP, row.get(STEP))
    time_ms = round(float(row.get(TIME) or 0) * 1e6) // _US_PER_MS
    times: dict[str, int] = msgspec.json.decode(str(row.get(TIMES, "{}")))
    found = []
    for key, held in row.items():
        if key[:1] == "_" and key in (STEP, TIME, RUNTIME, TRUE_STEP, TIMES):
            continue
        value = read_number(held)
        if value is not None and isinstance(step, (int, float)):
            found.append(Point(key, int(step), times.get(key, time_ms), value))
    return found


def system_points(row: Row) -> list[Point]:
    """Return the measures of the machine that a row was made of; they have no step."""
    time_ms = round(float(row.get(TIME) or 0) * 1e6) // _US_PER_MS
    measures = ((key, read_number(held)) for key, held in row.items() if key[:7] == "system.")
    return [Point(key, 0, time_ms, value) for key, value in measures if value is not None]


def summary(state: State) -> Row:
    """Return the run's summary: last values, and those that were set."""
    return {**(state.get("last") or {}), **(state.get("set") or {})}


def owned(state: State) -> State:
    """Return a copy of a state for `log`, which then changes no other."""
    return {**state, **{name: dict(state.get(name) or {}) for name in ("open", "last")}}


def log(state: State, writer_id: str, event: Log, share: Share, notes: list[Note]) -> int:
    """As `translate` for what nearly all events are, into a share of many; not told as points.

    It changes `state`, which is `owned`, as a new one for each event would take several times as
    long. The number returned is the ordinal of its row, -1 for none.
    """
    if "started" not in state:
        state["started"] = event.time
    values, size = _values(event, share, notes)
    if not values:
        return -1
    return _row(state, writer_id, event, values, size, share=share, notes=notes)


def _media(state: State, writer_id: str, event: Media, entries: Entries, share: Share) -> State:
    """Have a row say of media what W&B's pages show, and name the files as they are put there."""
    name = key_name(event.key)
    if name != event.key:
        entries.notes.append(Note("mapped", event.key, name))
    places = {file.digest: map_path(path(event, n)) for n, file in enumerate(event.files)}
    values: Row = {name: spoken(typed(event, places))}
    size = len(msgspec.json.encode(values))
    if size > _MAX_MERGED:
        entries.notes.append(Note("cut", event.key, f"{size:,} bytes: no row shows these media"))
        return state
    state = owned(state)
    _row(state, writer_id, event, values, size, share=share, notes=entries.notes)
    if size > _MAX_SUMMED:
        state["last"].pop(name)
    return state


def _row(
    state: State, writer_id: str, event: Log | Media, values: Row, size: int, *,
    share: Share, notes: list[Note],
) -> int:  # fmt: skip
    """Put values, of so many bytes, into the writer's last row if they can join it, or the next.

    Changes the state, as `log` does, and returns the row's ordinal.
    """
    opened, last = state["open"], state["last"]
    ordinal: int
    ordinal, step, held_size, row, row_ms, times = opened.pop(writer_id, _NO_ROW)
    joins = ordinal >= 0 and step == event.step and held_size + size <= _MAX_MERGED
    ms = event.time // _NS_PER_MS
    if joins and row.keys().isdisjoint(values):
        row = {**row, **values}
        size += held_size
        if ms != row_ms:
            times = {**times, **dict.fromkeys(values, ms)}
            row[TIMES] = msgspec.json.encode(times).decode()
        last.update({key: row[key] for key in (STEP, TIME, RUNTIME)})
        last.update(values)
    else:
        ordinal, highest = state.get("row", 0), state.get("step", -1)
        at = event.step if highest < event.step <= _MAX_STEP else highest + 1
        row = {STEP: at, **when(event.time, state["started"]), **values}
        last.update(row)
        if at != event.step:
            row[TRUE_STEP] = event.step
            notes.append(MOVED)
        row_ms, times = ms, {}
        state["row"], state["step"] = ordinal + 1, at
    share.rows[ordinal] = row
    if size <= _MAX_MERGED:
        opened[writer_id] = [ordinal, event.step, size, row, row_ms, times]
    return ordinal


def _values(event: Log, share: Share, notes: list[Note]) -> tuple[Row, int]:
    """What an event logged, as it stands in a row, and about how many bytes that takes."""
    size, floats = _as_they_are(tuple(event.values))
    held: Any = event.values.values()
    if floats and list(map(type, held)) == floats:
        total = sum(held)
        if total - total == 0.0:  # so each is finite
            share.numbers += len(event.values)
            return event.values, size
    values: Row = {}
    size = _VALUE_BYTES * len(event.values)
    for key, value in event.values.items():
        name = key_name(key)
        if name != key:
            notes.append(Note("mapped", key, name))
        size += len(name)
        if type(value) is float and value - value == 0.0:  # as `number`, without the call
            values[name] = value
        elif isinstance(value, str):
            values[name] = held = text(value, key, notes)
            size += len(held)
            share.numbers -= 1
        else:
            values[name] = number(value)
    share.numbers += len(event.values)
    return values, size


@lru_cache(maxsize=1_024)
def _as_they_are(keys: tuple[str, ...]) -> tuple[int, list[type]]:
    """About how many bytes numbers of these keys take in a row, and the types of as many numbers.

    No types if any key has another name there.
    """
    if any(key_name(key) != key for key in keys):
        return 0, []
    return sum(map(len, keys)) + _VALUE_BYTES * len(keys), [float] * len(keys)


def _points(event: Log) -> list[Point]:
    ms = event.time // _NS_PER_MS
    return [
        Point(key_name(key), event.step, ms, float(value))
        for key, value in event.values.items()
        if not isinstance(value, str)
    ]


def _config(event: Config, entries: Entries, share: Share) -> None:
    for key, value in event.values.items():
        if is_private(key):
            share.config[key] = spoken(value)
            continue
        name = key_name(key)
        if name != key:
            entries.notes.append(Note("mapped", key, name))
        share.config[name] = held = spoken(value)
        entries.params[name] = told(held)


def _summary(state: State, event: Summary, entries: Entries) -> State:
    given: dict[str, Any] = {}
    for key, value in event.values.items():
        name = key_name(key)
        if name != key:
            entries.notes.append(Note("mapped", key, name))
        given[name] = held = spoken(value)
        entries.tags[SUMMARY + name] = told(held)
    return {**state, "set": {**(state.get("set") or {}), **given}}


def _tags(tags: dict[str, str], entries: Entries) -> None:
    for name, value in tags.items():
        mapped = map_tag(name)
        if mapped != name:
            entries.notes.append(Note("mapped", name, mapped))
        if len(f"{mapped}:{value}") > MAX_TAG and tag_name(mapped, value) != mapped:
            entries.notes.append(Note("cut", name, f"shown as {tag_name(mapped, value)}"))
        entries.tags[mapped] = value


def _system(state: State, event: System, share: Share) -> State:
    ordinal = state.get("system", 0)
    measures = {f"system.{key}": number(value) for key, value in event.values.items()}
    share.system[ordinal] = {"_wandb": True, **when(event.time, int(state["started"])), **measures}
    return {**state, "system": ordinal + 1}
