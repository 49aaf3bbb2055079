"""How far each lane is: its cursors, its frozen batch, and all else that is known of it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field

import msgspec

from syncd.policy import Policies
from syncd.progress import Progress
from syncd.sinks import Cursors, RemoteRun, State
from tracker.journal import Position

Range = tuple[str, int, int]
"""Writer id, first and last seq of a batch's share of one journal."""

UNKNOWN = "unknown"
"""Status of which the remote was told without an answer, or in a time that is forgotten."""


@dataclass
class Cursor:
    """Per lane and journal: last seq acknowledged, of events and of artifacts.

    `files` stays before an artifact that is parked, so that who learns it from the remote
    puts that one too. `hint` is a place in the journal at or before the first event not
    acknowledged.
    """

    seq: int = 0
    files: int = 0
    hint: Position = field(default_factory=Position)


@dataclass
class LaneRecord:
    """All that is known of a lane."""

    remote: str
    run_id: str
    remote_run: RemoteRun | None = None
    looked_up_at: float | None = None
    state: State = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)
    batch: int = 0
    told: str | None = None
    """The status that the remote was told last; None if none, `UNKNOWN` if an answer is missing."""
    documented: str | None = None
    failures: int = 0
    next_try: float = 0.0
    error: str | None = None
    pending: int = 0
    oldest: float | None = None
    """When the oldest event that may be sent was made (s since 1970), None if there is none."""
    settled: int | None = None
    """Modification time (ns) of the run's folder when nothing was left to do for good."""
    policies: Policies = field(default_factory=Policies)
    taken: str | None = None
    """The tag filter of the remote that the run met; see `syncd.selection`."""
    cursors: dict[str, Cursor] = field(default_factory=dict)
    frozen: list[Range] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What names the lane: remote and run id."""
        return self.remote, self.run_id

    def sent(self) -> Cursors:
        """The cursors as a sink knows them."""
        return Cursors(
            {writer: cursor.seq for writer, cursor in self.cursors.items()},
            {writer: cursor.files for writer, cursor in self.cursors.items()},
        )

    def position_key(self) -> str:
        """A text that changes whenever an event is acknowledged."""
        return ",".join(f"{w}:{c.seq}" for w, c in sorted(self.cursors.items()))


@dataclass
class Queue:
    """What waits for one remote.

    Attributes:
        events: pending ones, of all runs; `runs` have some.
        error: of one run that failed.
        oldest: when the oldest event that may be sent was made (s since 1970).
        lanes: runs by state: "settled", "delayed" (failed, on the slow schedule), "open".
        parked: entries that were refused for good.
    """

    events: int = 0
    runs: int = 0
    error: str | None = None
    oldest: float | None = None
    lanes: dict[str, int] = field(
        default_factory=lambda: {"settled": 0, "delayed": 0, "open": 0}
    )  # fmt: skip
    parked: int = 0


def queues(lanes: list[sqlite3.Row], parked: list[sqlite3.Row]) -> dict[str, Queue]:
    """What waits for each remote, from the rows of `QUEUES` and `PARKED`."""
    found = dict[str, Queue]()
    for row in lanes:
        still = row["lanes"] - row["settled"] - row["delayed"]
        states = {"settled": row["settled"], "delayed": row["delayed"], "open": still}
        found[row["remote"]] = Queue(
            row["events"], row["runs"], row["error"], row["oldest"], states
        )  # fmt: skip
    for row in parked:
        found.setdefault(row["remote"], Queue()).parked = row["parked"]
    return found


QUEUES = """
SELECT remote, SUM(pending) AS events, SUM(pending > 0) AS runs, MAX(error) AS error,
    MIN(oldest) AS oldest, COUNT(*) AS lanes, SUM(failures > 0) AS delayed,
    SUM(failures = 0 AND settled IS NOT NULL) AS settled
FROM lanes GROUP BY remote
"""
PARKED = "SELECT remote, COUNT(*) AS parked FROM parked GROUP BY remote"


def lane(row: sqlite3.Row) -> LaneRecord:
    """A lane, without cursors and batch, from its row."""
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a Row iterates its values
    remote_run = json.loads(values.pop("remote_run") or "null")
    # msgspec, as a lane that logs quickly has a large state and saves it with every batch
    state = msgspec.json.decode(values.pop("state") or "{}")
    progress = Progress.load(values.pop("progress"))
    policies = Policies.load(values.pop("policies", None))
    known = RemoteRun(**remote_run) if remote_run else None
    return LaneRecord(remote_run=known, state=state, progress=progress, policies=policies, **values)


def save(db: sqlite3.Connection, record: LaneRecord) -> None:
    """Write a lane and its cursors; part of the caller's transaction."""
    run = record.remote_run
    remote_run = {"id": run.id, "url": run.url, "handle": dict(run.handle)} if run else None
    db.execute(
        "REPLACE INTO lanes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*record.key, _text(remote_run), record.looked_up_at, _text(record.state),
         record.progress.dump(), record.batch, record.told, record.documented,
         record.failures, record.next_try, record.error, record.pending,
         record.settled, record.policies.dump(), record.taken, record.oldest),
    )  # fmt: skip
    db.executemany(
        "REPLACE INTO cursors VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(*record.key, writer, c.seq, c.files, *c.hint) for writer, c in record.cursors.items()],
    )


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
