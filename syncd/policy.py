"""What of a run goes to a remote: patterns of the remote's settings, and never a secret.

A pattern is as a shell has it (``*``, ``?``, ``[a-z]``; ``*`` passes over ``/`` too, letters are
told apart by case). What it is about stands before it:

    PATTERN, metric:PATTERN   keys of metrics and texts
    config:PATTERN            keys of the config ("optim/lr")
    summary:PATTERN           keys of the summary
    artifact:PATTERN          names of artifacts
    media:PATTERN             keys of media
    system:PATTERN            names of measures of the machine ("cpu")
    console:PATTERN           streams of the console, "stdout" and "stderr"

Of a kind that has `include` patterns goes what one of them matches, of the others everything;
what an `exclude` pattern matches does not go. Tags and the run's head always go.

The engine applies it between the journals and the sink, so that it holds for every platform.
An event that nothing is left of is passed over, and the cursor moves on behind it.

A lane keeps which policy held from which cursors on (`Policies`), from before the first send
of a batch. So a batch is the same when it is repeated, and `verify` knows what to expect, also
where the remote's policy was changed in between. With the loss of syncd.db that is lost: then
the policy of now counts for what was sent before too. This decides where twins and changed
params that are sent later stand, and nothing that is there is sent again.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from syncd.secrets import masked
from syncd.sinks import Item
from tracker.events import Artifact, Config, Console, Event, Log, Media, Summary, System
from tracker.settings import RemoteSettings

KINDS = ("metric", "config", "summary", "artifact", "media", "system", "console")

LEFT_OUT, MASKED = "left out", "masked"
"""What a receipt counts: keys, artifacts, media and console texts; values."""

_ABOUT: Mapping[type, tuple[str, str]] = {
    Log: ("metric", "values"),
    Summary: ("summary", "values"),
    Config: ("config", "values"),
    System: ("system", "values"),
    Artifact: ("artifact", "name"),
    Media: ("media", "key"),
    Console: ("console", "stream"),
}
"""Of which kind an event is, and the field that patterns look at."""

_REMEMBERED = 100_000
"""Keys of which it is remembered whether they go."""


class Policy:
    """The patterns of one remote. Equal where its patterns are."""

    def __init__(self, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> None:
        self.include, self.exclude = tuple(include), tuple(exclude)
        self._goes = {kind: self._of(kind) for kind in KINDS}

    @classmethod
    def of(cls, remote: RemoteSettings | None) -> Policy:
        """The policy of a remote's settings."""
        return cls(remote.include, remote.exclude) if remote else cls()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self.include, self.exclude

    def cut(self, event: Event) -> Cut:
        """What of an event goes there."""
        kind, field = _ABOUT.get(type(event), ("", ""))
        if not kind or (kind == "metric" and self._goes[kind] is None):
            return Cut(event)
        goes = self._goes[kind]
        if field == "values":
            return _masked(_values(event, goes))
        return Cut(event) if goes is None or goes(getattr(event, field)) else Cut(None, 1)

    def _of(self, kind: str) -> Callable[[str], bool] | None:
        """Whether a key of a kind goes; None for all."""
        include, exclude = _regex(self.include, kind), _regex(self.exclude, kind)
        if include is None and exclude is None:
            return None
        known: dict[str, bool] = {}

        def goes(key: str) -> bool:
            if (found := known.get(key)) is None:
                if len(known) >= _REMEMBERED:
                    known.clear()
                wanted = include is None or include.match(key) is not None
                found = known[key] = wanted and (exclude is None or exclude.match(key) is None)
            return found

        return goes


class Cut(msgspec.Struct, frozen=True):
    """An event as it goes to a remote, None if nothing is left, and counts of what does not."""

    event: Event | None
    left_out: int = 0
    masked: int = 0


@dataclass
class Policies:
    """The policies of a lane: each from the cursors (writer id to seq) on that it stands with."""

    spans: list[tuple[dict[str, int], Policy]] = field(default_factory=list)

    def go_on(self, policy: Policy, events: Mapping[str, int]) -> None:
        """What follows after the cursors `events` goes under `policy`."""
        if policy != (self.spans[-1][1] if self.spans else Policy()):
            self.spans.append((dict(events), policy))

    def cut(self, item: Item) -> Cut:
        """What of an item goes there, by the policy that it goes or went under."""
        seq = item.event.seq
        for after, policy in reversed(self.spans):
            if seq > after.get(item.writer_id, 0):
                return policy.cut(item.event)
        return _ALL.cut(item.event)

    def dump(self) -> str | None:
        """As JSON text; None where there never was a pattern."""
        if not self.spans:
            return None
        rows = [(after, policy.include, policy.exclude) for after, policy in self.spans]
        return msgspec.json.encode(rows).decode()

    @classmethod
    def load(cls, text: str | None) -> Policies:
        """From JSON text."""
        rows = msgspec.json.decode(text) if text else ()
        return cls([(after, Policy(include, exclude)) for after, include, exclude in rows])


def kept(cut: Cut, item: Item) -> Item | None:
    """The item with what is left of its event."""
    if cut.event is item.event:
        return item
    return None if cut.event is None else Item(item.writer_id, cut.event)


def _regex(patterns: Iterable[str], kind: str) -> re.Pattern[str] | None:
    wanted = [pattern for one, pattern in map(_parted, patterns) if one == kind]
    return re.compile("|".join(map(fnmatch.translate, wanted))) if wanted else None


def _parted(pattern: str) -> tuple[str, str]:
    kind, colon, rest = pattern.partition(":")
    return (kind, rest) if colon and kind in KINDS else ("metric", pattern)


def _values(event: Any, goes: Callable[[str], bool] | None) -> Cut:
    values = event.values
    if goes is None or not values:
        return Cut(event)
    left = {key: value for key, value in values.items() if goes(key)}
    if len(left) == len(values):
        return Cut(event)
    some = msgspec.structs.replace(event, values=left) if left else None
    return Cut(some, len(values) - len(left))


def _masked(cut: Cut) -> Cut:
    if not isinstance(cut.event, Config):
        return cut
    values, count = masked(cut.event.values)
    if not count:
        return cut
    return Cut(msgspec.structs.replace(cut.event, values=values), cut.left_out, count)


_ALL = Policy()
