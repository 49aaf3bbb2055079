"""An event in MLflow's terms: metric points, params, tags. Pure, and quick for points.

The state of a lane:

    params   config key -> digest of the value that its param got, or "changed" once a later
             value went to the tag `config.<key>`; from then on that tag follows every value
    used     "MS STEP" -> metric key -> values there ("nan" for NaN): rows taken already, as
             far as a next event can still meet them
    tags     tag -> digests of the values that it had, the last one last ("" where removed)
    now      tag -> value (None where removed), of the tags that had another one before
    measured wall time (s since 1970) of the run's first measures of the machine
    floor    no row in `used` is earlier than this millisecond
    latest   nor later than this one

MLflow's rows are keyed by (key, timestamp, step, value, is_nan) in milliseconds, so two
equal points of one millisecond would become one row. A twin takes the next millisecond that
is free (linear probing: which rows there are in the end does not depend on the order). A loop
that logs without pause makes hundreds of events a millisecond: a state shares all that an
event leaves as it was with the state before.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from syncd.sinks import Entries, Item, Note, Point, State
from syncd.sinks.mlflow.names import cut, map_name
from tracker.events import Config, Json, Log, Start, Summary, System, Tags

MAX_PARAM = 6_000
MAX_TAG = 8_000
"""Characters of a value; the server cuts longer ones without a word."""

OWN_TAGS = ("tracker.", "config.", "summary.")
"""What tags that the sink makes begin with; users' tags are kept apart by an escape."""

SUMMARY = "summary/"
"""What summary metrics begin with; users' metric keys are kept apart by an escape."""

MEASURES = "system/"
"""What measures of the machine begin with, as those that MLflow's own client takes."""

MAX_VALUES = 8
"""Of a tag that are known again where a late request sets an earlier one."""

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_CHANGED = "changed"
_MOST = sys.float_info.max

_Cell = dict[str, list[float | str]]
_NOTHING: _Cell = {}


def translate(state: State, item: Item) -> tuple[Entries, State]:
    """See `syncd.sinks.Sink.translate`."""
    event = item.event
    if type(event) is Log:
        return _log(state, event)
    entries = Entries()
    if isinstance(event, Config):
        state = _config(state, event, entries)
    elif isinstance(event, Summary):
        state = _summary(state, event, entries)
    elif isinstance(event, Tags):
        _tags(event.set, entries)
        entries.removed_tags += [user_tag(name) for name in event.removed]
    elif isinstance(event, Start):
        _tags(event.tags, entries)
    elif isinstance(event, System):
        state = _system(state, event, entries)
    if entries.tags or entries.removed_tags:
        state = _told(state, {**entries.tags, **dict.fromkeys(entries.removed_tags)})
    return entries, state


def replaced(state: State) -> bool:
    """Tell whether some tag had another value before, which a late request could set again."""
    return bool(state.get("now"))


def set_back(state: State, tags: Mapping[str, str]) -> dict[str, str | None]:
    """Return what `tags` of a run should hold where they hold an earlier value of ours.

    A request that the server works off late, behind others, leaves them so. Values that are not
    ours, as a person sets them, stay.
    """
    had: dict[str, list[str]] = state.get("tags") or {}
    now: dict[str, str | None] = state.get("now") or {}
    held = {key: _digest(tags.get(key)) for key in now}
    return {key: now[key] for key in now if held[key] in had[key] and held[key] != had[key][-1]}


def metric_key(key: str) -> str:
    """Return the name of a user's metric at MLflow."""
    return map_name(key, (SUMMARY,))


def user_tag(name: str) -> str:
    """Return the name of a user's tag at MLflow. `mlflow.` tags pass: they are meant for it."""
    return map_name(name, OWN_TAGS)


def text(value: Json) -> str:
    """Return a value as a param or tag holds it: text as it is, all else as JSON."""
    return value if type(value) is str else msgspec.json.encode(_spoken(value)).decode()


def fit(value: str, limit: int, key: str, notes: list[Note]) -> str:
    """Return `value` as the server can hold it, with a note on what was done for that."""
    if "\0" in value:  # PostgreSQL behind a server takes no NUL and answers 500 for ever
        value = value.replace("\0", "\\x00")
        notes.append(Note("mapped", key, "each NUL became \\x00"))
    if len(value) <= limit:
        return value
    tail = f"... [cut: {len(value)} characters, SHA-256 {_digest(value)}]"
    notes.append(Note("cut", key, f"{len(value)} characters cut to {limit}"))
    return value[: limit - len(tail)] + tail


