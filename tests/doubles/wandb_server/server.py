"""The server: what it holds, and the questions and orders that it understands."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections import defaultdict
from typing import Any

from tests.doubles.wandb_server import queries
from tests.doubles.wandb_server.connection import connection
from tests.doubles.wandb_server.door import Door, Limit, Request
from tests.doubles.wandb_server.graphql import GraphqlError, Node, answer, read
from tests.doubles.wandb_server.run import Run
from tests.doubles.wandb_server.storage import Refused, Storage

KEY = "0123456789abcdef" * 2 + "01234567"
"""A key as clients want them: 40 characters."""


class WandbServer:
    """A stand-in for Weights & Biases on a free port of 127.0.0.1, for as long as its block.

    Attributes:
        key: what clients must show.
        runs: by entity, project and run id.
        deleted: ids of deleted runs, which are refused for ever.
        requests: all that came, by kind: the name of a GraphQL operation, "file_stream",
            "PUT file", "GET file".
        complaints: what clients did wrong, by kind: "unknown" (an operation or field),
            "unreadable" (a body), "unauthorized", "refused", "hole" (an offset beyond the last
            line), "step" (missing or going back), "impatient" (before Retry-After was over).
        stale_rows: so many of a run's last rows its historyLineCount does not count yet.
        script: by kind, what happens to the next requests: a status, "refuse" (reset before the
            request counts), "lost" or "reset" (closed or reset in place of the answer).
        limits: by "graphql" or "file_stream", how many requests are taken, the rest get 429.
        address: where clients are sent for files; set it to a proxy's if one is in front.
    """

    def __init__(self, key: str = KEY) -> None:
        self.key = key
        self.runs: dict[tuple[str, str, str], Run] = {}
        self.deleted: set[tuple[str, str, str]] = set()
        self.requests: dict[str, list[Request]] = defaultdict(list)
        self.complaints: dict[str, list[str]] = {}
        self.stale_rows = 0
        self.script: dict[str, list[str]] = {}
        self.limits: dict[str, Limit] = {}
        self.storage = Storage(lambda: self.address)
        self.lock = threading.Lock()
        self._door = Door(self)
        self.address = self.url

    @property
    def url(self) -> str:
        """Where to speak to it."""
        return self._door.url

    def __enter__(self) -> WandbServer:  # noqa: PYI034 - Self is not in Python 3.10
        self._door.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._door.close()

    def run(self, entity: str, project: str, name: str) -> Run:
        """Give a run by its id.

        Raises:
            KeyError: There is none.
        """
        return self.runs[entity, project, name]

    def delete(self, entity: str, project: str, name: str) -> None:
        """Delete a run; its id is refused from here on."""
        del self.runs[entity, project, name]
        self.deleted.add((entity, project, name))

    def complain(self, kind: str, text: str) -> None:
        """Note what a client did wrong."""
        self.complaints.setdefault(kind, []).append(text)

    def ask(self, document: str, variables: dict[str, Any]) -> Node:
        """Answer one GraphQL request, with errors in it where it is not understood.

        Raises:
            Refused: It is about a deleted run.
        """
        name = ""
        try:
            operation = read(document)
            name = operation.name
            root = self._query() if operation.kind == "query" else self._mutation()
            return {"data": answer(operation, variables, root)}
        except GraphqlError as error:
            self.complain("unknown", f"{name}: {error}")
            return {"data": None, "errors": [{"message": f"{name}: {error}"}]}

    def stream(self, entity: str, project: str, name: str, body: Any) -> Node:
        """Take one request of a run's stream.

        Raises:
            Refused: There is no such run, or the request is wrong.
        """
        held = self._found(entity, project, name)
        if held is None:
            raise Refused(404, f"{entity}/{project}/{name}: there is no such run")
        for kind, text in held.take(body):
            self.complain(kind, text)
        return {"exitcode": None, "limits": {}}

    def _query(self) -> Node:
        return {
            "viewer": queries.user,
            "serverInfo": {"features": []},
            "entity": queries.entity,
            "project": self._project,
            "model": self._project,
        }

    def _mutation(self) -> Node:
        return {
            "upsertBucket": self._upsert,
            "deleteRun": self._delete,
            "createRunFiles": self._create_files,
            "deleteFiles": self._delete_files,
            "markRunFilesUploaded": self._mark_uploaded,
        }

    def _found(self, entity: str, project: str, name: str) -> Run | None:
        if (entity, project, name) in self.deleted:
            text = f"run {entity}/{project}/{name} was previously created and deleted"
            raise Refused(409, f"{text}; try a new run name")
        return self.runs.get((entity, project, name))

    def _project(self, name: str | None = None, entity_name: str | None = None) -> Node | None:
        entity, name = entity_name or queries.VIEWER, name or "uncategorized"
        held = [run for key, run in self.runs.items() if key[:2] == (entity, name)]
        return self._project_node(entity, name, held) if held else None

    def _project_node(self, entity: str, name: str, held: list[Run]) -> Node:
        def one(name: str) -> Node | None:
            return next((self._node(run) for run in held if run.name == name), None)

        def bucket(name: str, *, missing_ok: bool = False) -> Node | None:
            found = one(name)
            if found is None and not missing_ok:
                raise GraphqlError(f"run {name} not found")
            return found

        def runs(
            first: int | None = None,
            after: str | None = None,
            order: str | None = None,
            filters: str | None = None,
        ) -> Node:
            if json.loads(filters or "{}") or order not in {None, "+created_at"}:
                raise GraphqlError("runs are neither filtered nor ordered here")
            return connection([self._node(run) for run in held], first, after)

        return {
            "__typename": "Project",
            "id": f"project-{entity}-{name}",
            "internalId": 1,
            "name": name,
            "entityName": entity,
            "entity": queries.entity(entity),
            "createdAt": held[0].created_at if held else "",
            "isBenchmark": False,
            "readOnly": False,
            "user": queries.user,
            "run": one,
            "bucket": bucket,
            "runs": runs,
            "runCount": lambda filters=None: len(held) if filters in {None, "{}"} else None,
        }

    def _node(self, held: Run) -> Node:
        def project() -> Node | None:
            return self._project(held.project, held.entity)

        return queries.run(held, project, self.stale_rows, self.storage)

    def _upsert(
        self,
        *,
        id_: str | None = None,
        name: str | None = None,
        model_name: str | None = None,
        entity_name: str | None = None,
        config: str | None = None,
        summary_metrics: str | None = None,
        state: str | None = None,
        debug: bool | None = None,
        **attributes: Any,
    ) -> Node:
        unknown = attributes.keys() - _ATTRIBUTES.keys()
        if unknown or debug:
            raise GraphqlError(f"upsertBucket: {sorted(unknown) or 'debug'} is not known")
        held, inserted = self._chosen(id_, entity_name, model_name, name)
        if config is not None:
            json.loads(config)
            held.config_json = config
        if summary_metrics is not None:
            held.summary = json.loads(summary_metrics)
        held.state = state or ("running" if id_ is None else held.state)
        held.attributes |= {
            _ATTRIBUTES[key]: value for key, value in attributes.items() if value is not None
        }
        return {"bucket": self._node(held), "inserted": inserted}

    def _chosen(
        self, storage_id: str | None, entity: str | None, project: str | None, name: str | None
    ) -> tuple[Run, bool]:
        if storage_id is not None:
            return self._by_id(storage_id), False
        key = (
            entity or queries.VIEWER,
            project or "uncategorized",
            name or f"made{len(self.runs):04}",
        )
        held = self._found(*key)
        if held is not None:
            return held, False
        now = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
        self.runs[key] = Run(*key, f"run-{len(self.runs) + len(self.deleted)}", now)
        return self.runs[key], True

    def _by_id(self, storage_id: str) -> Run:
        for held in self.runs.values():
            if held.storage_id == storage_id:
                return held
        raise Refused(404, f"run {storage_id} not found")

    def _delete(self, id_: str, *, delete_artifacts: bool | None = None) -> Node:
        held = self._by_id(id_)
        if delete_artifacts:
            raise GraphqlError("deleteRun: artifacts are not deleted here")
        self.delete(held.entity, held.project, held.name)
        return {"clientMutationId": None}

    def _named(self, entity_name: str | None, project_name: str | None, run_name: str) -> Run:
        entity, project = entity_name or queries.VIEWER, project_name or "uncategorized"
        held = self._found(entity, project, run_name)
        if held is None:
            raise Refused(404, f"run {entity}/{project}/{run_name} not found")
        return held

    def _create_files(
        self, entity_name: str, project_name: str, run_name: str, files: list[str]
    ) -> Node:
        held = self._named(entity_name, project_name, run_name)
        targets = [
            {"name": name, "uploadUrl": self.storage.upload_url(held.files, name)} for name in files
        ]
        return {"runID": held.storage_id, "uploadHeaders": [], "files": targets}

    def _delete_files(self, files: list[str], project_id: int | None = None) -> Node:
        del project_id
        for held in self.runs.values():
            for name in [name for name in held.files if f"file-{name}" in files]:
                del held.files[name]
        return {"success": True}

    def _mark_uploaded(
        self, entity_name: str, project_name: str, run_name: str, files: list[str]
    ) -> Node:
        self._named(entity_name, project_name, run_name).uploaded += files
        return {"success": True}


_ATTRIBUTES = {
    "group_name": "groupName",
    "description": "description",
    "display_name": "displayName",
    "notes": "notes",
    "commit": "commit",
    "host": "host",
    "job_program": "jobProgram",
    "job_repo": "jobRepo",
    "job_type": "jobType",
    "sweep": "sweep",
    "tags": "tags",
}
