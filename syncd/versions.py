"""Versions of artifacts on their way to a remote that may take each as one.

What a user says of a version, as aliases, is an event behind that of the version: a media event
of the form `OF_ARTIFACT`, without files, whose `about` names the manifest. It waits as the version
does, under the same manifest, so that a remote hears of it once the version is there.
"""

from __future__ import annotations

from typing import Any

from syncd.progress import Progress
from syncd.receipts import Pending, rank
from syncd.sinks import File, Version
from tracker.artifacts import is_digest
from tracker.events import Artifact, Media

_SAID = {"aliases": list, "metadata": dict, "description": str}
"""What a remote is told, with its kind."""


def waiting(writer_id: str, event: Artifact, progress: Progress) -> Pending:
    """What is to be put of a version."""
    about = {"name": event.name, "type": event.type}
    folder, manifest = progress.folder(event), event.manifest
    return Pending(writer_id, event.seq, folder, manifest, event.size, rank(event.type), about)


def told(writer_id: str, event: Media, progress: Progress) -> list[Pending]:
    """What is to be said of a version; nothing where nothing is said, or of another run's."""
    about = event.about
    said = {n: about[n] for n, kind in _SAID.items() if about.get(n) and type(about[n]) is kind}
    kind, manifest = about.get("type"), about.get("manifest")
    if not (said and isinstance(kind, str) and isinstance(manifest, str) and is_digest(manifest)):
        return []
    version = Artifact(event.seq, event.time, event.key, kind, manifest, 0, 0)
    found = waiting(writer_id, version, progress)
    found.about |= said
    return [found]


def whole(artifact: Pending, files: list[File]) -> Version | None:
    """The version that an artifact is; None where an older syncd noted too little of it."""
    about: dict[str, Any] = artifact.about
    if "name" not in about:
        return None
    aliases = tuple(alias for alias in about.get("aliases", ()) if isinstance(alias, str))
    return Version(
        about["name"], about["type"], artifact.manifest, artifact.folder, tuple(files),
        aliases, about.get("metadata", {}), about.get("description", ""),
    )  # fmt: skip
