"""The contract between the engine and a platform.

A sink is a narrow adapter: it owns one platform's meaning and nothing else. Retry, order,
cursors, parking, concurrency and the frozen batches are the engine's. What a sink promises:

1.  Every method may be called again after any crash, cut answer or time-out, with the same
    arguments, and the remote ends up as if it had been called once. The docstring of the
    class says by which means, and `promises` says it per kind of data: ``exactly once`` or
    ``at least once + read-back``.
2.  Only the four errors below leave a sink:

        SinkError
        +-- Retryable        may heal by itself; nothing or everything may have arrived
        |   +-- OutcomeUnknown   the answer was lost: the same call is sent again
        +-- Rejected         will never be taken; names the entries; all others are acknowledged
        +-- Unauthorized     the credentials are refused; the whole remote stops until they change

3.  `translate` is pure: (state, event) to entries in the platform's own terms. `send`,
    `verify` and the recovery of a lost syncd.db all go through it. State is a JSON-able
    dict that the engine keeps beside the cursor (empty at first); it holds what a frozen
    order needs: row ordinals, which params are already written.
4.  Our cursor travels with the data where the platform allows, so that losing syncd.db
    costs nothing: `send` stores `batch.cursors` with or after the entries, never before.
5.  A limit of the platform (key characters, lengths, infinities) never loses data silently:
    what was mapped, cut or moved is said in a `Note`, and the whole truth goes into the
    documents that the engine puts when a run ends (`tracker/run.json`, `tracker/texts.jsonl`).
6.  No sink imports another; what speaks HTTP shares `syncd.sinks.http`.

A new platform is a module here and an entry point in the group ``syncd.sinks``.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import msgspec

from tracker.errors import TrackerError
from tracker.events import Event

State = dict[str, Any]
"""What `translate` remembers between events; JSON-able; owned by the sink, kept by the engine."""


class SinkError(TrackerError):
    """Base of the four errors that leave a sink; the text says what the remote answered."""


class Retryable(SinkError):
    """May heal by itself. `retry_after` is what the remote asked for, in seconds, or None."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutcomeUnknown(Retryable):
    """The request left, the answer did not come: sending the same again resolves it."""


@dataclass(frozen=True)
class Refused:
    """One entry that a remote will never take."""

    writer_id: str
    seq: int
    what: str
    reason: str


class Rejected(SinkError):
    """Refused for good. Every entry of the call that `refused` does not name was acknowledged.

    An empty `refused` says that the whole call was refused, as where a person deleted the
    run at the remote: the engine looks the run up anew, and waits if that does not help.
    """

    def __init__(self, message: str, refused: Iterable[Refused] = ()) -> None:
        super().__init__(message)
        self.refused = tuple(refused)


class Unauthorized(SinkError):
    """The remote does not accept our credentials (401, 403)."""


@dataclass(frozen=True)
class Remote:
    """A configured destination. `options` are the sink's own settings, without secrets.

    `ca` is a PEM file with the only authorities to trust for it; "" stands for the usual ones.
    `bytes_per_s` is what may be sent there, on the average of some seconds. `timeout_s` bounds a
    request, see the setting `request_timeout_s`.
    """

    name: str
    kind: str
    url: str
    options: Mapping[str, Any] = field(default_factory=dict)
    ca: str = ""
    bytes_per_s: int | None = None
    timeout_s: float = 120.0


@dataclass(frozen=True)
class Limits:
    """How much one batch may hold. An event that alone is more still makes a batch."""

    points: int
    bytes: int


@dataclass(frozen=True)
class Head:
    """What a remote run is made from. `started_at` is in nanoseconds since 1970 UTC."""

    run_id: str
    project: str
    name: str
    started_at: int
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RemoteRun:
    """A run at a remote. `handle` is the sink's own, JSON-able, cached by the engine."""

    id: str
    url: str
    handle: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cursors:
    """Last acknowledged seq per writer id: of events, and of artifacts delivered."""

    events: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, int] = field(default_factory=dict)


