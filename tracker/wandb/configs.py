"""`wandb.config`: nested settings of a run, recorded as they change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tracker.errors import BadInput
from tracker.events import Json
from tracker.values import NOTHING, brief, configured, mapping_of, text_of
from tracker.wandb.said import notice

Record = Callable[[dict[str, Any]], None]


def friendly(value: Any) -> Json:
    """Turn a config value into terms of JSON: dicts stay nested, strangers become their text."""
    if isinstance(value, Mapping):
        return {text_of(key): friendly(inner) for key, inner in list(value.items())}
    if isinstance(value, slice):
        return {f"slice_{part}": getattr(value, part) for part in ("start", "step", "stop")}
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return friendly(mapping_of(value))
    term = configured(value, [])  # what is lost thereby is told when it is recorded
    return text_of(brief(value)) if term is NOTHING else term


def parsed(
    given: Any, *, exclude: list[str] | None = None, include: list[str] | None = None
) -> dict[str, Any]:
    """Give the settings of a dict, namespace, dataclass, absl flags or YAML file, by top key.

    Raises:
        BadInput: it is none of these, or the file cannot be read.
    """
    if given is None:
        return {}
    if isinstance(given, (str, Path)):
        found = from_file(Path(given))
    elif isinstance(given, Config):
        found = given.as_dict()
    elif callable(getattr(given, "flag_values_dict", None)):  # absl's FLAGS
        found = given.flag_values_dict()
    else:
        found = {text_of(key): value for key, value in mapping_of(given).items()}
    kept = include or found
    return {
        key: value for key, value in found.items() if key in kept and key not in (exclude or ())
    }


def from_file(path: Path) -> dict[str, Any]:
    """Read a config file as wandb and its agent write it: each key's value under "value".

    Raises:
        BadInput: it cannot be read, or PyYAML is not there to do it.
    """
    try:
        content = msgspec.yaml.decode(path.read_bytes())
        entries = dict(content)
    except (OSError, ImportError, msgspec.MsgspecError, TypeError, ValueError) as error:
        raise BadInput(
            f"the config file {path} cannot be used: {error}. Give a dict, or mend the file "
            "(YAML needs: pip install pyyaml)."
        ) from error
    entries.pop("wandb_version", None)
    return {
        text_of(key): entry["value"] if isinstance(entry, dict) and "value" in entry else entry
        for key, entry in entries.items()
    }


class Config:
    """Settings by top key, also as attributes; nested dicts stay dicts.

    A key that was set is changed by a later call as well, which is said once a key: the journal
    keeps both. Keys of a sweep are locked: what else sets them is said and passed over.
    """

    def __init__(self, record: Record, start: Mapping[str, Json]) -> None:
        object.__setattr__(self, "_record", record)
        object.__setattr__(self, "_items", dict(start))
        object.__setattr__(self, "_locked", set())

    _record: Record
    _items: dict[str, Json]
    _locked: set[str]

    def __repr__(self) -> str:
        return repr(self.as_dict())

    def __getitem__(self, key: str) -> Json:
        return self._items[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._set({key: value}, allowed=False)

    def __getattr__(self, key: str) -> Json:
        if key.startswith("_"):
            raise AttributeError(key)
        try:
            return self._items[key]
        except KeyError:
            raise AttributeError(f"wandb.config has no {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def keys(self) -> list[str]:
        """Top keys, without wandb's own, which begin with "_"."""
        return [key for key in list(self._items) if not key.startswith("_")]

    def items(self) -> list[tuple[str, Json]]:
        """Top keys with their values."""
        return [(key, self._items[key]) for key in self.keys()]

    def values(self) -> list[Json]:
        """Their values."""
        return [value for _, value in self.items()]

    def as_dict(self) -> dict[str, Json]:
        """All settings, nested as they were set."""
        return dict(self.items())

    def get(self, key: str, default: Any = None) -> Json:
        """Give a setting, or `default`."""
        return self._items.get(key, default)

    def update(self, given: Any, allow_val_change: bool | None = None) -> None:
        """Set several keys in one event; takes what `parsed` takes.

        Raises:
            BadInput: `given` is nothing that holds settings.
        """
        self._set(parsed(given), allowed=bool(allow_val_change))

    def setdefaults(self, given: Any) -> None:
        """Set those keys that are not set yet."""
        self._set({k: v for k, v in parsed(given).items() if k not in self._items}, allowed=True)

    def setdefault(self, key: str, default: Any = None) -> Json:
        """Set a key that is not set yet; give what it has."""
        self.setdefaults({key: default})
        return self._items.get(key)

    def update_locked(self, given: Mapping[str, Any], user: str | None = None) -> None:
        """Set keys for good: `user`, such as a sweep, has them."""
        del user
        self._set(given, allowed=True)
        self._locked.update(given)

    def persist(self) -> None:
        """Do nothing: every change was recorded when it was made."""

    def _set(self, given: Mapping[str, Any], *, allowed: bool) -> None:
        changed: dict[str, Json] = {}
        for name, value in given.items():
            key = text_of(name).strip("-")
            if key in self._locked:
                notice.warn(
                    f"config {key!r} belongs to the sweep; what else sets it is passed over.",
                    once=f"locked {key}",
                )
                continue
            term = friendly(value)
            if not allowed and key in self._items and self._items[key] != term:
                notice.warn(
                    f"config {key!r} was set before and is changed, from {brief(self._items[key])} "
                    f"to {brief(term)}. If that is meant: config.update(..., "
                    "allow_val_change=True)",
                    once=f"changed {key}",
                )
            changed[key] = term
        self._items.update(changed)
        if changed:
            self._record(changed)
