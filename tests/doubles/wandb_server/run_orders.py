"""What can be ordered about runs: GraphQL's mutations."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.doubles.wandb_server.document import GraphqlError
from tests.doubles.wandb_server.graphql import Node
from tests.doubles.wandb_server.run import Run, Runs
from tests.doubles.wandb_server.run_nodes import VIEWER
from tests.doubles.wandb_server.storage import Storage

PROJECT = "uncategorized"
"""The project of runs that name none."""

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


class RunOrders:
    """Carries out orders on runs; `node` makes the node that is the answer."""

    def __init__(self, runs: Runs, storage: Storage, node: Callable[[Run], Node]) -> None:
        self._runs = runs
        self._storage = storage
        self._node = node

    def root(self) -> Node:
        """Orders by name."""
        return {
            "upsertBucket": self._upsert,
            "deleteRun": self._delete,
            "createRunFiles": self._create_files,
            "deleteFiles": self._delete_files,
            "markRunFilesUploaded": self._mark_uploaded,
        }

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
        parsed = [json.loads(text) for text in (config, summary_metrics) if text is not None]
        if not all(isinstance(value, dict) for value in parsed):
            raise GraphqlError("upsertBucket: config or summaryMetrics is not an object")
        held, inserted = self._chosen(id_, entity_name, model_name, name)
        if config is not None:
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
            return self._runs.by_id(storage_id), False
        key = (entity or VIEWER, project or PROJECT, name or f"made{len(self._runs.held):04}")
        held = self._runs.find(*key)
        return held or self._runs.make(*key), held is None

    def _delete(self, *, id_: str, delete_artifacts: bool | None = None) -> Node:
        held = self._runs.by_id(id_)
        if delete_artifacts:
            raise GraphqlError("deleteRun: artifacts are not deleted here")
        self._runs.delete(held.entity, held.project, held.name)
        return {"clientMutationId": None}

    def _create_files(
        self, *, entity_name: str, project_name: str, run_name: str, files: list[str]
    ) -> Node:
        held = self._runs.get(entity_name, project_name, run_name)
        targets = [
            {"name": name, "uploadUrl": self._storage.upload_url(held.files, name)}
            for name in files
        ]
        return {"runID": held.storage_id, "uploadHeaders": [], "files": targets}

    def _delete_files(self, *, files: list[str], project_id: int | None = None) -> Node:
        for held in self._runs.held.values():
            for name in [name for name in held.files if f"file-{held.storage_id}-{name}" in files]:
                del held.files[name]
        return {"success": project_id == 1}

    def _mark_uploaded(
        self, *, entity_name: str, project_name: str, run_name: str, files: list[str]
    ) -> Node:
        self._runs.get(entity_name, project_name, run_name).uploaded += files
        return {"success": True}
