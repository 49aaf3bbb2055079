"""Versions of artifacts as W&B has them: each made once, however often it is delivered.

A version of ours has the alias `tracker-` and 16 digits of its manifest's digest, which is looked
up first. If nothing has it, a draft is made, its files go to the addresses that W&B gives out, and
a commit makes it a version with all its aliases at once; then it is looked up again. A commit whose
answer was lost is found by the next look-up, and a draft without one is seen by nobody. W&B itself
knows content by an MD5 of all files' MD5s: what `wandb` logged there is not made again either, it
gets our alias.

The run's record says which versions are its own, see `records`, for reading back.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from syncd.sinks import File, Note, Rejected, RemoteRun, Retryable, Version
from syncd.sinks.contents import checked
from syncd.sinks.http import Refusal
from syncd.sinks.wandb.api import Api
from syncd.sinks.wandb.files import Files
from syncd.sinks.wandb.names import is_of_wandb, map_path
from syncd.sinks.wandb.records import place
from syncd.sinks.wandb.shelf import Draft, Held, Shelf
from tracker.integrations.wandb.naming import artifact_name

_OF_WANDB = re.compile(r"latest|v\d+")
"""Aliases that W&B gives by itself."""

_AT_ONCE = 100
"""Files that addresses are asked for in one request."""

_MOST_KNOWN = 100_000
_FIRST = b"wandb-artifact-manifest-v1\n"
"""What W&B's digest of a version begins with."""

_log = logging.getLogger("syncd")


class Artifacts:
    """Versions of artifacts at one server."""

    def __init__(self, api: Api, files: Files) -> None:
        self._api = api
        self._files = files
        self._known: dict[str, str] = {}  # MD5 by SHA-256: a repeat need not read all again

    def deliver(self, run: RemoteRun, version: Version) -> list[Note] | None:
        """See `syncd.sinks.Sink.version`."""
        name, kind = artifact_name(version.name), artifact_name(version.type)
        if is_of_wandb(kind, name):
            return None
        shelf, alias = Shelf(self._api, place(run)), mark(version.manifest)
        found = shelf.find(name, alias)
        if found is not None and found.type != kind:
            _log.warning(
                "%s: the artifact %s is of type %s there, not %s: it goes as files of the run",
                run.url, version.name, found.type, kind,
            )  # fmt: skip
            return None
        held = found.held if found else None
        if held is None:
            self._make(shelf, run, version)
            found = shelf.find(name, alias)
            held = found.held if found else None
            if held is None:
                raise Retryable(f"{run.url}: {name} was committed and is not there yet")
        _say(shelf, held, version)
        return [_note(name, held, version)]

    def digests(self, run: RemoteRun, kept: Mapping[str, Iterable[str]]) -> dict[str, str]:
        """Download each file of versions; SHA-256 by the name that it would have in the run."""
        found = dict[str, str]()
        shelf = Shelf(self._api, place(run))
        for name, manifests in kept.items():
            for number, digits in enumerate(manifests):
                folders = [f"{name}.{digits[:8]}", *([name] if number == 0 else [])]
                for path, digest in self._read(shelf, artifact_name(name), mark(digits)):
                    found |= {map_path(f"{folder}/{path}"): digest for folder in folders}
        return found

    def _read(self, shelf: Shelf, name: str, alias: str) -> Iterator[tuple[str, str]]:
        for stored in shelf.files(name, alias):
            address = stored.direct_url
            yield stored.name, self._files.digest(f"/artifacts/{name}/{stored.name}", address)

    # -- making one ------------------------------------------------------------------------

    def _make(self, shelf: Shelf, run: RemoteRun, version: Version) -> None:
        below = len(version.folder) + 1
        files = {file.path[below:]: file for file in version.files}
        md5s = {path: self._md5(files[path]) for path in sorted(files)}
        name, aliases = artifact_name(version.name), _aliases(version)
        try:
            draft = shelf.create(
                name, artifact_name(version.type), _digest(md5s), aliases, _said(version)
            )
            if draft.done:
                shelf.name_as(draft.id, name, aliases)
                return
            self._fill(shelf, draft, files, md5s)
            shelf.commit(draft)
        except Refusal as refusal:
            raise Rejected(f"{run.url}: artifact {name} is refused: {refusal}") from None

    def _fill(
        self, shelf: Shelf, draft: Draft, files: Mapping[str, File], md5s: Mapping[str, str]
    ) -> None:
        manifest_id, _ = shelf.manifest(draft)
        contents = dict[str, dict[str, Any]]()
        paths = list(md5s)
        for at in range(0, len(paths), _AT_ONCE):
            some = paths[at : at + _AT_ONCE]
            targets = shelf.targets(draft, manifest_id, {path: md5s[path] for path in some})
            for path, target in zip(some, targets, strict=True):
                file = files[path]
                if target.upload:
                    where = f"/artifacts/{file.path}"
                    self._files.send(where, target.upload, checked(file), file.size)
                contents[path] = {
                    "digest": md5s[path], "birthArtifactID": target.birth, "size": file.size,
                }  # fmt: skip
        said = _manifest(contents)
        _, upload = shelf.manifest(draft, _md5(said))
        assert upload is not None  # noqa: S101 - it was asked for
        self._files.send(f"/artifacts/{draft.id}/manifest", upload, (said,), len(said))

    def _md5(self, file: File) -> str:
        """The MD5 of a file as W&B writes it; its content is what it must be.

        Raises:
            Rejected: it is not.
        """
        if file.digest not in self._known:
            digest = hashlib.md5(usedforsecurity=False)
            for piece in checked(file):
                digest.update(piece)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[file.digest] = base64.b64encode(digest.digest()).decode()
        return self._known[file.digest]


def begins(manifest: str) -> str:
    """What a manifest is known by where there are few."""
    return manifest[:16]


def mark(manifest: str) -> str:
    """Return the alias by which a version of ours is found again."""
    return f"tracker-{begins(manifest)}"


def _say(shelf: Shelf, held: Held, version: Version) -> None:
    """Set anew what the user said of a version that is there."""
    name = artifact_name(version.name)
    if missing := [alias for alias in _aliases(version) if alias not in held.aliases]:
        shelf.name_as(held.id, name, missing)
    if version.metadata or version.description:
        shelf.say(held.id, _said(version))


def _said(version: Version) -> dict[str, Any]:
    metadata = {**version.metadata, "tracker_manifest": version.manifest}
    said = {"metadata": msgspec.json.encode(metadata).decode()}
    return said | ({"description": version.description} if version.description else {})


def _aliases(version: Version) -> list[str]:
    return [*_shown(version), mark(version.manifest)]


def _shown(version: Version) -> list[str]:
    named = [alias for alias in version.aliases if alias and not _OF_WANDB.fullmatch(alias)]
    return list(dict.fromkeys(map(artifact_name, named)))


def _note(name: str, held: Held, version: Version) -> Note:
    aliases = "".join(f", {alias}" for alias in _shown(version))
    return Note("mapped", f"artifact {version.folder}", f"{name}:v{held.number}{aliases}")


def _digest(md5s: Mapping[str, str]) -> str:
    """What W&B knows a content by, of MD5s by path in order."""
    digest = hashlib.md5(_FIRST, usedforsecurity=False)
    for path, md5 in md5s.items():
        digest.update(f"{path}:{md5}\n".encode())
    return digest.hexdigest()


def _manifest(contents: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(
        {
            "version": 1,
            "storagePolicy": "wandb-storage-policy-v1",
            "storagePolicyConfig": {"storageLayout": "V2"},
            "contents": contents,
        }
    )


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
