"""A run as its journals have it, in a remote's terms: what must be there.

Also the digest of each journal: SHA-256 over its events up to a sequence number, one after the
other, each as msgpack of ``[kind, seq, time, ...]`` (see `tracker.events`) without the empty
values at its end, so that fields which a later version adds change nothing. Nothing is kept for
it beside the cursors: it is made from the journals, here or in any copy of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from syncd import media
from syncd.cursors import Cursor, LaneRecord
from syncd.points import Points
from syncd.policy import kept
from syncd.progress import Progress
from syncd.removed import Left
from syncd.sinks import Entries, Item, Point, Sink, State
from syncd.tail import backlog
from tracker.artifacts import Blobs, Manifest
from tracker.errors import ArtifactError
from tracker.events import Artifact, Console, Event, Log, Media, Start, Unknown
from tracker.journal import journals

_encode = msgspec.msgpack.Encoder().encode


@dataclass
class Expected:
    """Entries of some events, and the files (by our paths) of their artifacts.

    `lines` are those of the console, each as `line` has it; `Recorded` says when one is whole.
    """

    points: Points
    events: int = 0
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    system: Points = field(default_factory=Points)
    lines: Points = field(default_factory=Points)

    def take(self, entries: Entries) -> None:
        """Take in what an event is at the remote: params are written once, tags again."""
        self.points.add(entries.points)
        self.system.add(entries.system)
        for key, value in entries.params.items():
            self.params.setdefault(key, value)
        self.tags.update(entries.tags)
        for name in entries.removed_tags:
            self.tags.pop(name, None)


class Recorded:
    """A run, read from its journals.

    Args:
        queued, parked: artifacts and media, by writer id and seq, whose files are.
        wanted: shares of the points whose rows are kept (see `syncd.points`).
        before: what the remote held of journals that were removed; the others go on from there.

    Attributes:
        name: the run's.
        there: what was acknowledged, files that are queued or parked left out.
        waiting: what was not, and files that are queued.
        parked: the files that are.
        left_out: keys and artifacts that the policy keeps from the remote.
        events: per journal, the last sequence number read and the digest up to there, of what
            was acknowledged.
        damage: what of the journals could not be read, though it had been synced.
        outcome: status and end (ns).
    """

    def __init__(
        self, sink: Sink, record: LaneRecord, folder: Path, blobs: Blobs, *,
        queued: Container[tuple[str, int]] = (), parked: Container[tuple[str, int]] = (),
        wanted: Collection[int] = (), before: Left | None = None,
    ) -> None:  # fmt: skip
        self.name = record.run_id
        self.there, self.waiting = Expected(Points(wanted)), Expected(Points(wanted))
        self.parked: dict[str, str] = {}
        self.left_out = 0
        self.events: dict[str, tuple[int, str]] = {}
        self.damage: list[str] = []
        self._sink = sink
        self._blobs = blobs
        self._policies = record.policies
        self._queued = queued
        self._parked = parked
        self._state: State = before.state if before else {}
        self._progress = Progress.load(before.progress if before else None)
        alive = any(journal.alive() for journal in journals(folder))  # before they are read
        self._console = _Console()
        self._take(self._acknowledged(folder, record.cursors), self.there)
        if backlog(folder, record.cursors)[0]:
            self._take(_beyond(folder, record.cursors), self.waiting)
        self.outcome = ("running", None) if alive else self._progress.outcome()

    def _acknowledged(self, folder: Path, cursors: dict[str, Cursor]) -> Iterator[Item]:
        for journal in journals(folder):
            digest = Digest(cursors.get(journal.writer_id, Cursor()).seq)
            for block in journal.blocks():
                self.damage += [str(gap) for gap in block.gaps if not gap.harmless]
                for event in digest.taken(block.events):
                    yield Item(journal.writer_id, event)
                if digest.full:
                    break
            self.events[journal.writer_id] = digest.last, digest.text

    def _take(self, items: Iterable[Item], expected: Expected) -> None:
        for whole in items:
            expected.events += 1
            self._progress.observe(whole)
            cut = self._policies.cut(whole)
            self.left_out += cut.left_out
            if (item := kept(cut, whole)) is None:
                continue
            entries, self._state = self._sink.translate(self._state, item)
            expected.take(entries)
            event = item.event
            if entries.lines and isinstance(event, Console):
                lines = self._console.take((item.writer_id, event.stream), entries.lines)
                expected.lines.add(map(line, lines))
            if isinstance(event, Start):
                self.name = event.name
            elif isinstance(event, Artifact):
                self._files_of(item, expected).update(self._files(event))
            elif isinstance(event, Media):
                files = {media.path(event, n): file.digest for n, file in enumerate(event.files)}
                self._files_of(item, expected).update(files)
        expected.lines.add(map(line, self._console.rest()))

    def _files_of(self, item: Item, expected: Expected) -> dict[str, str]:
        if (item.writer_id, item.event.seq) in self._parked:
            return self.parked
        if (item.writer_id, item.event.seq) in self._queued:
            return self.waiting.files
        return expected.files

    def _files(self, event: Artifact) -> dict[str, str]:
        root = self._progress.folder(event)
        try:
            files = Manifest.load(self._blobs, event.manifest).files
        except ArtifactError:  # not in this store: parked, which is said
            return {}
        return {f"{root}/{entry.path}": entry.digest for entry in files}


class _Console:
    """Lines of a console, given on once nothing makes them anew (see `syncd.sinks.Entries`)."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[int, str]] = {}

    def take(self, whose: tuple[str, str], lines: Mapping[int, str]) -> list[str]:
        """The lines that are whole once an event of a writer's stream made these."""
        held = self._last.get(whose)
        whole = [] if held is None or held[0] in lines else [held[1]]
        *before, last = sorted(lines)
        self._last[whose] = last, lines[last]
        return [*whole, *(lines[at] for at in before)]

    def rest(self) -> list[str]:
        """The last lines of all."""
        rest = [text for _, text in self._last.values()]
        self._last.clear()
        return rest