def _log(state: State, event: Log) -> tuple[Entries, State]:
    entries = Entries()
    step = event.step
    named = []
    for key, value in event.values.items():
        if type(value) is not str:
            name = map_name(key, (SUMMARY,))
            if name != key:
                entries.notes.append(Note("mapped", key, name))
            named.append((name, float(value)))
    if not named:
        return entries, state
    return entries, _place(state, event.time // _NS_PER_MS, step, named, entries)


def _system(state: State, event: System, entries: Entries) -> State:
    """Measures as metrics `system/NAME`; their step is whole seconds since the run's first ones."""
    at = event.time // _NS_PER_S
    state = {"measured": at, **state}
    named = list[tuple[str, float]]()
    for key, value in event.values.items():
        name = _under(MEASURES, map_name(key))
        if name != MEASURES + key:
            entries.notes.append(Note("mapped", MEASURES + key, name))
        named.append((name, float(value)))
    step = at - state["measured"]
    return _place(state, event.time // _NS_PER_MS, step, named, entries) if named else state


def _place(
    state: State, ms: int, step: int, named: list[tuple[str, float]], entries: Entries
) -> State:
    """Add points at `ms`, or where that is taken by a twin, at the next millisecond free."""
    used, floor, latest = _reachable(state, ms)
    cell: _Cell = used.get(f"{ms} {step}", _NOTHING)
    fresh: _Cell = {}
    add = entries.points.append
    for key, logged in named:
        value = logged
        if logged - logged != 0.0:  # neither NaN nor an infinity gives 0 here
            value = _not_finite(key, logged, entries)
        if key in cell and _identity(value) in cell[key]:
            at = _next_free(used, ms, step, key, value)
            entries.notes.append(Note("moved", key, f"a twin at {ms} ms was put at {at} ms"))
            used[f"{at} {step}"] = _with(used.get(f"{at} {step}", _NOTHING), key, value)
            latest = max(latest, at)
            add(Point(key, step, at, value))
        else:
            fresh[key] = [*cell.get(key, ()), _identity(value)]
            add(Point(key, step, ms, value))
    used[f"{ms} {step}"] = {**cell, **fresh} if cell else fresh
    return {**state, "used": used, "floor": floor, "latest": latest}


def _reachable(state: State, ms: int) -> tuple[dict[str, _Cell], int, int]:
    """Return a copy of the rows that an event at `ms` or later can meet, and their bounds."""
    latest: int | None = state.get("latest")
    if latest is None or ms > latest:
        return {}, ms, ms
    taken: dict[str, _Cell] = state["used"]
    floor: int = state["floor"]
    if ms <= floor:
        return taken.copy(), ms, latest
    return {at: cell for at, cell in taken.items() if int(at.split()[0]) >= ms}, ms, latest


def _next_free(used: dict[str, _Cell], ms: int, step: int, key: str, value: float) -> int:
    at = ms + 1
    while _identity(value) in used.get(f"{at} {step}", _NOTHING).get(key, ()):
        at += 1
    return at


def _with(cell: _Cell, key: str, value: float) -> _Cell:
    return {**cell, key: [*cell.get(key, ()), _identity(value)]}


def _identity(value: float) -> float | str:
    return value if value == value else "nan"  # noqa: PLR0124 - NaN is what differs from itself


def _not_finite(key: str, value: float, entries: Entries) -> float:
    if math.isnan(value):
        return value
    entries.notes.append(Note("infinite", key, f"{value} is kept as {math.copysign(_MOST, value)}"))
    entries.tags[_under("tracker.infinite.", key)] = "true"
    return math.copysign(_MOST, value)


def _config(state: State, event: Config, entries: Entries) -> State:
    known: dict[str, str] = dict(state.get("params") or {})
    for key, value in event.values.items():
        said = text(value)
        digest = _digest(said)
        first = known.get(key)
        if first is None:
            name = map_name(key)
            if name != key:
                entries.notes.append(Note("mapped", key, name))
            entries.params[name] = fit(said, MAX_PARAM, key, entries.notes)
            known[key] = digest
        elif first != digest:
            tag = config_tag(map_name(key))
            entries.tags[tag] = fit(said, MAX_TAG, key, entries.notes)
            entries.notes.append(Note("changed", key, f"params are write-once: see the tag {tag}"))
            known[key] = _CHANGED
    return {**state, "params": known}


def config_tag(param: str) -> str:
    """Return the tag that holds a value which the param, written once, cannot take."""
    return _under("config.", param)


def _under(prefix: str, name: str) -> str:
    return cut(prefix + name, prefix + name)


def _summary(state: State, event: Summary, entries: Entries) -> State:
    named = []
    for key, value in event.values.items():
        if type(value) in (int, float):
            named.append((_under(SUMMARY, map_name(key)), float(value)))
        else:
            said = fit(text(value), MAX_TAG, key, entries.notes)
            entries.tags[_under("summary.", map_name(key))] = said
    return _place(state, event.time // _NS_PER_MS, 0, named, entries) if named else state


def _tags(tags: dict[str, str], entries: Entries) -> None:
    for name, value in tags.items():
        mapped = user_tag(name)
        if mapped != name:
            entries.notes.append(Note("mapped", name, mapped))
        entries.tags[mapped] = fit(value, MAX_TAG, name, entries.notes)


def _told(state: State, tags: Mapping[str, str | None]) -> State:
    had: dict[str, list[str]] = dict(state.get("tags") or {})
    now: dict[str, str | None] = dict(state.get("now") or {})
    for key, value in tags.items():
        digest, before = _digest(value), had.get(key, [])
        if before[-1:] == [digest]:
            continue
        if before:
            now[key] = value
        had[key] = [*before, digest][-MAX_VALUES:]
    return {**state, "tags": had, "now": now}


def _digest(value: str | None) -> str:
    if value is None:
        return ""
    return hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[:16]


def _spoken(value: Any) -> Any:
    """JSON has no word for NaN and the infinities; Python's are used, in quotes."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, list):
        return [_spoken(each) for each in value]
    if isinstance(value, dict):
        return {key: _spoken(each) for key, each in value.items()}
    return value
