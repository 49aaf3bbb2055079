"""Artifacts: what a record with a manifest lists, found where the client staged it."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from tracker.artifacts import Blobs, Entry, Manifest, check_name
from tracker.errors import BadInput
from tracker.events import Json
from tracker.integrations.wandb.records import Record, terms
from tracker.values import text_of

_CHUNK_BYTES = 1 << 20


class Taken(NamedTuple):
    """What became of an artifact's record.

    Attributes:
        body: that of the Artifact event; None if there is no version of it here.
        about: what an Artifact event has no place for, see `tracker.events.Media`, with
            `references`; where there is no version, wandb's `digest` for the manifest.
        trouble: why there is no version, or what of it is not in it.
    """

    body: tuple[Any, ...] | None
    about: dict[str, Json]
    trouble: list[str]


def artifact_of(record: Record, blobs: Blobs) -> Taken:
    """Keep an artifact's files as blobs, and their list as a manifest.

    A file is looked for where the record says that it was staged. That may be anywhere, so it is
    taken only if size and MD5 are those of the record: nobody gets a file into a store by its path
    alone.

    Raises:
        ArtifactError: the store cannot be written now.
    """
    name, about = text_of(record.name), _about(record)
    entries, trouble, lost = [], [], []
    for item in record.manifest.contents:
        if item.ref and not item.local_path:
            continue
        entry = _entry(item, blobs)
        if entry is None:
            lost.append(text_of(item.path))
        else:
            entries.append(entry)
    if lost:
        shown = ", ".join(lost[:5]) + (", ..." if len(lost) > 5 else "")  # noqa: PLR2004
        trouble.append(
            f"artifact {name}: {len(lost)} of {len(lost) + len(entries)} files are not where they "
            f"were staged, or not as they were ({shown}); no version of it was made"
        )
    if lost or not entries:
        return Taken(None, about, trouble)
    try:
        check_name(name)
        manifest = Manifest.of(entries)
        digest = manifest.put(blobs).digest
    except BadInput as error:
        return Taken(None, about, [f"artifact {name}: {error}"])
    about.pop("digest", None)
    body = name, text_of(record.type), digest, len(entries), manifest.size
    return Taken(body, {"manifest": digest, **about}, trouble)


def _entry(item: Any, blobs: Blobs) -> Entry | None:
    path = Path(item.local_path)
    if not item.local_path or not _same(path, item):
        return None
    blob = blobs.put_file(path)
    return Entry(text_of(item.path), blob.size, blob.digest)


def _same(path: Path, item: Any) -> bool:
    """Whether a file has the size and the MD5 that the record gives."""
    found = hashlib.md5(usedforsecurity=False)
    try:
        if not path.is_file() or path.stat().st_size != item.size:
            return False
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                found.update(chunk)
    except (OSError, ValueError):
        return False
    return base64.b64encode(found.digest()).decode() == str(item.digest)


def _about(record: Record) -> dict[str, Json]:
    references = {text_of(i.path): text_of(i.ref) for i in record.manifest.contents if i.ref}
    found: dict[str, Json] = {
        "digest": text_of(record.digest),
        "type": text_of(record.type),
        "aliases": [text_of(alias) for alias in record.aliases if alias != "latest"],
        "tags": [text_of(tag) for tag in record.tags],
        "description": text_of(record.description),
        "references": references,
        "metadata": _metadata(record.metadata),
    }
    return terms({key: value for key, value in found.items() if value})


def _metadata(text: str) -> Json:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return text_of(text)
