"""Reading every artifact's content anew: finds blobs that are damaged or gone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import click

from tracker.artifacts import Blobs, Manifest
from tracker.cli import wording
from tracker.cli.doctor.finding import Finding
from tracker.errors import ArtifactError, BadInput
from tracker.query import Store


def artifact_findings(store: Store) -> Iterator[Finding]:
    """Yield each artifact version that is not whole, and each damaged blob of none; or one "ok"."""
    content = _Content(Blobs(store.folder.blobs))
    versions = store.index.query(
        "SELECT manifest, run, name, version FROM artifacts ORDER BY manifest, time"
    )
    damaged = False
    for manifest, uses in groupby(_shown(versions), key=itemgetter(0)):
        for finding in content.version(manifest, [tuple(row[1:]) for row in uses]):
            damaged = True
            yield finding
    for finding in content.others():
        damaged = True
        yield finding
    if not damaged:
        count = wording.counted(len(content.looked_at), "blob")
        yield Finding("artifacts", "ok", f"every artifact's content was read: {count}, all whole")


def _shown(versions: list[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    with click.progressbar(
        versions, label="reading artifacts", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        yield from bar


class _Content:
    """Blobs, each read once; `looked_at` has what is wrong with each, None for nothing."""

    def __init__(self, blobs: Blobs) -> None:
        self.looked_at: dict[str, str | None] = {}
        self._blobs = blobs

    def version(self, manifest: str, uses: list[tuple[str, ...]]) -> Iterator[Finding]:
        """What is wrong with a version that these (run, name, version) have."""
        run, name, version = uses[0]
        what = f"artifact {name}:{version} of run {run}"
        runs = sorted({use[0] for use in uses})
        facts: dict[str, Any] = {"runs": runs, "name": name, "manifest": manifest}
        trouble = self._trouble(manifest)
        if trouble:
            yield _damage(f"{what}: its manifest is not to be had: {trouble}", facts)
            return
        try:
            entries = Manifest.load(self._blobs, manifest).files
        except ArtifactError as error:  # whole, so a later version may have written it
            yield Finding("artifacts", "todo", f"{what}: {error}", "tracker --version", facts)
            return
        for entry in entries:
            trouble = self._trouble(entry.digest)
            if trouble:
                yield _damage(
                    f"{what} has lost {entry.path}: {trouble}",
                    facts | {"path": entry.path, "blob": entry.digest},
                )

    def others(self) -> Iterator[Finding]:
        """What is wrong with blobs that no version has."""
        for digest in self._blobs:
            if digest not in self.looked_at:
                trouble = self._trouble(digest)
                if trouble:
                    yield _damage(f"of no artifact: {trouble}", {"blob": digest})

    def _trouble(self, digest: str) -> str | None:
        if digest not in self.looked_at:
            try:
                self._blobs.verify(digest)
                self.looked_at[digest] = None
            except (ArtifactError, BadInput) as error:
                self.looked_at[digest] = str(error)
        return self.looked_at[digest]


def _damage(text: str, facts: dict[str, Any]) -> Finding:
    step = "put the file back from a copy of the store, or log the artifact again"
    return Finding("artifacts", "damage", text, step, facts)
