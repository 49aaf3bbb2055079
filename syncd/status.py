"""Per remote and run: what is pending, parked or noted, the last error, the next try."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from syncd import remotes, selection
from syncd.catalog import Catalog
from syncd.cursors import LaneRecord
from syncd.ledger import Ledger
from syncd.policy import LEFT_OUT, MASKED
from syncd.receipts import MORE_NOTES
from syncd.tail import backlog
from tracker.errors import TrackerError
from tracker.settings import Settings
from tracker.store import StoreFolder


@dataclass
class LaneStatus:
    """One run on its way to one remote.

    Attributes:
        pending: events written and not acknowledged.
        bytes: what they and the files still to be put take on this disk.
        parked: how many entries the remote refused for good; each stands in `refused`.
        refused: of what is parked: what it is, the reason, writer id and seq of its event, time.
        notes: what the remote could not hold as it was; see `syncd.sinks.Note`.
        more_notes: how many there are beyond those kept.
        left_out: keys and artifacts that the remote's policy kept from it.
        masked: values that it got as "***", as they stand under the key of a secret.
        next_try_s: seconds until the lane is tried again after a failure, 0 if it is not waiting.
        told: the status that the remote was told, "unknown" where its answer is missing.
    """

    remote: str
    run: str
    pending: int
    bytes: int
    parked: int
    refused: list[dict[str, Any]]
    notes: list[dict[str, str]]
    more_notes: int
    left_out: int
    masked: int
    error: str | None
    next_try_s: float
    told: str | None
    url: str | None

    @property
    def open(self) -> bool:
        """Whether anything is left to do."""
        return bool(self.pending or self.bytes or self.parked or self.error)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def lanes(store: StoreFolder, settings: Settings, ledger: Ledger) -> list[LaneStatus]:
    """The state of every run at every remote that it goes to, from the journals as they are."""
    runs = Catalog(store).runs()
    waiting = ledger.file_bytes()
    found = []
    known_as = ledger.known_as(settings.remotes)
    for name, filters in sorted(settings.remotes.items()):
        remote = known_as.get(name, name)
        settled = ledger.settled(remote)
        goes = selection.of(filters, ledger.taken(remote))
        for run_id, entry in runs.items():
            if not goes.takes(entry):
                continue
            record = ledger.lane(remote, run_id)
            pending, size = 0, 0
            if settled.get(run_id) != entry.modified:
                pending, size = backlog(entry.folder, record.cursors)
            size += waiting.get((remote, run_id), 0)
            found.append(_status(name, ledger, record, pending, size))
    return found


def _status(name: str, ledger: Ledger, record: LaneRecord, pending: int, size: int) -> LaneStatus:
    told = ("what", "reason", "writer_id", "seq", "at")
    refused = [{name: row[name] for name in told} for row in ledger.parked(*record.key)]
    receipt = ledger.receipt(*record.key)
    count = receipt["counts"].get
    return LaneStatus(
        name, record.run_id, pending, size, len(refused), refused,
        [dict(zip(("what", "key", "done"), note, strict=True)) for note in receipt["notes"]],
        count(MORE_NOTES, 0), count(LEFT_OUT, 0), count(MASKED, 0), record.error,
        max(0.0, record.next_try - time.time()), record.told,
        record.remote_run.url if record.remote_run else None,
    )  # fmt: skip


def unusable(settings: Settings) -> dict[str, str]:
    """Why remotes cannot be served as they are configured, by name."""
    found = dict[str, str]()
    for remote in remotes.of(settings) if settings.remotes else ():
        try:
            remotes.check_alone(remote, settings)
            remotes.make(remote).close()
        except TrackerError as error:  # noqa: PERF203 - one of them must not hide the others
            found[remote.name] = str(error)
    return found


@contextmanager
def ledger(store: StoreFolder) -> Iterator[Ledger]:
    """A store's syncd.db, to look at while its owner may be writing."""
    found = Ledger(store.sync / "syncd.db", look=True)
    try:
        yield found
    finally:
        found.close()
