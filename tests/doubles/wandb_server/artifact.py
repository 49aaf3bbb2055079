"""Artifacts as the server holds them: versions of collections, and their life."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.wandb_server.run import Run
from tests.doubles.wandb_server.storage import Refused


@dataclass(eq=False)
class Collection:
    """Versions under one name in a project.

    Attributes:
        versions: those committed, by index.
        aliases: which version each stands for.
        stored: content by its MD5, kept once for all versions.
    """

    entity: str
    project: str
    name: str
    type: str
    storage_id: str
    versions: list[Artifact] = field(default_factory=list)
    aliases: dict[str, Artifact] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)

    def version(self, alias: str) -> Artifact | None:
        """Give what an alias or a version as "v3" stands for."""
        for held in self.versions:
            if alias == f"v{held.index}":
                return held
        return self.aliases.get(alias)


@dataclass(eq=False)
class Artifact:
    """One version, or a draft of it.

    Attributes:
        index: its number among versions, -1 for a draft.
        manifests: content by storage id; the last one that was put counts.
        wanted: aliases that it gets when it is committed.
    """

    collection: Collection
    storage_id: str
    digest: str
    created_by: Run | None = None
    description: str | None = None
    metadata: str | None = None
    tags: list[str] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)
    used_by: list[Run] = field(default_factory=list)
    manifests: dict[str, bytes] = field(default_factory=dict)
    index: int = -1

    @property
    def state(self) -> str:
        """What the service calls its state."""
        return "PENDING" if self.index < 0 else "COMMITTED"

    @property
    def aliases(self) -> list[str]:
        """Its aliases."""
        return [alias for alias, held in self.collection.aliases.items() if held is self]

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """The manifest's entries by path, empty before there is a manifest."""
        contents = list(self.manifests.values())
        entries: dict[str, dict[str, Any]] = (
            json.loads(contents[-1])["contents"] if contents else {}
        )
        return entries

    @property
    def files(self) -> dict[str, bytes]:
        """Content by path, without references."""
        return {
            path: self.collection.stored[entry["digest"]]
            for path, entry in self.entries.items()
            if "ref" not in entry
        }

    def commit(self) -> None:
        """Make it the next version, which gets its aliases and "latest".

        Raises:
            Refused: There is no manifest, or a file that it names was not put.
        """
        if not self.manifests:
            raise Refused(400, f"{self.collection.name}: committed without a manifest")
        for path, entry in self.entries.items():
            content = self.collection.stored.get(entry["digest"])
            if "ref" not in entry and (content is None or len(content) != entry["size"]):
                raise Refused(400, f"{self.collection.name}: {path} was not put, or not whole")
        if self.index < 0:
            self.index = len(self.collection.versions)
            self.collection.versions.append(self)
            self.name_as([*self.wanted, "latest"])

    def name_as(self, aliases: list[str]) -> None:
        """Let aliases stand for it from here on."""
        self.collection.aliases |= dict.fromkeys(aliases, self)


@dataclass
class Shelf:
    """All artifacts.

    Attributes:
        collections: by entity, project and name.
        artifacts: by storage id, drafts too.
        client_ids: the storage id for each id that a client made up.
    """

    collections: dict[tuple[str, str, str], Collection] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    client_ids: dict[str, str] = field(default_factory=dict)

    def artifact(self, storage_id: str) -> Artifact:
        """Give an artifact by its storage id.

        Raises:
            Refused: There is none.
        """
        if storage_id not in self.artifacts:
            raise Refused(404, f"artifact {storage_id} not found")
        return self.artifacts[storage_id]

    def collection(self, entity: str, project: str, name: str, type_: str) -> Collection:
        """Give a collection, a new one if need be.

        Raises:
            Refused: It is there with another type.
        """
        storage_id = f"collection-{len(self.collections)}"
        made = Collection(entity, project, name, type_, storage_id)
        held = self.collections.setdefault((entity, project, name), made)
        if held.type != type_:
            raise Refused(409, f"{entity}/{project}/{name} is of type {held.type}, not {type_}")
        return held

    def draft(self, collection: Collection, digest: str) -> Artifact:
        """Make a draft of a version."""
        held = Artifact(collection, f"artifact-{len(self.artifacts)}", digest)
        self.artifacts[held.storage_id] = held
        return held
