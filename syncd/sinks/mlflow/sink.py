"""The sink itself: what each method of the contract does at MLflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

import httpx

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
    Point,
    Rejected,
    Remote,
    RemoteRun,
    Sink,
    State,
)
from syncd.sinks.answers import clock_offset_s
from syncd.sinks.escapes import map_file
from syncd.sinks.http import HttpClient, Traffic
from syncd.sinks.mlflow.files import Files
from syncd.sinks.mlflow.looking import Looking
from syncd.sinks.mlflow.opening import EVENTS_CURSOR, FILES_CURSOR, Opening
from syncd.sinks.mlflow.rest import Api, Run
from syncd.sinks.mlflow.sending import Sending, cursor_tags
from syncd.sinks.mlflow.translation import metric_key, replaced, set_back, translate
from tracker.credentials import PLATFORMS, find
from tracker.errors import BadInput
from tracker.settings import did_you_mean

STATUS_TAG = "tracker.status"
"""Holds our word for how the run stands; MLflow has none for a crash."""

_STATUS = {
    "running": "RUNNING",
    "finished": "FINISHED",
    "failed": "FAILED",
    "killed": "KILLED",
    "crashed": "KILLED",
}
_OPTIONS = frozenset({"nested_groups", "recreate_deleted"})
_NS_PER_MS = 1_000_000


class MlflowSink(Sink):
    """An MLflow server, over its REST API 2.0 and its artifact proxy.

    Options of the remote: `nested_groups` makes a parent run per (project, group);
    `recreate_deleted` makes a new run where a person deleted ours. Credentials: see
    `tracker.credentials`, with MLFLOW_TRACKING as the platform's own.

    Once in effect, whatever is repeated:

    - the run: found by the tag `tracker.run_id`, made with it; of two, one is kept
      (see `opening`);
    - points: the server's rows are keyed by (key, time, step, value), so the same point
      again is the same row; twins are told apart by their millisecond (see `translation`);
    - params: write-once, and the same value again changes nothing; a changed value is a tag;
    - tags and summary texts: the last value stands, and a batch sends the last only; what a
      request that came late set back is put right when the run is finished;
    - files: a PUT replaces the whole file, and a broken one leaves what was there;
    - status and end: set to what they were;
    - the cursor: tags `tracker.cursor.<writer>` and `tracker.files.<writer>`, written by the
      last request of a batch, after its data. Losing it or falling behind costs a repeat only.

    Raises:
        BadInput: the remote's address or an option cannot be used.
    """

    kind: ClassVar[str] = "mlflow"
    promises: ClassVar[Mapping[str, str]] = {
        "points": "exactly once",
        "params": "exactly once",
        "tags": "exactly once",
        "files": "exactly once",
        "status": "exactly once",
    }
    # A request takes 1,000 entries and 1 MB. 20 are left for cursors and tags.
    limits: ClassVar[Limits] = Limits(points=980, bytes=600_000)

    def __init__(self, remote: Remote, *, transport: httpx.BaseTransport | None = None) -> None:
        options = _checked_options(remote)
        self._http = HttpClient(
            remote.url,
            credentials=lambda: find(remote.name, remote.url, PLATFORMS["mlflow"]).credentials,
            ca=remote.ca,
            bytes_per_s=remote.bytes_per_s,
            transport=transport,
            deadline_s=remote.timeout_s,
        )
        self._api = Api(self._http)
        self._files = Files(self._http, self._api)
        self._looking = Looking(self._http, self._api)
        self._opening = Opening(
            self._api,
            nested_groups=options.get("nested_groups", False),
            recreate_deleted=options.get("recreate_deleted", False),
        )

    @property
    def traffic(self) -> Traffic:
        """Requests made so far."""
        return self._http.traffic

    def guard(self, may_send: Callable[[], object]) -> None:
        """Before each request."""
        self._http.guard = may_send

    def check(self) -> Check:
        """Reach the server, ask for something that needs credentials, and look; see `looking`."""
        newest = self._api.newest_experiment()
        version, headers = self._looking.version()
        seen = tuple(self._looking.all(version, newest))
        return Check(version, clock_offset_s(headers), seen)

    def open(self, head: Head) -> RemoteRun:
        """Find the run by its tag, or create it with all that its head says."""
        found = self._opening.open(head)
        self._looking.warn_once()
        return found

    def position(self, remote_run: RemoteRun) -> Cursors:
        """Read the cursor tags."""
        tags = self._api.run(remote_run.id).tags
        return Cursors(_cursors(tags, EVENTS_CURSOR), _cursors(tags, FILES_CURSOR))

    def translate(self, state: State, item: Item) -> tuple[Entries, State]:
        """See `translation`."""
        return translate(state, item)

    def send(self, remote_run: RemoteRun, batch: Batch) -> Ack:
        """Deliver a batch; its cursors come with the last request."""
        sending = Sending(self._api, remote_run.id, batch)
        sending.run()
        if sending.refused:
            first = sending.refused[0]
            raise Rejected(
                f"MLflow refused {len(sending.refused)} entries of batch {batch.number}; the "
                f"first is {first.what}: {first.reason}",
                sending.refused,
            )
        return Ack(dict(sending.counts), sending.state, sending.notes)

    def put(self, remote_run: RemoteRun, file: File) -> None:
        """Upload a file through the artifact proxy."""
        self._files.put(remote_run, file)

    def keep(self, remote_run: RemoteRun, cursors: Cursors) -> None:
        """Store the cursors as tags."""
        self._api.set_tags(remote_run.id, cursor_tags(cursors))

    def finish(
        self, remote_run: RemoteRun, status: str, ended_at: int | None, state: State
    ) -> None:
        """Set our word as a tag, then MLflow's status and the run's end.

        Tags to which a request that came late gave an earlier value are put right before.
        """
        if replaced(state):
            self._put_right(remote_run, state)
        self._api.set_tags(remote_run.id, {STATUS_TAG: status})
        end_ms = None if ended_at is None else max(ended_at // _NS_PER_MS, 0)
        self._api.update_run(remote_run.id, _STATUS[status], end_ms)

    def read_back(self, remote_run: RemoteRun) -> Held:
        """Read params, tags and files at once, points as they are asked for."""
        run = self._api.run(remote_run.id)
        tags = run.tags
        return Held(
            points=self._points(run),
            params={param.key: param.value for param in run.data.params},
            tags=tags,
            files=self._files.digests(remote_run),
            status=tags.get(STATUS_TAG, "running"),
            ended_at_ms=run.info.end_time,
        )

    def key(self, key: str) -> str:
        """See `names`."""
        return metric_key(key)

    def path(self, path: str) -> str:
        """See `names`."""
        return map_file(path)

    def close(self) -> None:
        """Release connections."""
        self._http.close()

    def _put_right(self, remote_run: RemoteRun, state: State) -> None:
        for key, value in set_back(state, self._api.run(remote_run.id).tags).items():
            if value is None:
                self._api.delete_tag(remote_run.id, key)
            else:
                self._api.set_tags(remote_run.id, {key: value})

    def _points(self, run: Run) -> Iterator[Point]:
        for latest in run.data.metrics:
            for metric in self._api.history(run.info.run_id, latest.key):
                value = float(metric.value)
                yield Point(metric.key, metric.step, metric.timestamp, value)


def _checked_options(remote: Remote) -> dict[str, bool]:
    for name, value in remote.options.items():
        if name not in _OPTIONS or not isinstance(value, bool):
            raise BadInput(
                f"the option {name}={value!r} of the remote {remote.name!r} cannot be used: "
                f"MLflow remotes have {', '.join(sorted(_OPTIONS))}, each true or false."
                f"{did_you_mean(name, _OPTIONS - {name})} Set them anew: tracker remote set "
                f"{remote.name} --option KEY=VALUE, or --clear option"
            )
    return dict(remote.options)


def _cursors(tags: Mapping[str, str], prefix: str) -> dict[str, int]:
    return {
        key[len(prefix) :]: int(value)
        for key, value in tags.items()
        if key.startswith(prefix) and value.isdecimal()  # a person can edit tags
    }
