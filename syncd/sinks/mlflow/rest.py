"""MLflow's REST API 2.0 as far as the sink needs it, each call typed.

Paths and fields: https://mlflow.org/docs/latest/rest-api.html. Integers may come as JSON
numbers or as strings, and NaN comes as the string "NaN", in both directions (protobuf's JSON).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeVar

import msgspec

from syncd.sinks import Retryable
from syncd.sinks.http import HttpClient, Refusal

PREFIX = "/api/2.0/mlflow/"
HISTORY_PAGE = 10_000
"""Points per page: about 1.2 MB of JSON."""

MOST_BYTES = 900_000
"""Of a request's body, as we make it; servers are asked for less than 1 MB."""

LEAST_BYTES = 16_384
"""However often requests are refused as too large, up to this much is put into one."""

_RUNS_PAGE = 100
_NOT_FOUND = "RESOURCE_DOES_NOT_EXIST"
_EXISTS = "RESOURCE_ALREADY_EXISTS"

T = TypeVar("T")


class Pair(msgspec.Struct):
    """A param or a tag. The server leaves an empty value out."""

    key: str
    value: str = ""


class Metric(msgspec.Struct, gc=False):
    """A metric point; `timestamp` in ms."""

    key: str
    value: float | str
    timestamp: int
    step: int = 0


class RunInfo(msgspec.Struct):
    """What MLflow keeps of a run itself; `lifecycle_stage` is "active" or "deleted"."""

    run_id: str
    experiment_id: str = ""
    status: str = ""
    end_time: int | None = None
    artifact_uri: str = ""
    lifecycle_stage: str = "active"


class RunData(msgspec.Struct):
    """Params, tags and the latest point of each metric."""

    metrics: list[Metric] = []
    params: list[Pair] = []
    tags: list[Pair] = []


class Run(msgspec.Struct):
    """A run with its data."""

    info: RunInfo
    data: RunData = msgspec.field(default_factory=RunData)

    @property
    def active(self) -> bool:
        """False if somebody deleted it."""
        return self.info.lifecycle_stage == "active"

    @property
    def tags(self) -> dict[str, str]:
        """Tags by key."""
        return {tag.key: tag.value for tag in self.data.tags}


class Experiment(msgspec.Struct):
    """An experiment; `lifecycle_stage` as in `RunInfo`, `artifact_location` for its runs' files."""

    experiment_id: str
    lifecycle_stage: str = "active"
    name: str = ""
    artifact_location: str = ""


class FileInfo(msgspec.Struct):
    """A file or folder among a run's artifacts; `path` from their root."""

    path: str
    is_dir: bool = False


class _Experiment(msgspec.Struct):
    experiment: Experiment


class _Experiments(msgspec.Struct):
    experiments: list[Experiment] = []


class _Run(msgspec.Struct):
    run: Run


class _Runs(msgspec.Struct):
    runs: list[Run] = []
    next_page_token: str = ""


class _History(msgspec.Struct):
    metrics: list[Metric] = []
    next_page_token: str = ""


class _Files(msgspec.Struct):
    files: list[FileInfo] = []
    next_page_token: str = ""


class Done(msgspec.Struct):
    """Any object. What it holds is passed over: millions of small values would be much memory."""


class _Error(msgspec.Struct):
    error_code: str
    message: str = ""


