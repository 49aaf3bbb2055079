"""What contract tests are told of a platform, and how they make the engine's calls."""

from __future__ import annotations

import abc
import hashlib
import secrets
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from syncd.sinks import Batch, Cursors, File, Head, Item, Point, RemoteRun, Sink
from tracker.events import Event, Log

T0 = 1_790_000_000_123_456_789
"""Some day in 2026, in nanoseconds."""

MS = 1_000_000
WRITER = "w" * 16


class Platform(abc.ABC):
    """A platform as a contract test sees it: never through the sink under test."""

    url: str
    rows_by_time = True
    """Whether points of one key, step and value are told apart by their time only."""

    def __init__(self) -> None:
        self._made: list[Sink] = []

    def sink(self, url: str | None = None, **options: Any) -> Sink:
        """Make a sink, at another address if one is given; closed with the platform."""
        self._made.append(self.make(url or self.url, options))
        return self._made[-1]

    def close(self) -> None:
        """Close all sinks."""
        for made in self._made:
            made.close()

    def hopeless(self, lane: Lane) -> Log:
        """Make an event that the platform never takes; here of a time before 1970."""
        return lane.log({"before": 1.0}, time=-5 * MS)

    @abc.abstractmethod
    def make(self, url: str, options: Mapping[str, Any]) -> Sink:
        """Make a sink."""

    @abc.abstractmethod
    def unauthorized(self) -> Sink:
        """Make a sink whose credentials the platform refuses."""

    @abc.abstractmethod
    def runs(self, head: Head) -> list[str]:
        """Ids of the remote runs that there are for a run."""

    @abc.abstractmethod
    def points(self, run: RemoteRun) -> list[Point]:
        """All points of a run."""

    @abc.abstractmethod
    def params(self, run: RemoteRun) -> Mapping[str, str]:
        """Config of a run, values as text."""

    @abc.abstractmethod
    def tags(self, run: RemoteRun) -> Mapping[str, str]:
        """Tags of a run."""

    @abc.abstractmethod
    def files(self, run: RemoteRun, folder: Path) -> Mapping[str, str]:
        """SHA-256 of a run's files by path, downloaded to `folder`."""

    @abc.abstractmethod
    def outcome(self, run: RemoteRun) -> tuple[str, int | None]:
        """Status in the platform's word, and end in ms."""

    @abc.abstractmethod
    def word(self, status: str) -> str:
        """Return the platform's word for a status of ours."""


def head(**changes: Any) -> Head:
    """Return the head of a new run in a project of its own."""
    known = {"run_id": secrets.token_hex(16), "project": f"contract-{secrets.token_hex(4)}"}
    return Head(**{**known, "name": "a run", "started_at": T0, **changes})


class Lane:
    """A writer's events on their way, batched as the engine does it."""

    def __init__(self, sink: Sink, run: RemoteRun) -> None:
        self.sink = sink
        self.run = run
        self.seq = 0
        self.number = 0
        self.state: dict[str, Any] = {}

    def log(self, values: dict[str, Any], step: int = 0, time: int = T0) -> Log:
        """Make a Log event."""
        return Log(self._next(), time, step, values)

    def make(self, kind: type[Any], *fields: Any, time: int = T0) -> Any:
        """Make an event of another kind."""
        return kind(self._next(), time, *fields)

    def batch(self, *events: Event) -> Batch:
        """Freeze events into a batch and move the state behind it."""
        items = [Item(WRITER, event) for event in events]
        self.number += 1
        batch = Batch(self.number, items, self.state, Cursors({WRITER: events[-1].seq}))
        for item in items:
            _, self.state = self.sink.translate(self.state, item)
        return batch

    def send(self, *events: Event) -> Batch:
        """Deliver events in one batch."""
        batch = self.batch(*events)
        self.sink.send(self.run, batch)
        return batch

    def _next(self) -> int:
        self.seq += 1
        return self.seq


def rows(points: list[Point]) -> Counter[tuple[Any, ...]]:
    """Count points as the remote tells them apart; NaN equals NaN here."""
    return Counter((p.key, p.step, p.time_ms, str(float(p.value))) for p in points)


def file_of(folder: Path, path: str, content: bytes) -> File:
    """Write `content` to a file that is to be at `path`."""
    source = folder / hashlib.sha256(content).hexdigest()
    source.write_bytes(content)
    return File(path, source, len(content), source.name)
