"""Finding or making the one MLflow run of a run of ours.

MLflow chooses run ids and lets tags repeat, so there is no call that makes a run once. We
search by the tag `tracker.run_id`, create with the tag (one transaction), search again and
keep one: the run that already holds a cursor, else the smallest id. A create whose answer
was lost, or that a killed process left on its way, shows up in a later search and is removed
then; it never displaces a run that has data. What we remove is first marked with
`tracker.duplicate_of`, so that it is told apart from a run that a person deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from typing import Any
from urllib.parse import urlsplit

from syncd.sinks import Head, Rejected, RemoteRun, Retryable
from syncd.sinks.http import Refusal
from syncd.sinks.mlflow.rest import Api, Run
from syncd.sinks.mlflow.translation import MAX_TAG, fit

RUN_TAG = "tracker.run_id"
GROUP_TAG = "tracker.group_id"
DUPLICATE_TAG = "tracker.duplicate_of"
EVENTS_CURSOR = "tracker.cursor."
FILES_CURSOR = "tracker.files."

MAX_EXPERIMENT = 500
"""Characters of an experiment's name."""

_NS_PER_MS = 1_000_000


class Opening:
    """Opens runs at one server. Options: see `MlflowSink`."""

    def __init__(self, api: Api, *, nested_groups: bool, recreate_deleted: bool) -> None:
        self._api = api
        self._nested_groups = nested_groups
        self._recreate_deleted = recreate_deleted
        # Two threads that create at once could each miss the other's run in their searches.
        self._one_at_a_time = threading.Lock()

    def open(self, head: Head) -> RemoteRun:
        """See `syncd.sinks.Sink.open`."""
        with self._one_at_a_time:
            experiment_id = self._experiment(head.project)
            tags = _head_tags(head)
            if self._nested_groups and head.group:
                tags["mlflow.parentRunId"] = self._parent(experiment_id, head, head.group)
            run = self._one_run(experiment_id, head, head.name, RUN_TAG, tags)
        run_id = run.info.run_id
        return RemoteRun(
            id=run_id,
            url=f"{self._api.http.url}/#/experiments/{experiment_id}/runs/{run_id}",
            handle={"experiment_id": experiment_id, "files": _files_root(run.info.artifact_uri)},
        )

    def _experiment(self, project: str) -> str:
        name = experiment_name(project)
        found = self._api.experiment(name)
        if found is None:
            # False says that somebody else was first, which is as good.
            self._api.create_experiment(name)
            found = self._api.experiment(name)
        if found is None:
            raise Retryable(f"the MLflow experiment {name!r} was made but is not found yet")
        if found.lifecycle_stage != "active":
            raise Rejected(
                f"the MLflow experiment {name!r} is deleted there. Restore it (mlflow experiments "
                f"restore --experiment-id {found.experiment_id}), or remove it for good with "
                "mlflow gc; then `syncd retry`."
            )
        return found.experiment_id

    def _parent(self, experiment_id: str, head: Head, group: str) -> str:
        tags = {
            GROUP_TAG: hashlib.sha256(group.encode()).hexdigest()[:32],
            "tracker.group": fit(group, MAX_TAG, "group", []),
        }
        parent = self._one_run(experiment_id, head, group, GROUP_TAG, tags)
        if parent.info.status == "RUNNING":  # nothing runs in it; its children do
            self._api.update_run(parent.info.run_id, "FINISHED", _ms(head.started_at))
        return parent.info.run_id

    def _one_run(
        self, experiment_id: str, head: Head, name: str, tag: str, tags: dict[str, str]
    ) -> Run:
        if found := self._found(experiment_id, tag, tags[tag]):
            return self._kept(found)
        self._api.create_run(experiment_id, name or head.run_id, _ms(head.started_at), tags)
        if found := self._found(experiment_id, tag, tags[tag]):
            return self._kept(found)
        raise Retryable(f"the MLflow run of {head.run_id} was made but is not found yet")

    def _found(self, experiment_id: str, tag: str, value: str) -> list[Run]:
        runs = self._api.runs_tagged(experiment_id, tag, value)
        active = [run for run in runs if run.active]
        by_a_person = [run for run in runs if not run.active and DUPLICATE_TAG not in run.tags]
        if by_a_person and not active and not self._recreate_deleted:
            raise Rejected(
                f"the MLflow run {by_a_person[0].info.run_id} ({tag} {value}) was deleted there. "
                "Restore it in MLflow, or set the option recreate_deleted of this remote to get "
                "a new one; then `syncd retry`."
            )
        return active

    def _kept(self, runs: list[Run]) -> Run:
        kept, *others = sorted(runs, key=lambda run: (not _has_cursor(run), run.info.run_id))
        for run in others:
            # Refused: another opener has removed it meanwhile.
            with contextlib.suppress(Refusal):
                self._api.set_tags(run.info.run_id, {DUPLICATE_TAG: kept.info.run_id})
                self._api.delete_run(run.info.run_id)
        return kept


def why_gone(run: Run) -> Rejected | Retryable:
    """Say why a run takes no data any more."""
    if kept := run.tags.get(DUPLICATE_TAG):
        return Retryable(
            f"the MLflow run {run.info.run_id} was made twice; {kept} is kept: open it"
        )
    return Rejected(
        f"the MLflow run {run.info.run_id} was deleted there. Restore it in MLflow, "
        "then `syncd retry`."
    )


def experiment_name(project: str) -> str:
    """Return the name of a project's experiment; what is too long is cut and told by a digest."""
    name = project.replace("\0", "\\x00") or "Default"
    if len(name) <= MAX_EXPERIMENT:
        return name
    tail = "-" + hashlib.sha256(name.encode()).hexdigest()[:16]
    return name[: MAX_EXPERIMENT - len(tail)] + tail


def _head_tags(head: Head) -> dict[str, str]:
    about = head.about
    wanted: dict[str, Any] = {
        RUN_TAG: head.run_id,
        "mlflow.user": about.get("user"),
        "mlflow.source.name": about.get("program"),
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": about.get("git_commit"),
        "mlflow.source.git.repoURL": about.get("git_remote"),
        "mlflow.note.content": head.notes,
        "tracker.group": head.group,
        "tracker.job_type": head.job_type,
    }
    return {key: fit(str(value), MAX_TAG, key, []) for key, value in wanted.items() if value}


def _has_cursor(run: Run) -> bool:
    return any(tag.key.startswith((EVENTS_CURSOR, FILES_CURSOR)) for tag in run.data.tags)


def _files_root(artifact_uri: str) -> str:
    """Return where a run's files are below the artifact proxy; "" if it does not serve them."""
    parts = urlsplit(artifact_uri)
    return parts.path.strip("/") if parts.scheme == "mlflow-artifacts" else ""


def _ms(ns: int) -> int:
    return max(ns // _NS_PER_MS, 0)
