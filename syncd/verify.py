"""Reading back: is what a remote holds of a run what was recorded here?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from syncd.catalog import Entry
from syncd.cursors import Cursor, LaneRecord
from syncd.ledger import Ledger
from syncd.policy import Policy, kept
from syncd.progress import Progress
from syncd.sinks import Entries, Held, Item, Sink, State
from syncd.tail import backlog
from tracker.artifacts import Blobs, Manifest
from tracker.errors import ArtifactError, RunError
from tracker.events import Artifact, Start
from tracker.journal import journals

_MAX_DIFFERENCES = 20
_NS_PER_MS = 1_000_000

_Row = tuple[str, int, int, float | str]


@dataclass
class FileCheck:
    """One file: where it is at the remote, what it must be, and whether it is."""

    path: str
    digest: str
    equal: bool


@dataclass
class Report:
    """A run at a remote against its journals: all that was recorded, delivered or not."""

    run: str
    name: str
    remote: str
    url: str
    points_local: int = 0
    points_remote: int = 0
    params_local: int = 0
    params_remote: int = 0
    tags_local: int = 0
    tags_remote: int = 0
    artifacts: list[FileCheck] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether everything recorded is there, once, and nothing else."""
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"equal": self.equal}


@dataclass
class _Expected:
    """Entries of some events, and the files (by our paths) of their artifacts."""

    events: int = 0
    points: Counter[_Row] = field(default_factory=Counter)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def take(self, entries: Entries) -> None:
        self.points.update((p.key, p.step, p.time_ms, _comparable(p.value)) for p in entries.points)
        for key, value in entries.params.items():
            self.params.setdefault(key, value)
        self.tags.update(entries.tags)
        for name in entries.removed_tags:
            self.tags.pop(name, None)


class _Recorded:
    """A run as its journals have it.

    Attributes:
        name: the run's.
        there: what was acknowledged, files that are queued or parked left out.
        waiting: what was not, and files that are queued.
        parked: the files that are.
    """

    def __init__(
        self, sink: Sink, record: LaneRecord, folder: Path, blobs: Blobs, *,
        queued: set[tuple[str, int]], parked: set[tuple[str, int]],
    ) -> None:  # fmt: skip
        self.name = record.run_id
        self.there, self.waiting = _Expected(), _Expected()
        self._sink = sink
        self._blobs = blobs
        self.parked: dict[str, str] = {}
        self._policies = record.policies
        self._queued = queued
        self._parked = parked
        self._state: State = {}
        self._progress = Progress()
        cursors = record.cursors
        self._take(_items(folder, cursors, acknowledged=True), self.there)
        if backlog(folder, cursors)[0]:
            self._take(_items(folder, cursors, acknowledged=False), self.waiting)
        alive = any(journal.alive() for journal in journals(folder))
        self.outcome = ("running", None) if alive else self._progress.outcome()

    def _take(self, items: Iterable[Item], expected: _Expected) -> None:
        for whole in items:
            expected.events += 1
            self._progress.observe(whole)
            if (item := kept(self._policies.cut(whole), whole)) is None:
                continue
            entries, self._state = self._sink.translate(self._state, item)
            expected.take(entries)
            event = item.event
            if isinstance(event, Start):
                self.name = event.name
            elif isinstance(event, Artifact):
                self._files_of(item.writer_id, event, expected).update(self._files(event))

    def _files_of(self, writer_id: str, event: Artifact, expected: _Expected) -> dict[str, str]:
        if (writer_id, event.seq) in self._parked:
            return self.parked
        if (writer_id, event.seq) in self._queued:
            return self.waiting.files
        return expected.files

    def _files(self, event: Artifact) -> dict[str, str]:
        root = self._progress.folder(event)
        try:
            files = Manifest.load(self._blobs, event.manifest).files
        except ArtifactError:  # not in this store: parked, which is said
            return {}
        return {f"{root}/{entry.path}": entry.digest for entry in files}


@dataclass(frozen=True)
class Reading:
    """What verifying at one remote works with.

    Attributes:
        known_as: the remote's name when it was last served.
        policy: what goes there now; what went before is known by each lane.
    """

    sink: Sink
    ledger: Ledger
    remote: str
    known_as: str
    blobs: Blobs
    policy: Policy