class Item(msgspec.Struct, frozen=True):
    """One event and the journal it stands in.

    A msgspec struct, as it is made once per event and a dataclass takes several times as long.
    """

    writer_id: str
    event: Event


@dataclass(frozen=True)
class Batch:
    """A frozen share of a lane: `items` in frozen order, the `state` before the first of them.

    `cursors` are those that hold once the batch is acknowledged. They may pass events that are
    not in `items`, which may be empty: the remote's policy leaves these out (see `syncd.policy`).
    """

    number: int
    items: list[Item]
    state: State
    cursors: Cursors


class Point(msgspec.Struct, frozen=True, gc=False):
    """One metric point in the platform's terms; `time_ms` since 1970 UTC.

    A msgspec struct, as it is made once per point and a dataclass takes eight times as long.
    """

    key: str
    step: int
    time_ms: int
    value: float


@dataclass(frozen=True)
class Note:
    """Something the platform could not hold as it was: `what` was `done` to `key`.

    `what` is one of "mapped" (a name, a version), "cut" (a value), "moved" (a time or a step),
    "infinite" (a value), "changed" (a param written twice).
    """

    what: str
    key: str
    done: str


_NO_LINES: Mapping[int, str] = {}


@dataclass
class Entries:
    """One event in the platform's terms.

    Texts, console, media and artifacts are no entries here, as files carry them; a sink whose
    platform has a place for them (rows, streams) makes its own of such an event.

    `params` and `tags` are told as text, for comparison: texts as they are, all else as JSON. A
    platform that holds typed values is sent these all the same. Where a platform's tags are plain
    names, it keeps their values beside them; summary values that it does not take as points are
    told as tags.

    `system` and `lines` are for a sink that can read its measures of the machine and its console
    back: points with step 0, and the lines by ordinal that an event makes. It may make the last
    line of the event before it (of one writer and stream) anew.
    """

    points: list[Point] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    removed_tags: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    system: Sequence[Point] = ()
    lines: Mapping[int, str] = field(default_factory=lambda: _NO_LINES)


@dataclass(frozen=True)
class Ack:
    """What a remote acknowledged: counts by kind, the state after, what had to be changed."""

    counts: Mapping[str, int]
    state: State
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True)
class File:
    """A file for a remote run: `path` there (relative, "/"), `source` here, what it must be.

    Its content is `size` bytes of `source` from `offset` on: of a small one the source is a pack
    file, which holds others too.
    """

    path: str
    source: Path
    size: int
    digest: str
    offset: int = 0

    def pieces(self, most: int) -> Iterator[bytes]:
        """Yield its bytes, at most `most` at a time, fewer in all where the source is shorter.

        Raises:
            OSError: the source cannot be read.
        """
        left = max(self.size, 0)  # a store may come from anywhere
        with self.source.open("rb") as source:
            source.seek(max(self.offset, 0))
            while left and (piece := source.read(min(most, left))):
                left -= len(piece)
                yield piece
            if not self.offset and not left and (more := source.read(1)):
                yield more  # a file that is longer than it was is not what was recorded


@dataclass(frozen=True)
class Version:
    """A version of the artifact `name`: all its `files`, by path, each below `folder` as for `put`.

    `manifest` is the digest of the manifest that lists them: no two versions share it. `aliases`,
    `metadata` and `description` are what the user said of it, if anything.
    """

    name: str
    type: str
    manifest: str
    folder: str
    files: tuple[File, ...]
    aliases: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""


@dataclass(frozen=True)
class Held:
    """What a remote holds of a run, read back. `files` maps a path there to its SHA-256.

    `points`, `system` and `lines` are read as they are iterated; the last two are None where the
    platform does not tell them whole, or among other things. `params` and `tags` are all that the
    run has there, told as in `Entries`.
    """

    points: Iterator[Point]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    files: Mapping[str, str]
    status: str
    ended_at_ms: int | None
    system: Iterable[Point] | None = None
    lines: Iterable[str] | None = None