class Api:
    """Calls to one server; raises the four errors, and `Refusal` for MLflow's own refusals.

    Attributes:
        most_bytes: how long a request's body should be at most.
    """

    def __init__(self, http: HttpClient) -> None:
        self.http = http
        self.most_bytes = MOST_BYTES

    def too_large(self, count: int) -> None:
        """Learn that a body of `count` bytes was too large."""
        self.most_bytes = min(self.most_bytes, max(count // 2, LEAST_BYTES))

    def experiment(self, name: str) -> Experiment | None:
        """Find an experiment by name, deleted ones too."""
        try:
            got = self._call(
                "GET", "experiments/get-by-name", _Experiment, params={"experiment_name": name}
            )
        except Refusal as refusal:
            if error_code(refusal) == _NOT_FOUND:
                return None
            raise
        return got.experiment

    def create_experiment(self, name: str) -> bool:
        """Create an experiment; False if there is one of that name."""
        try:
            self._write("experiments/create", {"name": name})
        except Refusal as refusal:
            if error_code(refusal) == _EXISTS:
                return False
            raise
        return True

    def newest_experiment(self) -> Experiment | None:
        """The newest experiment that we may see: the least call that needs credentials."""
        wanted = {"max_results": 1, "order_by": ["creation_time DESC"]}
        found = self._call("POST", "experiments/search", _Experiments, body=wanted).experiments
        return found[0] if found else None

    def create_nothing(self) -> None:
        """Ask for an experiment without a name, which nobody gets: 400, or 403 if not allowed."""
        self._call("POST", "experiments/create", dict[str, Any], body={})

    def runs_tagged(self, experiment_id: str, tag: str, value: str) -> list[Run]:
        """Find runs by a tag, deleted ones too. `tag` and `value` hold no quotes."""
        wanted = {
            "experiment_ids": [experiment_id],
            "filter": f"tags.`{tag}` = '{value}'",
            "run_view_type": "ALL",
            "max_results": _RUNS_PAGE,
        }
        found: list[Run] = []
        token = ""
        while True:
            body = {**wanted, "page_token": token} if token else wanted
            page = self._call("POST", "runs/search", _Runs, body=body)
            found += page.runs
            token = page.next_page_token
            if not token:
                return found

    def create_run(self, experiment_id: str, name: str, start_ms: int, tags: dict[str, str]) -> Run:
        """Create a run with its tags, in one transaction of the server."""
        body = {
            "experiment_id": experiment_id,
            "run_name": name,
            "start_time": start_ms,
            "tags": [Pair(key, value) for key, value in tags.items()],
        }
        return self._call("POST", "runs/create", _Run, body=body, data=True).run

    def run(self, run_id: str) -> Run:
        """Read a run."""
        return self._call("GET", "runs/get", _Run, params={"run_id": run_id}).run

    def update_run(self, run_id: str, status: str, end_ms: int | None) -> None:
        """Set a run's status and, if there is one, its end."""
        end = {} if end_ms is None else {"end_time": end_ms}
        self._write("runs/update", {"run_id": run_id, "status": status, **end})

    def delete_run(self, run_id: str) -> None:
        """Mark a run as deleted."""
        self._write("runs/delete", {"run_id": run_id})

    def log_batch(self, content: bytes) -> None:
        """Send an encoded log-batch body."""
        self._call("POST", "runs/log-batch", Done, body=content, data=True)

    def set_tags(self, run_id: str, tags: dict[str, str], most: int = 100) -> None:
        """Set tags of a run, in the order given, `most` in a request."""
        pairs = [Pair(key, value) for key, value in tags.items()]
        for start in range(0, len(pairs), most):
            self.log_batch(batch_body(run_id, tags=pairs[start : start + most]))

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove a tag of a run; one that is not there is removed already."""
        try:
            self._write("runs/delete-tag", {"run_id": run_id, "key": key})
        except Refusal as refusal:
            if error_code(refusal) != _NOT_FOUND or "No tag" not in refusal.body.decode():
                raise

    def history(self, run_id: str, key: str) -> Iterator[Metric]:
        """Yield all points of a metric, read page by page."""
        params: dict[str, str | int]
        params = {"run_id": run_id, "metric_key": key, "max_results": HISTORY_PAGE}
        while True:
            page = self._call("GET", "metrics/get-history", _History, params=params)
            yield from page.metrics
            if not page.next_page_token:
                return
            params["page_token"] = page.next_page_token

    def files(self, run_id: str, path: str = "") -> Iterator[FileInfo]:
        """Yield all files below `path` among a run's artifacts."""
        params = {"run_id": run_id, **({"path": path} if path else {})}
        while True:
            page = self._call("GET", "artifacts/list", _Files, params=params)
            for file in page.files:
                if file.is_dir:
                    yield from self.files(run_id, file.path)
                else:
                    yield file
            if not page.next_page_token:
                return
            params["page_token"] = page.next_page_token

    def _write(self, path: str, body: dict[str, Any]) -> None:
        self._call("POST", path, Done, body=body, data=True)

    def _call(
        self,
        method: Literal["GET", "POST"],
        path: str,
        answer: type[T],
        *,
        body: Any = None,
        params: Any = None,
        data: bool = False,
    ) -> T:
        try:
            return self.http.json(
                method, PREFIX + path, answer, body=body, params=params, data=data
            )
        except Refusal as refusal:
            raise heard(refusal) from None


def batch_body(
    run_id: str,
    metrics: Sequence[Metric] = (),
    params: Sequence[Pair] = (),
    tags: Sequence[Pair] = (),
) -> bytes:
    """Encode a log-batch request."""
    return msgspec.json.encode(
        {"run_id": run_id, "metrics": metrics, "params": params, "tags": tags}
    )


def heard(refusal: Refusal) -> Refusal | Retryable:
    """Return a refusal if it is MLflow's; that it has no such call, it never says."""
    if refusal.status not in (404, 405) or error_code(refusal):
        return refusal
    return Retryable(
        f"{refusal}. This is not how an MLflow server answers: is the remote's address right?"
    )


def error_code(refusal: Refusal) -> str:
    """Return MLflow's word for a refusal, or "" if it is not MLflow that answered."""
    error = _error(refusal)
    return error.error_code if error else ""


def reason(refusal: Refusal) -> str:
    """Return MLflow's sentence for a refusal, or what else the answer said."""
    error = _error(refusal)
    return error.message if error else str(refusal)


def _error(refusal: Refusal) -> _Error | None:
    try:
        return msgspec.json.decode(refusal.body, type=_Error)
    except (msgspec.MsgspecError, RecursionError):
        return None
