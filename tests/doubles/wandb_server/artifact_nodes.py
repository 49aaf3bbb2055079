"""What can be asked about artifacts, as GraphQL nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.doubles.wandb_server import run_nodes
from tests.doubles.wandb_server.artifact import Artifact, Collection, Shelf
from tests.doubles.wandb_server.connection import connection
from tests.doubles.wandb_server.document import GraphqlError
from tests.doubles.wandb_server.graphql import Node
from tests.doubles.wandb_server.run import Run
from tests.doubles.wandb_server.run_nodes import CREATED
from tests.doubles.wandb_server.storage import Storage


class ArtifactNodes:
    """Makes nodes of what stands on a shelf."""

    def __init__(
        self,
        shelf: Shelf,
        storage: Storage,
        project: Callable[[str, str], Node | None],
        run: Callable[[Run], Node],
    ) -> None:
        self._shelf = shelf
        self._storage = storage
        self._project = project
        self._run = run

    def root(self) -> Node:
        """Fields of the root."""

        def collection(id_: str) -> Node | None:
            held = self._shelf.collections.values()
            return next((self._collection(c) for c in held if c.storage_id == id_), None)

        def client_id(client_id: str) -> Node:
            return {"serverID": self._shelf.client_ids.get(client_id)}

        return {
            "artifact": lambda id_: self.node(self._shelf.artifact(id_)),
            "artifactCollection": collection,
            "clientIDMapping": client_id,
        }

    def of_run(self, run: Run) -> Node:
        """Fields of a run's node."""
        everything = [held for c in self._shelf.collections.values() for held in c.versions]
        return {
            "outputArtifacts": lambda first=None, after=None: connection(
                [self.node(held) for held in everything if held.created_by is run], first, after
            ),
            "inputArtifacts": lambda first=None, after=None: connection(
                [self.node(held) for held in everything if run in held.used_by], first, after
            ),
        }

    def of_project(self, entity: str, project: str) -> Node:
        """Fields of a project's node."""
        held = [c for key, c in self._shelf.collections.items() if key[:2] == (entity, project)]
        types = sorted({collection.type for collection in held})

        def one(name: str) -> Node | None:
            return next((self._collection(c) for c in held if c.name == name), None)

        def all_of(**asked: Any) -> Node:
            return connection([self._collection(c) for c in held], **asked)

        def version(name: str) -> Artifact | None:
            name, _, alias = name.partition(":")
            found = self._shelf.collections.get((entity, project, name))
            return found.version(alias or "latest") if found else None

        def artifact(name: str) -> Node | None:
            found = version(name)
            return self.node(found) if found else None

        def membership(name: str) -> Node | None:
            found = version(name)
            return self._membership(found) if found else None

        def type_(name: str) -> Node | None:
            return self._type(entity, project, name) if name in types else None

        return {
            "artifact": artifact,
            "artifactCollectionMembership": membership,
            "artifactCollection": one,
            "artifactCollections": all_of,
            "artifactType": type_,
            "artifactTypes": lambda first=None, after=None: connection(
                [self._type(entity, project, name) for name in types], first, after
            ),
        }

    def _type(self, entity: str, project: str, name: str) -> Node:
        held = [
            self._collection(collection)
            for key, collection in self._shelf.collections.items()
            if key[:2] == (entity, project) and collection.type == name
        ]
        return {
            "__typename": "ArtifactType",
            "id": f"type-{name}",
            "name": name,
            "description": None,
            "createdAt": CREATED,
            "artifactCollection": lambda name: next((c for c in held if c["name"] == name), None),
            "artifactCollections": lambda **asked: connection(held, **asked),
        }

    def _collection(self, held: Collection) -> Node:
        def membership(alias_name: str) -> Node | None:
            artifact = held.version(alias_name)
            return self._membership(artifact) if artifact else None

        def artifacts(order: str | None = None, **asked: Any) -> Node:
            nodes = [self.node(version) for version in held.versions]
            return connection(nodes, order=order or "-created_at", **asked)

        return {
            "__typename": "ArtifactSequence",
            "id": held.storage_id,
            "name": held.name,
            "description": None,
            "createdAt": CREATED,
            "updatedAt": CREATED,
            "state": "READY",
            "digestAlgorithm": "MANIFEST_MD5",
            "project": lambda: self._project(held.entity, held.project),
            "defaultArtifactType": lambda: self._type(held.entity, held.project, held.type),
            "tags": connection([]),
            "aliases": lambda first=None, after=None: connection(
                [self._alias(held, alias) for alias in held.aliases], first, after
            ),
            "latestArtifact": lambda: self.node(held.versions[-1]) if held.versions else None,
            "artifactMembership": membership,
            "artifacts": artifacts,
        }

    def _alias(self, held: Collection, alias: str) -> Node:
        return {
            "__typename": "ArtifactAlias",
            "id": f"{held.storage_id}-{alias}",
            "alias": alias,
            "artifactCollection": lambda: self._collection(held),
        }

    def node(self, held: Artifact) -> Node:
        """Make the node of a version or draft."""
        sequence = held.collection
        used_by = [self._run(run) for run in held.used_by]
        return {
            "__typename": "Artifact",
            "id": held.storage_id,
            "version": f"v{held.index}",
            "versionIndex": held.index if held.index >= 0 else None,
            "artifactSequence": lambda: self._collection(sequence),
            "artifactType": lambda: self._type(sequence.entity, sequence.project, sequence.type),
            "artifactMemberships": lambda: connection([self._membership(held)]),
            "description": held.description,
            "metadata": held.metadata,
            "ttlDurationSeconds": -1,
            "ttlIsInherited": True,
            "tags": [{"__typename": "Tag", "id": f"tag-{t}", "name": t} for t in held.tags],
            "historyStep": None,
            "state": held.state,
            "size": sum(entry.get("size", 0) for entry in held.entries.values()),
            "digest": held.digest,
            "digestAlgorithm": "MANIFEST_MD5",
            "commitHash": held.storage_id,
            "fileCount": len(held.entries),
            "createdAt": CREATED,
            "updatedAt": CREATED,
            "aliases": [self._alias(sequence, alias) for alias in held.aliases],
            "currentManifest": lambda: self.manifest(held),
            "createdBy": lambda: self._run(held.created_by) if held.created_by else None,
            "usedBy": lambda: connection(used_by),
            "filesByManifestEntries": lambda **asked: self._entries(held, **asked),
        }

    def _membership(self, held: Artifact) -> Node:
        def files(names: list[str] | None = None, **asked: Any) -> Node:
            content = held.files
            wanted = [name for name in sorted(content) if not names or name in names]
            return connection(
                [run_nodes.file(held.storage_id, content, name, self._storage) for name in wanted],
                **asked,
            )

        return {
            "__typename": "ArtifactCollectionMembership",
            "id": f"membership-{held.storage_id}",
            "versionIndex": held.index,
            "createdAt": CREATED,
            "aliases": [self._alias(held.collection, alias) for alias in held.aliases],
            "artifactCollection": lambda: self._collection(held.collection),
            "artifact": lambda: self.node(held),
            "files": files,
        }

    def manifest(self, held: Artifact, digest: str = "") -> Node:
        """Make the node of its manifest, with an address to put one of this MD5 at."""
        name = f"manifest-{held.storage_id}"
        file = {
            "id": name,
            "uploadUrl": lambda: self._storage.upload_url(held.manifests, name, digest),
            "uploadHeaders": [],
            "directUrl": lambda: self._storage.download_url(held.manifests, name),
        }
        return {"__typename": "ArtifactManifest", "id": name, "file": file}

    def _entries(
        self,
        held: Artifact,
        *,
        storage_layout: str,
        manifest_version: str,
        entries: list[Node],
        storage_region: str | None = None,
    ) -> Node:
        if (storage_layout, manifest_version, storage_region) != ("V2", "1", None):
            raise GraphqlError(f"no files in layout {storage_layout} of {manifest_version}")
        stored = held.collection.stored
        return connection(
            [
                {
                    "name": entry["name"],
                    "directUrl": self._storage.download_url(stored, entry["digest"]),
                }
                for entry in entries
            ]
        )