def verify(reading: Reading, entry: Entry) -> Report:
    """Compare what a remote holds of a run with what of its journals goes there, read again.

    Raises:
        RunError: the run was never delivered there.
        SinkError: the remote cannot be read.
    """
    run_id, remote = entry.run_id, reading.known_as
    sink, ledger = reading.sink, reading.ledger
    record = ledger.lane(remote, run_id)
    if record.remote_run is None:
        raise RunError(f"run {run_id} was not delivered to {reading.remote!r} yet: syncd once")
    parked = {(row["writer_id"], row["seq"]) for row in ledger.parked(remote, run_id)}
    queued = {(artifact.writer_id, artifact.seq) for artifact in ledger.artifacts(record)}
    if record.frozen is None:
        record.policies.go_on(reading.policy, record.sent().events)
    recorded = _Recorded(sink, record, entry.folder, reading.blobs, queued=queued, parked=parked)
    recorded.there.files |= {
        path: digest for path, digest in ledger.files(remote, run_id).items()
        if path.startswith("tracker/")
    }  # fmt: skip
    report = Report(run_id, recorded.name, reading.remote, record.remote_run.url)
    if parked:
        report.differences.append(f"{len(parked)} entries are parked: syncd status, syncd retry")
    held = sink.read_back(record.remote_run)
    _compare_waiting(report, recorded.waiting)
    _compare_points(report, recorded, held)
    _compare_pairs(report, recorded, held)
    _compare_files(report, recorded, held, sink)
    _compare_outcome(report, recorded.outcome, held)
    del report.differences[_MAX_DIFFERENCES:]
    return report


def _items(folder: Path, cursors: dict[str, Cursor], *, acknowledged: bool) -> Iterator[Item]:
    """All events that can be read, up to the cursors or beyond them."""
    for journal in journals(folder):
        seq = cursors.get(journal.writer_id, Cursor()).seq
        for event in journal.events():
            if (event.seq <= seq) is acknowledged:
                yield Item(journal.writer_id, event)
            elif acknowledged:
                break


def _compare_waiting(report: Report, waiting: _Expected) -> None:
    if waiting.events or waiting.files:
        report.differences.append(
            f"not delivered yet: {waiting.events:,} events, {len(waiting.files):,} files; "
            "deliver: syncd once"
        )


def _compare_points(report: Report, recorded: _Recorded, held: Held) -> None:
    there, waiting = recorded.there.points, recorded.waiting.points
    points = Counter((p.key, p.step, p.time_ms, _comparable(p.value)) for p in held.points)
    report.points_local = there.total() + waiting.total()
    report.points_remote = points.total()
    # An answer may have been lost: what waits may be there already.
    for what, apart in (("lost", there - points), ("unexpected", points - there - waiting)):
        report.differences += [
            f"point {what}: {p}" for p in islice(apart.elements(), _MAX_DIFFERENCES)
        ]


def _compare_pairs(report: Report, recorded: _Recorded, held: Held) -> None:
    there, waiting = recorded.there, recorded.waiting
    params, tags = waiting.params | there.params, there.tags | waiting.tags
    report.params_local, report.params_remote = len(params), len(held.params)
    report.tags_local = len(tags)
    report.tags_remote = sum(name in held.tags for name in tags)
    for kind, want, have in (
        ("param", there.params, held.params), ("tag", there.tags, held.tags),
    ):  # fmt: skip
        report.differences += [
            f"{kind} {key!r}: {have.get(key)!r} there, {value!r} here"
            for key, value in want.items() if have.get(key) != value
        ]  # fmt: skip
    report.differences += [f"param {key!r} unexpected" for key in held.params if key not in params]


def _compare_files(report: Report, recorded: _Recorded, held: Held, sink: Sink) -> None:
    there, waiting = recorded.there.files, recorded.waiting.files
    for path, digest in sorted((recorded.parked | waiting | there).items()):
        found = held.files.get(sink.path(path))
        report.artifacts.append(FileCheck(path, digest, found == digest))
        if path in there and found != digest:
            report.differences.append(f"file {path}: {found or 'nothing'} there, {digest} here")


def _compare_outcome(report: Report, outcome: tuple[str, int | None], held: Held) -> None:
    """Status and end; what a running run has as its end is of no meaning."""
    status, ended_at = outcome
    if held.status != status:
        report.differences.append(f"status: {held.status} there, {status} here")
    elif ended_at is not None:
        ended_ms = max(ended_at // _NS_PER_MS, 0)
        if held.ended_at_ms != ended_ms:
            report.differences.append(f"end: {held.ended_at_ms} ms there, {ended_ms} ms here")


def _comparable(value: float) -> float | str:
    """NaN equals nothing, itself neither."""
    return "NaN" if value != value else value  # noqa: PLR0124 - what tells NaN
