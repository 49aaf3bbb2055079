"""What the sink keeps of a run beside its rows: config and tags, and our own words among them.

W&B takes a config as a whole, so it is read, changed and written. For some seconds it is
remembered, fewer than another syncd takes to take over (see `syncd.lease`); a write whose answer
was lost has it read again. In it, under the one private key `_tracker`, stands:

    run_id    ours: a run without it is not ours and is never written to
    events    our cursor: writer id -> seq
    files     the same of artifacts
    rows      how many rows there are: history, highest `_step`, system metrics, console lines
    mark      tells whether the state of a lane goes on exactly from there; see `sending`
    refused   "WRITER SEQ" of what was refused -> ordinal and `_step` of the empty row that has its
              place; nothing for what this version did not know
    artifacts the run's versions: name -> what the digests of their manifests begin with
    tags      the user's tags with their values; W&B has plain names only
    status    our word for how the run stands, with `ended_at_ms`
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from syncd.sinks import Cursors, Rejected, RemoteRun
from syncd.sinks.http import Refusal
from syncd.sinks.wandb.api import Api, Place, Run, gone
from tracker.events import Json
from tracker.integrations.wandb.naming import OURS

_REMEMBERED = 1_000
"""Runs whose config is."""

_FOR_S = 4.0
"""And how long."""


class Rows(msgspec.Struct, array_like=True):
    """How far the streams of a run are."""

    history: int = 0
    step: int = -1
    system: int = 0
    console: int = 0


class Own(msgspec.Struct, omit_defaults=True):
    """Our words in a run's config, see above."""

    run_id: str = ""
    events: dict[str, int] = {}
    files: dict[str, int] = {}
    rows: Rows = msgspec.field(default_factory=Rows)
    mark: str = ""
    refused: dict[str, list[int]] = {}
    tags: dict[str, str] = {}
    status: str = "running"
    ended_at_ms: int | None = None
    artifacts: dict[str, list[str]] = {}
    about: str = ""
    """A digest of the metadata file that was put last."""

    @property
    def cursors(self) -> Cursors:
        """The cursor of the run."""
        return Cursors(self.events, self.files)


class Record(msgspec.Struct):
    """A run's config (values by key) and tags, without ours, which are `own`.

    `told` is what `change` sends beside the config: the run's `state`, or nothing.
    """

    config: dict[str, Json]
    tags: list[str]
    own: Own


class Records:
    """Records of runs at one server; used by several threads, each with a run of its own."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[str, tuple[float, Record]] = {}
        self._lock = threading.Lock()

    def forget(self, run: RemoteRun) -> None:
        """Read a run's record again when it is needed next."""
        with self._lock:
            self._known.pop(_key(run), None)

    def now(self, run: RemoteRun) -> Record:
        """Return a run's record, read now.

        Raises:
            Rejected: the run is not there.
        """
        self.forget(run)
        return self.of(run)

    def of(self, run: RemoteRun) -> Record:
        """Return a run's record.

        Raises:
            Rejected: the run is not there.
        """
        with self._lock:
            at, known = self._known.get(_key(run), (0.0, None))
        if known is not None and time.monotonic() - at < _FOR_S:
            return known
        found = self._api.run(place(run))
        if found is None:
            raise missing(run)
        return self.remember(run, read(found))

    def write(self, run: RemoteRun, record: Record, state: str | None = None) -> None:
        """Store a record with its run, and the run's state if one is given.

        Raises:
            Rejected: the run is not there.
        """
        self.forget(run)
        fields = {
            "id": run.handle["storage_id"], "config": config_text(record), "tags": record.tags,
            "state": state,
        }  # fmt: skip
        try:
            self._api.upsert(fields)
        except Refusal as refusal:
            raise (missing(run) if gone(refusal) else refusal) from None
        self.remember(run, record)

    def remember(self, run: RemoteRun, record: Record) -> Record:
        """Take note of what a run was just found to hold."""
        with self._lock:
            while len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[_key(run)] = time.monotonic(), record
        return record


def read(run: Run) -> Record:
    """Return what a run holds; `own.run_id` is "" if it is not ours."""
    held = msgspec.json.decode(run.config or "{}", type=dict[str, Any])
    values = {key: _unwrapped(value) for key, value in held.items()}
    try:
        own = msgspec.convert(values.pop(OURS, {}), Own)
    except msgspec.ValidationError:  # a person can edit it
        own = Own()
    return Record(values, list(run.tags or ()), own)


def config_text(record: Record) -> str:
    """Return a record as W&B takes a config: each value in an object of its own."""
    values = {**record.config, OURS: msgspec.to_builtins(record.own)}
    wrapped = {key: {"value": value} for key, value in values.items()}
    return msgspec.json.encode(wrapped).decode()


def highest(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Of two cursors what is further, by writer id; none says 0 too."""
    both = {key: max(one.get(key, 0), other.get(key, 0)) for key in {**one, **other}}
    return {key: seq for key, seq in both.items() if seq}


def place(run: RemoteRun) -> Place:
    """Where a run is."""
    return Place(run.handle["entity"], run.handle["project"], run.id)


def missing(run: RemoteRun) -> Rejected:
    """The error for a run that was there and is not any more."""
    where = place(run)
    return Rejected(
        f"the W&B run {where.entity}/{where.project}/{where.name} is not there any more: it was "
        "deleted. It is delivered again, under a new id: syncd retry"
    )


def _key(run: RemoteRun) -> str:
    return place(run).path


def _unwrapped(held: Any) -> Any:
    return held["value"] if isinstance(held, dict) and "value" in held else held
