"""A receipt: all that a remote acknowledged of a run, what it could not take, what was verified.

As a document (`Receipt.as_dict`), whose form is stable: fields are only ever added. Times are
seconds since 1970 UTC, digests hexadecimal.

    remote, kind, url   the remote's name, kind, and the run's page there
    run, name, remote_id
    first_at, last_at   first and last acknowledgement
    counts              events, points, params, tags, files, bytes acknowledged (a repeat counts
                        again); left_out and masked by its policy, refused; since syncd.db began
    cursors             last sequence number acknowledged, by writer id
    digests.events      SHA-256 of each journal up to its cursor (see `syncd.recorded`), made from
                        the journals as they are; empty once these were removed
    files               path, digest, size and time of each file put
    notes, more_notes   what, key, done: what was mapped, cut, moved, infinite or changed; how many
                        more there are beyond those kept
    parked              what was refused for good: what, reason, writer_id, seq, at
    verified            null, or the last time that all was read back and equal: at, compared
                        (counts), left_out, digests, and `holds`: nothing was appended since
    removed             null, or what `syncd gc` removed here: at, writers, forced (why it would
                        have been kept; empty if all was verified)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from syncd.catalog import Catalog, Entry
from syncd.cursors import LaneRecord
from syncd.ledger import Ledger
from syncd.receipts import MORE_NOTES, PARKED
from syncd.recorded import digests, extents
from syncd.removed import Removed
from syncd.sinks import RemoteRun
from syncd.tail import beginning
from syncd.verified import Mark, Marks
from tracker.journal import journals
from tracker.settings import Settings
from tracker.store import StoreFolder

FORMAT = 1

COUNTS = (
    "events", "points", "params", "tags", "files", "bytes", "left out", "masked", "refused",
)  # fmt: skip


@dataclass
class Receipt:
    """One run at one remote; see the module for its fields."""

    remote: str
    kind: str
    url: str
    run: str
    name: str
    remote_id: str
    first_at: float | None
    last_at: float | None
    counts: dict[str, int]
    cursors: dict[str, int]
    digests: dict[str, Any]
    files: list[dict[str, Any]]
    notes: list[dict[str, str]]
    more_notes: int
    parked: list[dict[str, Any]]
    verified: dict[str, Any] | None
    removed: dict[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Receipts:
    """The receipts of a store, also of runs that were removed here."""

    def __init__(self, store: StoreFolder, settings: Settings, ledger: Ledger) -> None:
        self._store = store
        self._remotes = settings.remotes
        self._ledger = ledger
        self._known_as = ledger.known_as(settings.remotes)
        self._here = Catalog(store).runs()

    def of(self, remote: str, runs: Collection[str] = ()) -> Iterator[Receipt]:
        """Those of one remote, by run id; only of these `runs` if there are any."""
        known_as = self._known_as.get(remote, remote)
        for run_id in sorted(self._ledger.known(known_as)):
            if runs and run_id not in runs:
                continue
            record = self._ledger.lane(known_as, run_id)
            if record.remote_run is not None:
                yield self._receipt(remote, record, record.remote_run)

    def _receipt(self, remote: str, record: LaneRecord, run: RemoteRun) -> Receipt:
        kind, url = self._remotes[remote].kind, self._remotes[remote].url
        entry, row = self._here.get(record.run_id), self._ledger.receipt(*record.key)
        folder = self._store.run(record.run_id).name
        removed = Removed(self._store).read(folder)
        mark = Marks(self._store).read(folder, kind, url)
        cursors = {writer: cursor.seq for writer, cursor in record.cursors.items()}
        return Receipt(
            remote, kind, run.url, record.run_id, _name(entry) or record.run_id, run.id,
            row["first"], row["at"],
            {what.replace(" ", "_"): row["counts"].get(what, 0) for what in COUNTS}, cursors,
            {"events": digests(entry.folder, cursors) if entry else {}},
            self._ledger.file_receipts(*record.key),
            [dict(zip(("what", "key", "done"), note, strict=True)) for note in row["notes"]],
            row["counts"].get(MORE_NOTES, 0),
            [{name: row[name] for name in PARKED} for row in self._ledger.parked(*record.key)],
            mark.as_dict() | {"holds": _holds(mark, entry)} if mark else None,
            removed.as_dict() if removed else None,
        )  # fmt: skip


def _name(entry: Entry | None) -> str | None:
    start, _ = beginning(journals(entry.folder)) if entry else (None, 0)
    return start.name if start else None


def _holds(mark: Mark, entry: Entry | None) -> bool:
    """Whether nothing was appended since; what was removed here cannot grow."""
    if entry is None:
        return True
    return all(mark.cursors.get(w) == seq for w, seq in extents(entry.folder).items())
