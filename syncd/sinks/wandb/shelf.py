"""Calls about the artifacts of a project.

Operations and fields are those of the client, wandb 0.31 (core/internal/artifacts and
sdk/artifacts/_generated).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from syncd.sinks.wandb import queries
from syncd.sinks.wandb.api import Api, Place, Stored, Upload, upload

MANIFEST = "wandb_manifest.json"

_COMMITTED = "COMMITTED"
_PAGE = 100


class Held(NamedTuple):
    """A version that is there: its id, its number and its aliases."""

    id: str
    number: int
    aliases: frozenset[str]


class Collection(NamedTuple):
    """All versions of one name: their type, and the one that was asked for, if it is there."""

    type: str
    held: Held | None


class Draft(NamedTuple):
    """A version in the making; `done` if one of the same content was there."""

    id: str
    done: bool


class Target(NamedTuple):
    """Where a file of a version goes, None if its content is there; the version that has it."""

    upload: Upload | None
    birth: str


class Shelf:
    """The artifacts of one project at one server; `place` is of the run that they are of."""

    def __init__(self, api: Api, place: Place) -> None:
        self._api = api
        self._place = place
        self._project = {"entity": place.entity, "project": place.project}

    def find(self, name: str, alias: str) -> Collection | None:
        """The collection of a name with the version of an alias; None if there is none."""
        found = self._collection(queries.VERSION, {"name": name, "alias": alias})
        if found is None:
            return None
        member = found.get("artifactMembership")
        artifact = (member or {}).get("artifact") or {}
        held = None
        if member and artifact.get("state") == _COMMITTED:
            aliases = frozenset(
                one["alias"] for one in artifact["aliases"] or ()
                if (one.get("artifactCollection") or {}).get("name") == name
            )  # fmt: skip
            held = Held(artifact["id"], int(member["versionIndex"]), aliases)
        return Collection(str((found.get("defaultArtifactType") or {}).get("name", "")), held)

    def files(self, name: str, alias: str) -> Iterator[Stored]:
        """Yield a version's files, page by page; none if it is not there."""
        asked: dict[str, Any] = {"name": name, "alias": alias, "first": _PAGE}
        while True:
            found = self._collection(queries.VERSION_FILES, asked) or {}
            page = (found.get("artifactMembership") or {}).get("files") or {}
            for edge in page.get("edges") or ():
                yield msgspec.convert(edge["node"], Stored)
            about = page.get("pageInfo") or {}
            if not about.get("hasNextPage"):
                return
            asked["after"] = about["endCursor"]

    def create(
        self, name: str, kind: str, digest: str, aliases: Iterable[str], said: Mapping[str, Any]
    ) -> Draft:
        """Begin a version of the run, unless its content is there."""
        fields = {
            "entityName": self._place.entity, "projectName": self._place.project,
            "runName": self._place.name, "artifactTypeName": kind,
            "artifactCollectionNames": [name], "digest": digest, "digestAlgorithm": "MANIFEST_MD5",
            "aliases": [_alias(name, alias) for alias in aliases],
            # Ids that the client makes up: a draft whose answer was lost is left, nobody sees it.
            "clientID": secrets.token_hex(64), "sequenceClientID": secrets.token_hex(64),
            "enableDigestDeduplication": True, **said,
        }  # fmt: skip
        found = self._change(queries.CREATE_ARTIFACT, {"input": fields}, "createArtifact")
        return Draft(found["artifact"]["id"], found["artifact"]["state"] == _COMMITTED)

    def manifest(self, draft: Draft, digest: str = "") -> tuple[str, Upload | None]:
        """The id of a draft's manifest, and where one of this MD5 goes."""
        asked = {
            **self._project, "run": self._place.name, "artifact": draft.id, "name": MANIFEST,
            "digest": digest, "upload": bool(digest),
        }  # fmt: skip
        found = self._change(queries.CREATE_MANIFEST, asked, "createArtifactManifest")
        made = found["artifactManifest"]
        file = made["file"]
        target = upload(file["uploadUrl"], file["uploadHeaders"]) if digest else None
        return str(made["id"]), target

    def targets(self, draft: Draft, manifest_id: str, md5s: Mapping[str, str]) -> list[Target]:
        """Where the files go whose MD5 is given by path, in that order."""
        wanted = [
            {"artifactID": draft.id, "artifactManifestID": manifest_id, "name": path, "md5": md5}
            for path, md5 in md5s.items()
        ]
        asked = {"input": {"artifactFiles": wanted, "storageLayout": "V2"}}
        found = self._change(queries.CREATE_VERSION_FILES, asked, "createArtifactFiles")
        nodes = [edge["node"] for edge in found["files"]["edges"]]
        return [
            Target(
                upload(node["uploadUrl"], node["uploadHeaders"]) if node["uploadUrl"] else None,
                node["artifact"]["id"],
            )
            for node in nodes
        ]

    def commit(self, draft: Draft) -> None:
        """Make a draft the next version."""
        self._change(queries.COMMIT, {"artifact": draft.id}, "commitArtifact")

    def name_as(self, artifact_id: str, name: str, aliases: Iterable[str]) -> None:
        """Have aliases stand for a version."""
        given = [
            _alias(name, alias) | {
                "entityName": self._place.entity, "projectName": self._place.project,
            }
            for alias in aliases
        ]  # fmt: skip
        asked = {"input": {"artifactID": artifact_id, "aliases": given}}
        self._change(queries.ADD_ALIASES, asked, "addAliases")

    def say(self, artifact_id: str, said: Mapping[str, Any]) -> None:
        """Set what is said of a version."""
        asked = {"input": {"artifactID": artifact_id, **said}}
        self._change(queries.UPDATE_ARTIFACT, asked, "updateArtifact")

    def _collection(self, query: str, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        form = dict[str, Any] | None
        found = self._api.ask(query, {**self._project, **asked}, "project", form)
        held: dict[str, Any] | None = (found or {}).get("artifactCollection")
        return held

    def _change(self, query: str, asked: Mapping[str, Any], name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._api.ask(query, asked, name, dict[str, Any], data=True)
        return found


def _alias(name: str, alias: str) -> dict[str, str]:
    return {"artifactCollectionName": name, "alias": alias}