def line(text: str) -> Point:
    """A line of a console as something to be counted: its text is all it has."""
    return Point(text, 0, 0, 0.0)


class Digest:
    """The digest of a journal's events up to a sequence number.

    Attributes:
        last: the last event taken.
        full: there is one beyond.
    """

    def __init__(self, most: int) -> None:
        self.last = 0
        self.full = False
        self._most = most
        self._sha = hashlib.sha256()

    def taken(self, events: Iterable[Event]) -> Iterator[Event]:
        """Take events in, and give them on; stops at the first that is beyond."""
        for event in events:
            if event.seq > self._most:
                self.full = True
                return
            self._sha.update(_canonical(event))
            self.last = event.seq
            yield event

    @property
    def text(self) -> str:
        """In hexadecimal digits."""
        return self._sha.hexdigest()


def digests(folder: Path, cursors: Mapping[str, int]) -> dict[str, str]:
    """The digest of each journal up to its cursor, by writer id."""
    found = dict[str, str]()
    for journal in journals(folder):
        digest = Digest(cursors.get(journal.writer_id, 0))
        for block in journal.blocks():
            for _ in digest.taken(block.events):
                pass
            if digest.full:
                break
        found[journal.writer_id] = digest.text
    return found


def extents(folder: Path) -> dict[str, int]:
    """The last sequence number written of each journal that has events, by writer id."""
    found = {journal.writer_id: journal.written() for journal in journals(folder)}
    return {writer: seq for writer, seq in found.items() if seq}


def _beyond(folder: Path, cursors: dict[str, Cursor]) -> Iterator[Item]:
    for journal in journals(folder):
        seq = cursors.get(journal.writer_id, Cursor()).seq
        for event in journal.events():
            if event.seq > seq:
                yield Item(journal.writer_id, event)


def _canonical(event: Event) -> bytes:
    if type(event) is Log:
        return _encode(event)
    if isinstance(event, Unknown):
        return _encode([event.kind, event.seq, event.time, *event.body])
    fields = msgspec.to_builtins(event)
    while not fields[-1]:  # stops at the kind, if not before
        fields.pop()
    return _encode(fields)