@dataclass(frozen=True)
class Seen:
    """One thing that `check` looked at: `what` it is, and how it stands, `said` in words.

    `what` is "version", "permission" (to create what a run needs), "files" (where they go) or
    "names" (which the platform takes). `level` is as `tracker doctor` has it: a note is worth
    knowing, a todo keeps something from being delivered. Both say what follows from it, and
    `next`, what to do: a command to type where there is one.
    """

    what: str
    said: str
    level: Literal["ok", "note", "todo"] = "ok"
    next: str | None = None


@dataclass(frozen=True)
class Check:
    """What `check` found: the remote's version, and the seconds by which its clock is ahead.

    `seen` tells the rest, the version first: whether that is known to work.
    """

    version: str
    clock_offset_s: float | None = None
    seen: tuple[Seen, ...] = ()


class Traffic(Protocol):
    """Requests made so far: all, and those that carried data of a run."""

    requests_total: int
    data_requests: int


class Sink(abc.ABC):
    """One platform's meaning. Made with a `Remote`; one instance is used by several threads."""

    kind: ClassVar[str]
    promises: ClassVar[Mapping[str, str]]
    limits: ClassVar[Limits]

    @property
    @abc.abstractmethod
    def traffic(self) -> Traffic:
        """What was asked of the remote since the sink was made."""

    @abc.abstractmethod
    def check(self) -> Check:
        """Reach the remote with our credentials and look how it stands; nothing is made there."""

    @abc.abstractmethod
    def open(self, head: Head) -> RemoteRun:
        """Find the run by its id, or create it; of two found, one is kept for ever.

        The first time it says in the log if the remote's version is not known to work.
        """

    @abc.abstractmethod
    def position(self, remote_run: RemoteRun) -> Cursors | None:
        """Tell what the remote already holds; None if the platform cannot say."""

    @abc.abstractmethod
    def translate(self, state: State, item: Item) -> tuple[Entries, State]:
        """Say an event in the platform's terms, and the state after it. Pure."""

    @abc.abstractmethod
    def send(self, remote_run: RemoteRun, batch: Batch) -> Ack:
        """Deliver a batch, in as many requests as the platform's limits ask for."""

    @abc.abstractmethod
    def put(self, remote_run: RemoteRun, file: File) -> None:
        """Deliver a file, streamed; whatever stood at its path is replaced whole."""

    def version(
        self,
        remote_run: RemoteRun,  # noqa: ARG002 - what follows is for platforms that have versions
        version: Version,  # noqa: ARG002
    ) -> list[Note] | None:
        """Deliver a version of an artifact as one thing, for a platform that has such things.

        One that is there is found, not made again; what is said of it is set anew. It is called
        beside `send`, on another thread.

        Returns:
            What it is called there; None if its files are to be put one by one.
        """
        return None

    @abc.abstractmethod
    def keep(self, remote_run: RemoteRun, cursors: Cursors) -> None:
        """Store cursors with the remote run, after the files they stand for."""

    @abc.abstractmethod
    def finish(
        self, remote_run: RemoteRun, status: str, ended_at: int | None, state: State
    ) -> None:
        """Set the status ("running", "finished", "failed", "killed", "crashed") and end (ns).

        `state` is that after all that was sent. A killed sender's request may be worked off long
        after, behind later ones: what such a one can have set back is put right here.
        """

    @abc.abstractmethod
    def read_back(self, remote_run: RemoteRun) -> Held:
        """Read all that the remote holds of the run; files are downloaded and hashed."""

    @abc.abstractmethod
    def key(self, key: str) -> str:
        """Name that a metric key has at the remote; reversible through `tracker/run.json`."""

    @abc.abstractmethod
    def path(self, path: str) -> str:
        """Name that the file put as `path` has in `Held.files`."""

    def guard(self, may_send: Callable[[], object]) -> None:  # noqa: B027 - the engine asks too
        """Have `may_send` called before each request; it raises once another syncd took over.

        What it raises goes through. The engine itself asks before it keeps anything.
        """

    def close(self) -> None:  # noqa: B027 - not every sink holds something open
        """Release connections."""
