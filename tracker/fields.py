"""`run.config`, `run.summary` and `run.tags`: mappings whose every change is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

import msgspec

from tracker.errors import BadInput
from tracker.events import Json
from tracker.values import NOTHING, brief, configured, flatten, mapping_of, text_of

_encode = msgspec.msgpack.encode

Tell = Callable[[list[str], int], None]
"""Is told problems to say, and how many values were left out for them."""


class Fields(MutableMapping[str, Json]):
    """Flat keys ("optim/lr") to JSON values; also read and set as attributes.

    A mapping that is set is flattened; reading a prefix gives the dict below it. Values are
    what `tracker.values.configured` makes of them; what it cannot keep as it was meant is told.
    """

    def __init__(
        self, record: Callable[[dict[str, Json]], None], start: dict[str, Json], tell: Tell
    ) -> None:
        object.__setattr__(self, "_record", record)
        object.__setattr__(self, "_tell", tell)
        object.__setattr__(self, "_values", dict(start))

    _record: Callable[[dict[str, Json]], None]
    _tell: Tell
    _values: dict[str, Json]

    def __getitem__(self, key: str) -> Json:
        key = text_of(key)
        if key in self._values:
            return self._values[key]
        below = {k[len(key) + 1 :]: v for k, v in self._items() if k.startswith(f"{key}/")}
        if not below:
            raise KeyError(key)
        return _nested(list(below.items()))

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        raise TypeError(f"{key!r} is recorded and stays; set it to None if it no longer holds")

    def __getattr__(self, key: str) -> Json:
        if key.startswith("_"):
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"no {key!r} has been set") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        key = text_of(key)
        return key in self._values or any(k.startswith(f"{key}/") for k, _ in self._items())

    def __repr__(self) -> str:
        return repr(self.as_dict())

    def _items(self) -> list[tuple[str, Json]]:
        return list(self._values.copy().items())  # whole: other threads may set keys meanwhile

    def update(self, values: Any = (), /, **more: Any) -> None:
        """Set several keys in one event; takes a mapping, pairs, a namespace or a dataclass.

        Raises:
            BadInput: `values` is none of these.
        """
        given = dict(values if isinstance(values, (tuple, list)) else mapping_of(values)) | more
        problems: list[str] = []
        flat, left_out = _flat(given, problems)
        changed = {
            k: v for k, v in flat.items()
            if k not in self._values or _encode(self._values[k]) != _encode(v)  # 1 is not True
        }  # fmt: skip
        if changed:
            self._values.update(changed)
            self._record(changed)
        if problems:
            self._tell(problems, left_out)

    def as_dict(self) -> dict[str, Json]:
        """All keys, nested as they were set."""
        return _nested(self._items())


def _flat(given: Mapping[Any, Any], problems: list[str]) -> tuple[dict[str, Json], int]:
    """The values of a mapping by flat key, and how many were left out."""
    flat: dict[str, Json] = {}
    left_out = 0
    try:
        for key, value, problem in flatten(given):
            about: list[str] = []
            if problem:
                problems.append(problem)
            if value is NOTHING or key in flat:
                left_out += 1
            if value is NOTHING:
                continue
            if key in flat:
                about.append("is given twice; the later value is recorded")
            term = configured(value, about)
            if term is NOTHING:
                left_out += 1
            else:
                flat[key] = term
            problems += [f"{key[:80]!r} {text}" for text in dict.fromkeys(about)]
    except Exception as error:  # noqa: BLE001 - a stranger's mapping may raise anything
        left_out += 1
        problems.append(f"a mapping cannot be read: {brief(error)}; what was read before is kept")
    return flat, left_out


def _nested(flat: list[tuple[str, Json]]) -> dict[str, Json]:
    nested: dict[str, Json] = {}
    for key, value in sorted(flat, key=lambda item: item[0].count("/")):
        *path, last = key.split("/")
        place = nested
        for part in path:
            below = place.setdefault(part, {})
            if not isinstance(below, dict):
                place, last = nested, key  # "a" is a value and "a/b" too: the long key stays
                break
            place = below
        place[last] = value
    return nested


Changes = Callable[[dict[str, str], list[str]], None]


class Tags(MutableMapping[str, str]):
    """Tags of a run: names to values, "" for a plain tag."""

    def __init__(self, record: Changes, start: dict[str, str], tell: Tell) -> None:
        self._record = record
        self._tell = tell
        self._values = dict(start)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._change({text_of(name): text_of(value)}, [])

    def __delitem__(self, name: str) -> None:
        if name not in self._values:
            raise KeyError(name)
        self._change({}, [name])

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def __iadd__(self, tags: TagsGiven) -> Tags:  # noqa: PYI034 - nobody derives from Tags
        new = {n: v for n, v in tags_of(tags).items() if v or n not in self._values}
        self._change({n: v for n, v in new.items() if v != self._values.get(n)}, [])
        return self

    def add(self, *names: str) -> None:
        """Add plain tags."""
        self._change({n: "" for n in map(text_of, names) if n not in self._values}, [])

    def replace(self, tags: TagsGiven) -> None:
        """Make these the only tags."""
        wanted = tags_of(tags)
        changed = {k: v for k, v in wanted.items() if self._values.get(k) != v}
        self._change(changed, [k for k in list(self._values) if k not in wanted])

    def _change(self, changed: dict[str, str], removed: list[str]) -> None:
        named = {name: value for name, value in changed.items() if name}
        if named or removed:
            self._values.update(named)
            for name in removed:
                self._values.pop(name, None)
            self._record(named, removed)
        if len(named) < len(changed):
            self._tell(["a tag without a name was left out; write it as name or name=value"], 1)


TagsGiven = Mapping[str, Any] | Iterable[str] | str | None


def tags_of(given: TagsGiven) -> dict[str, str]:
    """Tags from a mapping, from names, or from the text form "baseline,team=vision".

    Raises:
        BadInput: it is none of these.
    """
    if given is None:
        return {}
    if isinstance(given, str):
        pairs = (part.strip().partition("=") for part in given.split(",") if part.strip())
        return {text_of(name.strip()): text_of(value.strip()) for name, _, value in pairs}
    if isinstance(given, Mapping):
        return {text_of(name): text_of(value) for name, value in given.items()}
    if not isinstance(given, Iterable):
        raise BadInput(
            f"tags={brief(given)} cannot be used; give names, a dict or 'a,team=vision'."
        )
    return {text_of(name): "" for name in given}
