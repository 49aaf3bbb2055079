"""Which runs go to a remote: the filters of its settings.

`since` and `project` look at a run's beginning, which never changes. `tag` looks at the tags as
they are now; a run that met the remote's tags once goes there for as long as the remote asks
for the same tags, so that a tag taken off in mid-run does not cut it in half. With syncd.db it
is forgotten which runs these were, and the tags of then decide.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from syncd.catalog import Entry
from syncd.tail import beginning
from tracker.events import Start, Tags
from tracker.journal import Journal, Position, journals
from tracker.settings import RemoteSettings

_NS_PER_S = 1_000_000_000


@dataclass
class _Read:
    """What one journal says of tags, as far as it was read: values set, None where removed."""

    end: Position = field(default_factory=Position)
    tags: dict[str, str | None] = field(default_factory=dict)


class Selection:
    """The filters of one remote.

    Args:
        remote: its settings.
        taken: per run, the tag filter that it met.
        take: is told of a run that meets the tag filter of now.
    """

    def __init__(
        self, remote: RemoteSettings, taken: dict[str, str], take: Callable[[str, str], None]
    ) -> None:
        self._projects = frozenset(remote.project)
        self._since = remote.since.timestamp() * _NS_PER_S if remote.since else None
        self._tags = [tag.partition("=") for tag in remote.tag]
        self._asked = json.dumps(sorted(set(remote.tag)))
        self._taken, self._take = taken, take
        self._began: dict[str, bool] = {}
        self._untagged: dict[str, int] = {}
        """Runs that ended without the tags, and the times of their folders then (ns)."""
        self._read: dict[str, dict[str, _Read]] = {}

    def takes(self, entry: Entry) -> bool:
        """Whether a run goes to the remote now."""
        return self._began_right(entry) and (not self._tags or self._is_tagged(entry))

    def _began_right(self, entry: Entry) -> bool:
        if self._since is None and not self._projects:
            return True
        if (known := self._began.get(entry.run_id)) is not None:
            return known
        found = journals(entry.folder)
        ended = not any(journal.alive() for journal in found)  # before they are read
        start, began = beginning(found)
        right = self._since is None or began >= self._since
        if self._projects:
            right = right and start is not None and start.project in self._projects
        if start is not None or ended:
            self._began[entry.run_id] = right
        return right

    def _is_tagged(self, entry: Entry) -> bool:
        run_id = entry.run_id
        if self._taken.get(run_id) == self._asked:
            return True
        if self._untagged.get(run_id) == entry.modified:
            return False
        found = journals(entry.folder)
        ended = not any(journal.alive() for journal in found)  # before they are read
        tags = self._tags_of(found, self._read.setdefault(run_id, {}))
        if all(name in tags and (not eq or tags[name] == value) for name, eq, value in self._tags):
            self._taken[run_id] = self._asked
            self._read.pop(run_id)
            self._take(run_id, self._asked)
            return True
        if ended:
            self._untagged[run_id] = entry.modified
            self._read.pop(run_id)
        return False

    def _tags_of(self, found: list[Journal], read: dict[str, _Read]) -> dict[str, str]:
        """The tags of a run: what its journals say, one after the other as they began."""
        tags = dict[str, str | None]()
        for journal in found:
            known = read.setdefault(journal.writer_id, _Read())
            for change in _changes(journal, known):
                known.tags.update(change)
            tags.update(known.tags)
        return {name: value for name, value in tags.items() if value is not None}


def _changes(journal: Journal, known: _Read) -> Iterator[dict[str, str | None]]:
    for block in journal.blocks(known.end):
        for event in block.events:
            if isinstance(event, Start):
                yield dict(event.tags)
            elif isinstance(event, Tags):
                yield event.set | dict.fromkeys(event.removed)
        known.end = block.end


def of(remote: RemoteSettings, taken: dict[str, str]) -> Selection:
    """The filters of a remote, for who only looks."""
    return Selection(remote, taken, lambda _run_id, _tags: None)
