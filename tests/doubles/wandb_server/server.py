"""The server: what it holds, and how it answers."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

from tests.doubles.wandb_server import run_nodes
from tests.doubles.wandb_server.artifact import Collection, Shelf
from tests.doubles.wandb_server.artifact_nodes import ArtifactNodes
from tests.doubles.wandb_server.artifact_orders import ArtifactOrders
from tests.doubles.wandb_server.document import GraphqlError, read
from tests.doubles.wandb_server.door import Door, Limit, Request
from tests.doubles.wandb_server.graphql import Json, Node, answer
from tests.doubles.wandb_server.run import Key, Run, Runs
from tests.doubles.wandb_server.run_orders import PROJECT, RunOrders
from tests.doubles.wandb_server.storage import Storage

KEY = "0123456789abcdef" * 2 + "01234567"
"""A key as clients want them: 40 characters."""

VERSIONS = {
    "cliVersionInfo": Json({"max_cli_version": "0.31.0"}),
    "latestLocalVersionInfo": {"versionOnThisInstanceString": "0.77.0"},
}
"""What it tells of its and its clients' versions."""


class WandbServer:
    """A stand-in for Weights & Biases on a free port of 127.0.0.1, for as long as its block.

    Attributes:
        key: what clients must show.
        requests: all that came, by kind: the name of a GraphQL operation, "file_stream",
            "PUT file", "GET file".
        complaints: what clients did wrong, by kind: "unknown" (an operation or field),
            "unreadable" (a body), "unauthorized", "refused", "hole" (an offset beyond the last
            line), "step" (missing or going back), "impatient" (before Retry-After was over); and
            "failed", an error of the stand-in itself.
        stale_rows: so many of a run's last rows its historyLineCount does not count yet.
        script: by kind, what happens to the next requests: a status, "refuse" (reset before the
            request counts), "lost" or "reset" (closed or reset in place of the answer).
        retry_after_s: how long the script's 429 and 503 tell to wait.
        features: what the server says it can do beyond the least: "FILESTREAM_GZIP" it can. With
            others clients ask what is unknown here.
        limits: by "graphql", "file_stream" or "storage", how many requests are taken.
        address: where clients are sent for files; set it to a proxy's if one is in front.
    """

    def __init__(self, key: str = KEY) -> None:
        self.key = key
        self.requests: dict[str, list[Request]] = defaultdict(list)
        self.complaints: dict[str, list[str]] = {}
        self.stale_rows = 0
        self.script: dict[str, list[str]] = {}
        self.retry_after_s = 0
        self.features: set[str] = set()
        self.limits: dict[str, Limit] = {}
        self.storage = Storage(lambda: self.address)
        self.lock = threading.Lock()
        self._runs = Runs()
        self._shelf = Shelf()
        self._artifacts = ArtifactNodes(self._shelf, self.storage, self._project, self._node)
        self._door = Door(self)
        self.address = self.url

    @property
    def url(self) -> str:
        """Where to speak to it."""
        return self._door.url

    @property
    def runs(self) -> dict[Key, Run]:
        """All runs, by entity, project and run id."""
        return self._runs.held

    @property
    def collections(self) -> dict[Key, Collection]:
        """All artifacts' collections, by entity, project and name."""
        return self._shelf.collections

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
        with self.lock:
            self._runs.delete(entity, project, name)

    def complain(self, kind: str, text: str) -> None:
        """Note what a client did wrong."""
        self.complaints.setdefault(kind, []).append(text)

    def ask(self, document: str, variables: dict[str, Any]) -> Node:
        """Answer one GraphQL request, with errors in it where it is not understood.

        Raises:
            Refused: It is about a run or artifact that there is not.
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
        for kind, text in self._runs.get(entity, project, name).take(body):
            self.complain(kind, text)
        return {"exitcode": None, "limits": {}}

    def _query(self) -> Node:
        features = [{"name": name, "isEnabled": True} for name in sorted(self.features)]
        return {
            "viewer": run_nodes.user,
            "serverInfo": {"features": features, **VERSIONS},
            "entity": run_nodes.entity,
            "project": self._named_project,
            "model": self._named_project,
            **self._artifacts.root(),
        }

    def _mutation(self) -> Node:
        runs = RunOrders(self._runs, self.storage, self._node)
        artifacts = ArtifactOrders(self._shelf, self._artifacts, self.storage, self._runs.get)
        return {**runs.root(), **artifacts.root()}

    def _named_project(
        self, name: str | None = None, entity_name: str | None = None
    ) -> Node | None:
        return self._project(entity_name or run_nodes.VIEWER, name or PROJECT)

    def _project(self, entity: str, name: str) -> Node | None:
        if (entity, name) not in self._runs.projects:
            return None
        held = self._runs.of(entity, name)
        artifacts = self._artifacts.of_project(entity, name)
        return {**run_nodes.project(entity, name, held, self._node), **artifacts}

    def _node(self, held: Run) -> Node:
        node = run_nodes.run(held, self.stale_rows, self.storage)
        node["project"] = lambda: self._project(held.entity, held.project)
        return {**node, **self._artifacts.of_run(held)}
