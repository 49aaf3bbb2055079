"""Versions of artifacts in the store: all that runs of a project logged under a name."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tracker.artifacts import Blobs, Manifest
from tracker.query import RunView, Store
from tracker.wandb.artifact import REFERENCES, Artifact
from tracker.wandb.entries import Reference
from tracker.wandb.errors import CommError

_VERSION = re.compile(r"v[0-9]+")


class Named(NamedTuple):
    """How a script names one: "entity/project/name:version"; the entity is passed over."""

    project: str | None
    name: str
    version: str

    @classmethod
    def of(cls, text: str) -> Named:
        """Read a name; the version is "latest" where none is given."""
        path, _, version = text.removeprefix("wandb-artifact://").partition(":")
        *above, name = path.split("/")
        return cls(above[-1] if above else None, name, version or "latest")


class _Kept(NamedTuple):
    time: datetime
    manifest: str
    type: str


def fetch(root: Path, asked: Named, project: str) -> Artifact:
    """Give a version out of a store, with its files at hand.

    Raises:
        CommError: no run of the project logged such a one.
    """
    store = Store(root)
    try:
        runs = store.runs(asked.project or project)
        kept = _kept(runs, asked.name)
        told = _told(runs, asked.name) if kept else []
        number = _number([one.manifest for one in kept], told, asked.version)
        if number is None:
            raise CommError(_absent(asked, asked.project or project, root, len(kept)))
        found = kept[number]
        return _artifact(store, asked.name, number, found, told)
    finally:
        store.close()


def _kept(runs: list[RunView], name: str) -> list[_Kept]:
    """Distinct versions under a name, the oldest first: v0, v1, ..."""
    found = sorted(
        _Kept(version.time, version.manifest, version.type)
        for run in runs
        for version in run.artifacts()
        if version.name == name
    )
    distinct: dict[str, _Kept] = {}
    for one in found:
        distinct.setdefault(one.manifest, one)
    return list(distinct.values())


def _told(runs: Iterable[RunView], name: str) -> list[dict[str, Any]]:
    """What was said of versions of a name, in the order of saying."""
    found = [note for run in runs for note in run.artifact_notes(name)]
    ordered = sorted(found, key=lambda note: note.time)
    return [note.about for note in ordered if "used" not in note.about]


def _number(manifests: list[str], told: list[dict[str, Any]], version: str) -> int | None:
    """Place of the version that a number, an alias or "latest" means."""
    if _VERSION.fullmatch(version):
        number = int(version[1:])
        return number if number < len(manifests) else None
    if version == "latest":
        return len(manifests) - 1 if manifests else None
    for about in reversed(told):
        if version in about.get("aliases", ()) and about.get("manifest") in manifests:
            return manifests.index(about["manifest"])
    return None


def _artifact(
    store: Store, name: str, number: int, kept: _Kept, told: list[dict[str, Any]]
) -> Artifact:
    about: dict[str, Any] = next(
        (a for a in reversed(told) if a.get("manifest") == kept.manifest), {}
    )
    made = Artifact(name, kept.type, about.get("description"), about.get("metadata"))
    made.aliases = list(about.get("aliases", ()))
    blobs = Blobs(store.folder.blobs)
    for entry in Manifest.load(blobs, kept.manifest).files:
        target = made.folder / entry.path  # a manifest's paths are checked when it is read
        target.parent.mkdir(parents=True, exist_ok=True)
        with blobs.open(entry.digest) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
    listed = made.folder / REFERENCES
    if listed.exists():
        for each in msgspec.json.decode(listed.read_bytes(), type=list[Reference]):
            made.add_reference(each.ref, each.path)
    made.keep_as(kept.manifest, f"v{number}")
    return made


def _absent(asked: Named, project: str, root: Path, versions: int) -> str:
    there = f"it has {versions} versions, v0 to v{versions - 1}" if versions else "it has none"
    return (
        f"artifact {asked.name}:{asked.version} of project {project} is not in {root}; {there}. "
        "See what is there: tracker show RUN. Another store: TRACKER_DIR."
    )
