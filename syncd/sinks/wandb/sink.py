"""The sink itself: what each method of the contract does at W&B."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import httpx
import msgspec

from syncd.sinks import (
    Ack,
    Batch,
    Check,
    Cursors,
    Entries,
    File,
    Head,
    Held,
    Item,
    Limits,
    Note,
    Remote,
    RemoteRun,
    Sink,
    State,
    Version,
)
from syncd.sinks.answers import clock_offset_s
from syncd.sinks.http import HttpClient, Refusal, Traffic
from syncd.sinks.wandb import looking
from syncd.sinks.wandb.api import Api, gone
from syncd.sinks.wandb.artifacts import Artifacts
from syncd.sinks.wandb.files import Files, metadata
from syncd.sinks.wandb.names import SUMMARY, map_path
from syncd.sinks.wandb.opening import Opening
from syncd.sinks.wandb.reading import read_lines, read_points, read_system
from syncd.sinks.wandb.records import Record, Records, highest, missing, place
from syncd.sinks.wandb.sending import Sending
from syncd.sinks.wandb.translation import translate
from syncd.sinks.wandb.values import told
from tracker.credentials import PLATFORMS, Credentials, find
from tracker.errors import BadInput
from tracker.integrations.wandb.naming import key_name, tag_name
from tracker.settings import did_you_mean

_EXIT_CODES = {"finished": 0, "failed": 1, "killed": 137, "crashed": 1}
"""What W&B is told at the end of a run, before its state."""

_USER = "api"
"""The name that goes with a key, as W&B has it; a netrc holds another, which nobody looks at."""

VERSIONS = "versions"
_OPTIONS = frozenset({"entity", "artifacts"})
_NS_PER_MS = 1_000_000


class WandbSink(Sink):
    """A W&B server, over its GraphQL and its file stream; the package `wandb` is not needed.

    Options of the remote: `entity` is the user or team that runs go to, by default that of the
    key's owner; `artifacts` is "versions", as by default, or "files" of the run. Credentials: see
    `tracker.credentials`, with WANDB_API_KEY as the platform's own; the token, or a netrc's
    password, is the API key.

    Once in effect, whatever is repeated:

    - the run: W&B lets us choose its id, and the mutation that makes it puts our mark into it (see
      `opening`); a deleted id is followed by the next one;
    - points, system metrics and console: rows and lines with ordinals of their own, which are
      their offsets in the file stream; the same again overwrites the same (see `translation`);
    - params and tags: the last value stands, in the run's config and tags (see `records`);
    - files: a PUT replaces the whole file, proven by a download in `read_back`;
    - artifacts: a version is looked up by its manifest's digest before it is made (`artifacts`);
    - status and end: set to what they were;
    - the cursor: under `_tracker` in the run's config, written by one mutation after the data.
      `historyLineCount`, which may be stale, is never asked for.

    That the hosted service overwrites by offset is what its own client relies on when it repeats
    a request; `syncd verify` reads back whether it did.

    Raises:
        BadInput: the remote's address or an option cannot be used.
    """

    kind: ClassVar[str] = "wandb"
    promises: ClassVar[Mapping[str, str]] = {
        "points": "exactly once",
        "params": "exactly once",
        "tags": "exactly once",
        "system": "exactly once",
        "console": "exactly once",
        "files": "exactly once",
        "artifacts": "exactly once",
        "status": "exactly once",
    }
    # Two requests a batch: the stream, which takes 10 MiB, and the record.
    limits: ClassVar[Limits] = Limits(points=20_000, bytes=2_000_000)

    def __init__(self, remote: Remote, *, transport: httpx.BaseTransport | None = None) -> None:
        options = _checked_options(remote)
        self._entity = options.get("entity", "")
        self._http = HttpClient(
            remote.url,
            credentials=lambda: _as_key(
                find(remote.name, remote.url, PLATFORMS["wandb"]).credentials
            ),
            ca=remote.ca,
            bytes_per_s=remote.bytes_per_s,
            transport=transport,
            deadline_s=remote.timeout_s,
        )
        self._api = Api(self._http)
        self._records = Records(self._api)
        self._files = Files(self._http, self._api)
        self._artifacts = Artifacts(self._api, self._files)
        self._as_files = options.get("artifacts", VERSIONS) != VERSIONS
        self._opening = Opening(self._api, self._entity)

    @property
    def traffic(self) -> Traffic:
        """Requests made so far."""
        return self._http.traffic

    def guard(self, may_send: Callable[[], object]) -> None:
        """Before each request."""
        self._http.guard = may_send

    def check(self) -> Check:
        """Ask whose key it is and where runs go; see `looking`."""
        viewer, headers = self._api.viewer()
        found = looking.version(self._api)
        seen = looking.seen(found, viewer, self._entity)
        return Check(found, clock_offset_s(headers), seen)

    def open(self, head: Head) -> RemoteRun:
        """Find the run by its id, or create it with all that its head says."""
        found, record = self._opening.open(head)
        content = metadata(head)
        digest = hashlib.sha256(content).hexdigest()[:16]
        if record.own.about != digest:
            self._files.put_metadata(found, content)
            record.own.about = digest  # told with the next batch; if not, it is put once more
        self._records.remember(found, record)
        return found

    def position(self, remote_run: RemoteRun) -> Cursors:
        """Read the cursor in the run's config."""
        return self._records.of(remote_run).own.cursors

    def translate(self, state: State, item: Item) -> tuple[Entries, State]:
        """See `translation`."""
        entries, _, after = translate(state, item)
        return entries, after

    def send(self, remote_run: RemoteRun, batch: Batch) -> Ack:
        """Deliver a batch: its rows and lines, then its config, tags and cursors."""
        return Sending(self._api, self._records, remote_run, batch).run()

    def put(self, remote_run: RemoteRun, file: File) -> None:
        """Upload a file to the address that W&B gives out for it."""
        self._files.put(remote_run, file)

    def version(self, remote_run: RemoteRun, version: Version) -> list[Note] | None:
        """Deliver a version as a W&B artifact, unless the option says that it goes as files."""
        return None if self._as_files else self._artifacts.deliver(remote_run, version)

    def keep(self, remote_run: RemoteRun, cursors: Cursors) -> None:
        """Store the cursors in the run's config."""
        record = self._records.of(remote_run)
        events = highest(record.own.events, cursors.events)
        files = highest(record.own.files, cursors.files)
        self._change(remote_run, record, events=events, files=files)

    def finish(
        self,
        remote_run: RemoteRun,
        status: str,
        ended_at: int | None,
        state: State,  # noqa: ARG002 - config and tags are written whole each time
    ) -> None:
        """Close or reopen the file stream, then set our words for it and W&B's state."""
        record = self._records.of(remote_run)
        if status != "running":
            end = {"complete": True, "exitcode": _EXIT_CODES[status]}
            try:
                self._api.stream(place(remote_run), msgspec.json.encode(end))
            except Refusal as refusal:
                raise (missing(remote_run) if gone(refusal) else refusal) from None
        ended_at_ms = None if ended_at is None else ended_at // _NS_PER_MS
        self._change(remote_run, record, state=status, status=status, ended_at_ms=ended_at_ms)

    def read_back(self, remote_run: RemoteRun) -> Held:
        """Read all but rows and lines at once, those as they are asked for."""
        record = self._records.now(remote_run)
        where = place(remote_run)
        summary, last_step = self._api.summary(where)
        own = record.own
        return Held(
            points=read_points(self._api, where, max(last_step, own.rows.step)),
            params={key: told(value) for key, value in record.config.items() if key != "_wandb"},
            tags={name: value for name, value in own.tags.items()
                  if tag_name(name, value) in record.tags}
            | {SUMMARY + key: told(value) for key, value in summary.items()},
            files=self._files.digests(remote_run)
            | self._artifacts.digests(remote_run, own.artifacts),
            status=own.status,
            ended_at_ms=own.ended_at_ms,
            system=read_system(self._api, where),
            lines=read_lines(self._api, where),
        )  # fmt: skip

    def key(self, key: str) -> str:
        """See `tracker.integrations.wandb.naming`."""
        return key_name(key)

    def path(self, path: str) -> str:
        """See `names`."""
        return map_path(path)

    def close(self) -> None:
        """Release connections."""
        self._http.close()

    def _change(
        self, run: RemoteRun, record: Record, *, state: str | None = None, **words: Any
    ) -> None:
        own = msgspec.structs.replace(record.own, **words)
        self._records.write(run, msgspec.structs.replace(record, own=own), state)


def _as_key(found: Credentials) -> Credentials:
    """The form in which W&B takes a key, wherever it was found."""
    key = found.token or found.password
    return Credentials(username=_USER, password=key) if key else Credentials()


def _checked_options(remote: Remote) -> dict[str, str]:
    for name, value in remote.options.items():
        known = name in _OPTIONS and isinstance(value, str) and value
        if not known or (name == "artifacts" and value not in (VERSIONS, "files")):
            raise BadInput(
                f"the option {name}={value!r} of the remote {remote.name!r} cannot be used: "
                f"W&B remotes have entity, the name of a user or team, and artifacts, versions or "
                f"files."
                f"{did_you_mean(name, _OPTIONS - {name})} Set it anew: tracker remote set "
                f"{remote.name} --option KEY=VALUE, or --clear option"
            )
    return dict(remote.options)
