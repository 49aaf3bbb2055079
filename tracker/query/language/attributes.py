"""Attributes of a run that a query may name: those of MLflow by their names there too.

    id (run_id), name (run_name), project (experiment_name), status, group, job_type, notes,
    user (user_id), error                            texts
    start_time (started_at, created), end_time (ended_at)   times
    duration                                          seconds, from start to end or until now
    exit_code, events                                 numbers

A status is one of ours in any case, so MLflow's are too: running, finished, failed, killed; crashed
is ours alone.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Type = Literal["text", "time", "seconds", "number", "status"]

STATUSES = ("running", "finished", "failed", "killed", "crashed")


class Attribute(NamedTuple):
    """How an attribute compares, and where it stands in the table `run`."""

    type: Type
    sql: str


ATTRIBUTES: dict[str, Attribute] = {
    "id": Attribute("text", "run.run_id"),
    "name": Attribute("text", "run.name"),
    "project": Attribute("text", "run.project"),
    "status": Attribute("status", "run.status"),
    "group": Attribute("text", 'run."group"'),
    "job_type": Attribute("text", "run.job_type"),
    "notes": Attribute("text", "run.notes"),
    "user": Attribute(
        "text", "CASE WHEN json_valid(run.about) THEN json_extract(run.about, '$.user') END"
    ),
    "error": Attribute("text", "run.error"),
    "start_time": Attribute("time", "run.started_at"),
    "end_time": Attribute("time", "run.ended_at"),
    "duration": Attribute("seconds", "(coalesce(run.ended_at, :now) - run.started_at) / 1e9"),
    "exit_code": Attribute("number", "run.exit_code"),
    "events": Attribute("number", "run.events"),
}
"""`:now` stands for the time of the query, in nanoseconds."""

ALIASES = {
    "run_id": "id", "run_name": "name", "run name": "name", "experiment_name": "project",
    "user_id": "user", "started_at": "start_time", "created": "start_time",
    "ended_at": "end_time",
}  # fmt: skip

KINDS = {
    "metrics": "metrics", "metric": "metrics", "params": "params", "param": "params",
    "parameters": "params", "parameter": "params", "config": "config", "summary": "summary",
    "tags": "tags", "tag": "tags", "attributes": "attributes", "attribute": "attributes",
    "attr": "attributes", "run": "attributes", "git": "git", "host": "host",
}  # fmt: skip
"""Every word for a kind, and the kind."""

PARTS = ("last", "min", "max", "mean", "first", "step", "min_step", "max_step", "count")
"""Figures of a metric; step is that of the last value."""

ABSENT = {
    "artifact_uri": "artifacts are in the store, by their digest",
    "experiment_id": "a project has no id; name it: project = '...'",
    "lifecycle_stage": "a run that is removed is not here any more",
}
"""Attributes of MLflow that have no meaning here, and why."""


def place_in_about(kind: str, key: str) -> str:
    """The name in a run's `about` of what a query calls git.KEY or host.KEY."""
    if kind == "git":
        return f"git_{key}"
    return "host" if key == "name" else key
