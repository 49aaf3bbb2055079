"""Versions of artifacts as W&B's records name them, their files beside the run."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from tracker.artifacts import Blobs, Manifest
from tracker.events import Json
from tracker.integrations.wandb.naming import artifact_name, project_name
from tracker.integrations.wandb.transactions import in_json
from tracker.query import RunView, Version

FOLDER = "artifacts"
"""Where the files are, in the run folder, each once under the name of its content."""

_CHUNK_BYTES = 1 << 20


class Versions:
    """Copies the files of a run's artifact versions and describes them.

    W&B reads them from where the record says they are, by absolute path: `home` is the run
    folder as it will be called, `folder` as it is now.
    """

    def __init__(
        self, blobs: Blobs, run: RunView, folder: Path, home: Path, entity: str | None
    ) -> None:
        self._blobs = blobs
        self._entity = entity or ""
        self._run = run
        self._folder = folder / FOLDER
        self._home = home.absolute() / FOLDER
        self._md5: dict[str, str] = {}

    def fill(self, artifact: Any, version: Version, about: dict[str, Json]) -> None:
        """Fill an ``ArtifactRecord`` with a version; `about` has its aliases and the like, if any.

        Raises:
            ArtifactError: its manifest or a file is not in the store, or cannot be read.
        """
        files = Manifest.load(self._blobs, version.manifest).files
        for file in files:
            self._copy(file.digest)
        artifact.run_id, artifact.entity = self._run.id, self._entity
        artifact.project = project_name(self._run.project)
        artifact.type = artifact_name(version.type)
        artifact.name = artifact_name(version.name)
        artifact.aliases.extend(dict.fromkeys([*_texts(about.get("aliases")), "latest"]))
        artifact.tags.extend(_texts(about.get("tags")))
        artifact.description = str(about.get("description") or "")
        artifact.metadata = in_json(about["metadata"]) if about.get("metadata") else ""
        artifact.finalize = True
        artifact.digest_algorithm = "MANIFEST_MD5"
        artifact.client_id = _id(self._run.id, version.name, version.manifest)
        artifact.sequence_client_id = _id(self._run.id, version.name)
        artifact.manifest.version = 1
        artifact.manifest.storage_policy = "wandb-storage-policy-v1"
        layout = artifact.manifest.storage_policy_config.add()
        layout.key, layout.value_json = "storageLayout", '"V2"'
        whole = hashlib.md5(b"wandb-artifact-manifest-v1\n", usedforsecurity=False)
        for file in files:
            digest = self._md5[file.digest]
            whole.update(f"{file.path}:{digest}\n".encode())
            entry = artifact.manifest.contents.add(path=file.path, digest=digest, size=file.size)
            entry.local_path = str(self._home / file.digest)
        artifact.digest = whole.hexdigest()

    def _copy(self, digest: str) -> None:
        """Put a file beside the run, once, and learn its MD5 in base 64, as W&B names it."""
        if digest in self._md5:
            return
        self._folder.mkdir(exist_ok=True)
        self._blobs.verify(digest)
        md5 = hashlib.md5(usedforsecurity=False)
        with self._blobs.open(digest) as source, (self._folder / digest).open("wb") as target:
            while chunk := source.read(_CHUNK_BYTES):
                md5.update(chunk)
                target.write(chunk)
        self._md5[digest] = base64.b64encode(md5.digest()).decode()


def _texts(told: Json) -> list[str]:
    return [str(text) for text in told] if isinstance(told, list) else []


def _id(*parts: str) -> str:
    """An id as long as those that W&B's client makes up; the same for the same parts."""
    return hashlib.sha512("\0".join(parts).encode()).hexdigest()
