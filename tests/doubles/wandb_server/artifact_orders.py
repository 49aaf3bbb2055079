"""What can be ordered about artifacts: GraphQL's mutations."""

from __future__ import annotations

from collections.abc import Callable

from tests.doubles.wandb_server.artifact import Artifact, Shelf
from tests.doubles.wandb_server.artifact_nodes import ArtifactNodes
from tests.doubles.wandb_server.connection import connection
from tests.doubles.wandb_server.document import GraphqlError
from tests.doubles.wandb_server.graphql import Node, arguments_of
from tests.doubles.wandb_server.run import Run
from tests.doubles.wandb_server.storage import Storage


class ArtifactOrders:
    """Carries out orders on a shelf. `run` finds a run by entity, project and id."""

    def __init__(
        self,
        shelf: Shelf,
        nodes: ArtifactNodes,
        storage: Storage,
        run: Callable[[str, str, str], Run],
    ) -> None:
        self._shelf = shelf
        self._nodes = nodes
        self._storage = storage
        self._run = run

    def root(self) -> Node:
        """Orders by name."""
        return {
            "createArtifact": self._create,
            "createArtifactManifest": self._create_manifest,
            "createArtifactFiles": self._create_files,
            "updateArtifactManifest": self._update_manifest,
            "commitArtifact": self._commit,
            "updateArtifact": self._update,
            "addAliases": self._add_aliases,
            "deleteAliases": self._delete_aliases,
            "useArtifact": self._use,
        }

    def _create(
        self,
        *,
        entity_name: str,
        project_name: str,
        artifact_type_name: str,
        digest: str,
        artifact_collection_name: str | None = None,
        artifact_collection_names: list[str] | None = None,
        run_name: str | None = None,
        aliases: list[Node] | None = None,
        tags: list[Node] | None = None,
        client_id: str | None = None,
        sequence_client_id: str | None = None,
        description: str | None = None,
        metadata: str | None = None,
        digest_algorithm: str = "MANIFEST_MD5",
        enable_digest_deduplication: bool = False,
        **unset: None,
    ) -> Node:
        if digest_algorithm != "MANIFEST_MD5" or any(unset.values()):
            raise GraphqlError(f"createArtifact: {unset} by {digest_algorithm} is not spoken here")
        (name,) = artifact_collection_names or [artifact_collection_name or ""]
        collection = self._shelf.collection(entity_name, project_name, name, artifact_type_name)
        same = [held for held in collection.versions if held.digest == digest]
        wanted = [said["alias"] for said in aliases or []]
        if client_id in self._shelf.client_ids:  # asked again after a lost answer
            held = self._shelf.artifact(self._shelf.client_ids[client_id])
        elif enable_digest_deduplication and same:
            held = same[-1]
            held.name_as(wanted)
        else:
            held = self._shelf.draft(collection, digest)
            held.description, held.metadata, held.wanted = description, metadata, wanted
            held.tags = [said["tagName"] for said in tags or []]
            if run_name is not None:
                held.created_by = self._run(entity_name, project_name, run_name)
        ids = {client_id: held.storage_id, sequence_client_id: collection.storage_id}
        self._shelf.client_ids |= {made: id_ for made, id_ in ids.items() if made}
        return {"__typename": "CreateArtifactPayload", "artifact": self._nodes.node(held)}

    def _create_manifest(
        self,
        *,
        artifact_id: str,
        name: str,
        digest: str,
        entity_name: str,
        project_name: str,
        run_name: str,
        type_: str,
        base_artifact_id: str | None = None,
    ) -> Node:
        if (name, type_) != ("wandb_manifest.json", "FULL"):
            raise GraphqlError(f"createArtifactManifest: no {type_} {name} here")
        self._run(entity_name, project_name, run_name)
        return self._manifest(artifact_id, digest, base_artifact_id)

    def _update_manifest(
        self, *, artifact_manifest_id: str, digest: str, base_artifact_id: str | None = None
    ) -> Node:
        return self._manifest(artifact_manifest_id.partition("-")[2], digest, base_artifact_id)

    def _manifest(self, artifact_id: str, digest: str, base_artifact_id: str | None) -> Node:
        if base_artifact_id is not None:
            self._shelf.artifact(base_artifact_id)
        return {"artifactManifest": self._nodes.manifest(self._draft(artifact_id), digest)}

    def _create_files(
        self, *, artifact_files: list[Node], storage_layout: str, **unset: None
    ) -> Node:
        if storage_layout != "V2" or any(unset.values()):
            raise GraphqlError(f"createArtifactFiles: {unset} in {storage_layout} is not known")
        targets = [self._target(**arguments_of(said)) for said in artifact_files]
        return {"files": connection(targets)}

    def _target(
        self,
        *,
        artifact_id: str,
        artifact_manifest_id: str,
        name: str,
        md5: str,
        mimetype: str | None = None,
        upload_parts_input: None = None,
    ) -> Node:
        del mimetype
        held = self._draft(artifact_id)
        if upload_parts_input or artifact_manifest_id != f"manifest-{artifact_id}":
            raise GraphqlError(f"createArtifactFiles: {name} in parts or elsewhere")
        stored = held.collection.stored
        url = None if md5 in stored else self._storage.upload_url(stored, md5, digest=md5)
        return {
            "name": name,
            "displayName": name,
            "storagePath": f"artifacts/{md5}",
            "uploadUrl": url,
            "uploadHeaders": [],
            "uploadMultipartUrls": None,
            "artifact": lambda: self._nodes.node(held),
        }

    def _commit(self, *, artifact_id: str) -> Node:
        held = self._shelf.artifact(artifact_id)
        held.commit()
        return {"artifact": self._nodes.node(held)}

    def _update(
        self,
        *,
        artifact_id: str,
        description: str | None = None,
        metadata: str | None = None,
        tags_to_add: list[Node] | None = None,
        tags_to_delete: list[Node] | None = None,
        **unset: None,
    ) -> Node:
        if any(unset.values()):
            raise GraphqlError(f"updateArtifact: {unset} is not spoken here")
        held = self._shelf.artifact(artifact_id)
        held.description = held.description if description is None else description
        held.metadata = held.metadata if metadata is None else metadata
        removed = {said["tagName"] for said in tags_to_delete or []}
        held.tags = [tag for tag in held.tags if tag not in removed]
        held.tags += [said["tagName"] for said in tags_to_add or []]
        return {"artifact": self._nodes.node(held)}

    def _add_aliases(self, *, artifact_id: str, aliases: list[Node]) -> Node:
        self._shelf.artifact(artifact_id).name_as([said["alias"] for said in aliases])
        return {"success": True}

    def _delete_aliases(self, *, artifact_id: str, aliases: list[Node]) -> Node:
        held = self._shelf.artifact(artifact_id)
        for said in aliases:
            if said["alias"] in held.aliases:
                del held.collection.aliases[said["alias"]]
        return {"success": True}

    def _use(
        self,
        *,
        entity_name: str,
        project_name: str,
        run_name: str,
        artifact_id: str,
        used_as: str | None = None,
        artifact_entity_name: str | None = None,
        artifact_project_name: str | None = None,
    ) -> Node:
        del used_as, artifact_entity_name, artifact_project_name
        held = self._shelf.artifact(artifact_id)
        run = self._run(entity_name, project_name, run_name)
        if run not in held.used_by:
            held.used_by.append(run)
        return {"artifact": self._nodes.node(held)}

    def _draft(self, storage_id: str) -> Artifact:
        held = self._shelf.artifact(storage_id)
        if held.index >= 0:
            raise GraphqlError(f"{storage_id} is committed already")
        return held
