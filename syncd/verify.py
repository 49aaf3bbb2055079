"""Reading back: is what a remote holds of a run what was recorded here?

Memory does not grow with the points: both sides are made into digests (see `syncd.points`), and
only where these differ both are read once more, for the rows in a few of the shares that differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from syncd.catalog import Entry
from syncd.clock import SYSTEM, Clock
from syncd.ledger import Ledger
from syncd.media import Among
from syncd.points import Points, hexadecimal
from syncd.policy import Policy
from syncd.recorded import Recorded, line
from syncd.removed import Left, Removed
from syncd.sinks import Held, Sink
from syncd.verified import Mark, Marks, place
from tracker.artifacts import Blobs
from tracker.errors import RunError
from tracker.journal import journals
from tracker.settings import RemoteSettings

_MAX_DIFFERENCES = 20
_MAX_SHARES = 64
"""Of so many shares that differ the rows are compared; each holds one row in 4,096."""

_NS_PER_MS = 1_000_000


@dataclass
class FileCheck:
    """One file: where it is at the remote, what it must be, and whether it is."""

    path: str
    digest: str
    equal: bool


@dataclass
class Report:
    """A run at a remote against its journals: all that was recorded, delivered or not.

    Attributes:
        system_remote, lines_remote: measures of the machine and lines of the console there; None
            where the platform does not tell, or not of all of them. They are not compared then.
        incomplete: why it is not marked as verified though all that was delivered is equal.
        verified_at: when it was, now, in seconds since 1970 UTC; None where it is not.
    """

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
    system_local: int = 0
    system_remote: int | None = None
    lines_local: int = 0
    lines_remote: int | None = None
    artifacts: list[FileCheck] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    verified_at: float | None = None

    @property
    def equal(self) -> bool:
        """Whether everything recorded is there, once, and nothing else."""
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"equal": self.equal}


@dataclass(frozen=True)
class Reading:
    """What verifying at one remote works with.

    Attributes:
        known_as: the remote's name when it was last served.
        settings: what goes there now; what went before is known by each lane.
    """

    sink: Sink
    ledger: Ledger
    remote: str
    known_as: str
    settings: RemoteSettings
    blobs: Blobs
    marks: Marks
    removed: Removed
    clock: Clock = SYSTEM


def verify(reading: Reading, entry: Entry) -> Report:
    """Compare what a remote holds of a run with what of its journals goes there, read again.

    A run that is whole there is marked (see `syncd.verified`), until a difference is found.

    Raises:
        RunError: the run was never delivered there.
        SinkError: the remote cannot be read.
        OSError: the journals cannot be read, or an old mark not be taken back.
    """
    comparison = _Comparison(reading, entry)
    report = comparison.run()
    folder, remote = entry.folder.name, reading.settings
    if not report.equal:
        reading.marks.take_back(folder, remote.kind, remote.url)
    elif not report.incomplete:
        at = reading.clock.time()
        try:
            reading.marks.write(folder, comparison.mark(report, at))
        except OSError as error:  # a store that may only be read is compared all the same
            report.incomplete.append(f"that it is whole could not be noted: {error}")
        else:
            report.verified_at = at
    return report


class _Comparison:
    """One run at one remote."""

    def __init__(self, reading: Reading, entry: Entry) -> None:
        self._reading = reading
        self._entry = entry
        record = reading.ledger.lane(reading.known_as, entry.run_id)
        if record.remote_run is None:
            raise RunError(
                f"run {entry.run_id} was not delivered to {reading.remote!r} yet: syncd once"
            )
        self._record, self._run = record, record.remote_run
        self._parked = reading.ledger.parked(*record.key)
        if record.frozen is None:
            record.policies.go_on(Policy.of(reading.settings), record.sent().events)
        self._gone = record.cursors.keys() - {j.writer_id for j in journals(entry.folder)}
        remote = reading.settings
        at = place(remote.kind, remote.url)
        self._left = reading.removed.left(entry.folder.name, at, self._gone)
        self._mark = reading.marks.read(entry.folder.name, remote.kind, remote.url)
        self._held = Points()
        self._recorded = self._read()
        self._recorded.there.files |= {
            path: digest for path, digest in reading.ledger.files(*record.key).items()
            if path.startswith("tracker/")
        }  # fmt: skip

    def run(self) -> Report:
        """Read the remote and compare."""
        reading, recorded = self._reading, self._recorded
        report = Report(self._entry.run_id, recorded.name, reading.remote, self._run.url)
        if self._parked:
            count = len(self._parked)
            report.differences.append(f"{count} entries are parked: syncd status, syncd retry")
        held = reading.sink.read_back(self._run)
        self._held.add(held.points)
        _compare_waiting(report, recorded)
        self._compare_mark(report)
        self._compare_points(report)
        _compare_pairs(report, recorded, held, continued=self._left is not None)
        _compare_files(report, recorded, held, reading.sink)
        _compare_streams(report, recorded, held, continued=self._left is not None)
        _compare_outcome(report, recorded.outcome, held)
        del report.differences[_MAX_DIFFERENCES:]
        report.incomplete += self._incomplete()
        return report

    def mark(self, report: Report, at: float) -> Mark:
        """That all of it is there."""
        recorded, remote = self._recorded, self._reading.settings
        counts = {
            "points": report.points_remote, "params": report.params_local,
            "tags": report.tags_local, "files": len(report.artifacts),
        }  # fmt: skip
        return Mark(
            self._entry.run_id, self._reading.remote, remote.kind, remote.url, self._run.id, at,
            {writer: cursor.seq for writer, cursor in self._record.cursors.items()},
            {writer: digest for writer, (_, digest) in recorded.events.items()},
            hexadecimal(self._held.digest), counts, recorded.there.files, recorded.left_out,
        )  # fmt: skip

    def _read(self, wanted: tuple[int, ...] = ()) -> Recorded:
        reading = self._reading
        return Recorded(
            reading.sink, self._record, self._entry.folder, reading.blobs, wanted=wanted,
            before=self._left,
            queued=Among(reading.ledger.artifacts(self._record)), parked=Among(parked=self._parked),
        )  # fmt: skip

    def _incomplete(self) -> list[str]:
        recorded, record = self._recorded, self._record
        why = ["it is being recorded"] if recorded.outcome[0] == "running" else []
        if record.documented != record.position_key() and not why:
            why.append("its documents are not there yet: syncd once")
        why += [f"damaged here: {damage}" for damage in recorded.damage]
        if self._gone and self._left is None:
            why.append("journals that were delivered are not in this copy of the store")
        return why

    def _compare_mark(self, report: Report) -> None:
        """Whether the journals still are what they were when they were verified before."""
        if (mark := self._mark) is None:
            return
        for writer, (seq, digest) in self._recorded.events.items():
            if mark.cursors.get(writer) == seq and mark.events.get(writer, digest) != digest:
                report.differences.append(
                    f"journal {writer}: its events here are not those that were verified before: "
                    "tracker doctor"
                )

    def _compare_points(self, report: Report) -> None:
        there, waiting = self._recorded.there.points, self._recorded.waiting.points
        report.points_local = there.count + waiting.count
        report.points_remote = self._held.count
        if self._left is not None:
            self._compare_with_removed(report, self._left)
        elif apart := self._held.apart(there, waiting):
            self._compare_rows(report, tuple(apart[:_MAX_SHARES]))
            if len(apart) > _MAX_SHARES:
                report.differences.append(
                    f"points differ: {self._held.count:,} there, {there.count:,} here"
                )

    def _compare_with_removed(self, report: Report, left: Left) -> None:
        """What was removed here has left its digest; which rows differ cannot be told."""
        there = self._recorded.there.points
        report.points_local += left.count
        if left.digest is None:
            report.differences.append(
                "its earlier journals were removed before they were verified at this remote"
            )
        elif hexadecimal(int(left.digest, 16) + there.digest) != hexadecimal(self._held.digest):
            report.differences.append(
                f"points differ: {self._held.count:,} there, {there.count:,} here and "
                f"{left.count:,} in journals that were removed"
            )

    def _compare_rows(self, report: Report, shares: tuple[int, ...]) -> None:
        """Read both sides once more, for the rows in some shares."""
        recorded, held = self._read(shares), Points(shares)
        held.add(self._reading.sink.read_back(self._run).points)
        there, waiting = recorded.there.points.rows, recorded.waiting.points.rows
        # An answer may have been lost: what waits may be there already.
        for what, rows in (
            ("lost", there - held.rows), ("unexpected", held.rows - there - waiting),
        ):  # fmt: skip
            report.differences += [
                f"point {what}: {row}" for row in islice(rows.elements(), _MAX_DIFFERENCES)
            ]


def _compare_waiting(report: Report, recorded: Recorded) -> None:
    waiting = recorded.waiting
    if waiting.events or waiting.files:
        report.differences.append(
            f"not delivered yet: {waiting.events:,} events, {len(waiting.files):,} files; "
            "deliver: syncd once"
        )


def _compare_pairs(report: Report, recorded: Recorded, held: Held, *, continued: bool) -> None:
    """Params and tags; of a run whose earlier journals were removed others may be there too."""
    there, waiting = recorded.there, recorded.waiting
    params, tags = waiting.params | there.params, there.tags | waiting.tags
    report.params_local, report.params_remote = len(params), len(held.params)
    report.tags_local = len(tags)
    report.tags_remote = sum(name in held.tags for name in tags)
    report.differences += [
        *_apart("param", there.params, held.params), *_apart("tag", there.tags, held.tags),
    ]  # fmt: skip
    if not continued:
        report.differences += [f"param {k!r} unexpected" for k in held.params if k not in params]


def _apart(kind: str, want: Mapping[str, str], have: Mapping[str, str]) -> Iterator[str]:
    for key, value in want.items():
        if have.get(key) != value:
            yield f"{kind} {key!r}: {have.get(key)!r} there, {value!r} here"


def _compare_files(report: Report, recorded: Recorded, held: Held, sink: Sink) -> None:
    there, waiting = recorded.there.files, recorded.waiting.files
    for path, digest in sorted((recorded.parked | waiting | there).items()):
        found = held.files.get(sink.path(path))
        report.artifacts.append(FileCheck(path, digest, found == digest))
        if path in there and found != digest:
            report.differences.append(f"file {path}: {found or 'nothing'} there, {digest} here")


def _compare_streams(report: Report, recorded: Recorded, held: Held, *, continued: bool) -> None:
    """Measures of the machine and the console: how many, and by their digest whether the same.

    Not of a run whose earlier journals were removed, nor where such events wait: some of those may
    be there, as answers are lost.
    """
    there, waiting = recorded.there, recorded.waiting
    report.system_local = there.system.count + waiting.system.count
    report.lines_local = there.lines.count + waiting.lines.count
    system, lines = Points(), Points()
    if held.system is not None:
        system.add(held.system)
        report.system_remote = system.count
    if held.lines is not None:
        lines.add(map(line, held.lines))
        report.lines_remote = lines.count
    for what, told, have, want, more in (
        ("system metrics", held.system, system, there.system, waiting.system),
        ("console lines", held.lines, lines, there.lines, waiting.lines),
    ):
        if told is not None and not continued and not more.count and have.digest != want.digest:
            report.differences.append(f"{what} differ: {have.count:,} there, {want.count:,} here")


def _compare_outcome(report: Report, outcome: tuple[str, int | None], held: Held) -> None:
    """Status and end; what a running run has as its end is of no meaning."""
    status, ended_at = outcome
    if held.status != status:
        report.differences.append(f"status: {held.status} there, {status} here")
    elif ended_at is not None:
        ended_ms = max(ended_at // _NS_PER_MS, 0)
        if held.ended_at_ms != ended_ms:
            report.differences.append(f"end: {held.ended_at_ms} ms there, {ended_ms} ms here")
