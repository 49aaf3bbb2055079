"""Per remote and run: what is pending, parked or noted, the last error, the next try."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from syncd import pauses, remotes, selection
from syncd.catalog import Catalog
from syncd.lease import Holder
from syncd.ledger import Ledger
from syncd.owner import serving
from syncd.pauses import Pause
from syncd.policy import LEFT_OUT, MASKED
from syncd.receipts import ELSEWHERE, MORE_NOTES, PARKED
from syncd.tail import backlog, oldest
from syncd.telemetry.level import degradation
from tracker.errors import TrackerError
from tracker.pending import published
from tracker.settings import Settings
from tracker.store import StoreFolder

_NS = 1e9


@dataclass
class LaneStatus:
    """One run on its way to one remote.

    Attributes:
        pending: events written and not acknowledged.
        since: when the oldest of them was made, in seconds since 1970; None if there are none.
        bytes: what they and the files still to be put take on this disk.
        parked: how many entries the remote refused for good; each stands in `refused`.
        refused: of what is parked: what it is, the reason, writer id and seq of its event, time.
        notes: what the remote could not hold as it was; see `syncd.sinks.Note`.
        more_notes: how many there are beyond those kept.
        left_out: keys and artifacts that the remote's policy kept from it.
        elsewhere: events of it that another copy of this store delivered and that are not here.
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
    elsewhere: int
    error: str | None
    next_try_s: float
    told: str | None
    url: str | None
    since: float | None = None

    @property
    def open(self) -> bool:
        """Whether anything is left to do."""
        return bool(self.pending or self.bytes or self.parked or self.error)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass
class Overview:
    """How delivery from a store stands.

    Attributes:
        daemon: who delivers now, None if nobody does.
        paused: remotes that get nothing for now, by name.
        broken: why remotes cannot be served as they are configured, by name.
        stopped: what a running daemon last said keeps it from a remote, by name.
        lanes: every run at every remote that it goes to.
        degradation_level: see `syncd.telemetry.level`.
        sources: what syncd last said is not taken in, and why, by its folder or file.
    """

    daemon: Holder | None
    paused: dict[str, Pause]
    broken: dict[str, str]
    stopped: dict[str, str]
    lanes: list[LaneStatus]
    degradation_level: int
    sources: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; why a remote is not served stands as the error of its lanes."""
        for lane in self.lanes:
            lane.error = self.broken.get(lane.remote, lane.error)
        return {
            "degradation_level": self.degradation_level,
            "daemon": msgspec.to_builtins(self.daemon) if self.daemon else None,
            "paused": msgspec.to_builtins(self.paused), "stopped": self.stopped,
            "lanes": [lane.as_dict() for lane in self.lanes], "sources": self.sources,
        }  # fmt: skip


def overview(store: StoreFolder, settings: Settings) -> Overview:
    """How delivery from a store stands now.

    Raises:
        StoreError: syncd.db is of a newer version, or what is paused cannot be read.
    """
    with ledger(store) as looked_at:
        found = lanes(store, settings, looked_at)
    daemon, paused = serving(store), pauses.of(store, settings.remotes)
    last = published(store)
    said = last if daemon else None
    stopped = {name: remote.error for name, remote in (said.remotes if said else {}).items()}
    known = {(lane.remote, lane.error) for lane in found}
    broken = unusable(settings)
    return Overview(
        daemon, paused, broken,
        {name: error for name, error in stopped.items()
         if error and name not in paused and (name, error) not in known},
        found, level(store, settings, found, broken),
        last.sources if last and settings.sources else {},
    )  # fmt: skip


def lanes(store: StoreFolder, settings: Settings, ledger: Ledger) -> list[LaneStatus]:
    """The state of every run at every remote that it goes to, from the journals as they are."""
    known_as = ledger.known_as(settings.remotes)
    names = {name: known_as.get(name, name) for name in sorted(settings.remotes)}
    rows = {
        remote: {row["run_id"]: row for row in ledger.overview(remote)}
        for remote in names.values()
    }  # fmt: skip
    settled = {run: row["settled"] or 0 for seen in rows.values() for run, row in seen.items()}
    runs = Catalog(store, settled).runs()
    waiting = ledger.file_bytes()
    found = []
    for name, remote in names.items():
        goes = selection.of(settings.remotes[name], ledger.taken(remote))
        seen = rows[remote]
        parked = _by_run(ledger.parked(remote))
        for run_id, entry in runs.items():
            if not goes.takes(entry):
                continue
            row = seen.get(run_id)
            pending, size = 0, 0
            since = None
            if row is None or row["settled"] != entry.modified:
                cursors = ledger.lane(remote, run_id).cursors
                pending, size = backlog(entry.folder, cursors)
                since = oldest(entry.folder, cursors) if pending else None
            size += waiting.get((remote, run_id), 0)
            left = (pending, size, since)
            found.append(_status((name, run_id), row, parked.get(run_id, []), left))
    return found


def _by_run(parked: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found = dict[str, list[dict[str, Any]]]()
    for row in parked:
        found.setdefault(row["run_id"], []).append({name: row[name] for name in PARKED})
    return found


def _status(
    key: tuple[str, str], row: sqlite3.Row | None, refused: list[dict[str, Any]],
    left: tuple[int, int, int | None],
) -> LaneStatus:  # fmt: skip
    pending, size, since_ns = left
    since = None if since_ns is None else since_ns / _NS
    if row is None:
        return LaneStatus(*key, pending, size, 0, [], [], 0, 0, 0, 0, None, 0.0, None, None, since)
    count = json.loads(row["counts"] or "{}").get
    notes = json.loads(row["notes"] or "[]")
    remote_run = json.loads(row["remote_run"] or "null")
    return LaneStatus(
        *key, pending, size, len(refused), refused,
        [dict(zip(("what", "key", "done"), note, strict=True)) for note in notes],
        count(MORE_NOTES, 0), count(LEFT_OUT, 0), count(MASKED, 0), count(ELSEWHERE, 0),
        row["error"], max(0.0, row["next_try"] - time.time()), row["told"],
        remote_run["url"] if remote_run else None, since,
    )  # fmt: skip


def server(store: StoreFolder) -> str | None:
    """Who delivers from the store now, in words; None where nobody does."""
    holder = serving(store)
    return f"syncd with {holder}" if holder else None


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


def level(
    store: StoreFolder, settings: Settings, found: list[LaneStatus], broken: dict[str, str]
) -> int:
    """The degradation level: which remotes are away is as syncd saw it last, all else as it is."""
    seen = published(store)
    away = {*broken, *(seen.away if seen else ())} & set(settings.remotes)
    pending = sum(lane.pending for lane in found)
    return degradation(sorted(away), pending, store.free_bytes(), settings)


@contextlib.contextmanager
def ledger(store: StoreFolder) -> Iterator[Ledger]:
    """A store's syncd.db, to look at while its owner may be writing.

    Raises:
        StoreError: it is damaged, of a newer version, or cannot be opened.
    """
    with contextlib.closing(Ledger(store.ledger, look=True)) as found:
        yield found
