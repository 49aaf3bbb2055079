"""Blobs that nobody needs: which may go, once some runs are gone.

A blob stays where a journal that stays refers to it, as a manifest or through one or as a file of
media, and where one
might be about to: it was put (again) since the oldest writer that lives began, or within the last
day by who knows whom. What was of a removed run, and was not put since that run's end, need not
wait for the day. Where a journal cannot be read whole all blobs stay: what is lost may refer to
them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tracker.artifacts import Blobs, Manifest
from tracker.artifacts.blobs import LEFTOVER_AGE_S
from tracker.errors import TrackerError
from tracker.events import Artifact, Media, Unknown
from tracker.journal import journals
from tracker.store import StoreFolder

_NS = 1_000_000_000


@dataclass
class Unreferenced:
    """What a look at all journals found.

    Attributes:
        digests: blobs that may go, each with the time (ns) before which it must have been put;
            manifests of removed runs last, as they say what else was theirs.
        unsure: why no blob may go; empty if some may.
    """

    digests: dict[str, int] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, store: StoreFolder, removed: Collection[Path]) -> Unreferenced:
        """Look at the journals of all runs, with those in the folders `removed` as gone.

        Raises:
            OSError: the store cannot be listed.
        """
        blobs = Blobs(store.blobs)
        if next(iter(blobs), None) is None:
            return cls()
        limit = time.time_ns()
        stay = [folder for folder in _folders(store.journals) if folder not in removed]
        used = _Used(blobs)
        for folder in stay:
            limit = min(limit, used.look(folder))
        if used.unsure:
            return cls({}, used.unsure)
        gone = _Used(blobs)
        until = dict[str, int]()
        for folder in removed:
            before = set(gone.digests)
            gone.look(folder)
            ended = newest(folder)
            until |= dict.fromkeys(gone.digests - before, ended)
            for digest in gone.digests & before:
                until[digest] = max(until[digest], ended)
        old = limit - LEFTOVER_AGE_S * _NS
        free = [digest for digest in blobs if digest not in used.digests]
        free.sort(key=gone.manifests.__contains__)
        return cls({digest: min(limit, max(old, until.get(digest, 0) + 1)) for digest in free})


class _Used:
    """What the journals of some runs refer to."""

    def __init__(self, blobs: Blobs) -> None:
        self.digests: set[str] = set()
        self.manifests: set[str] = set()
        self.unsure: list[str] = []
        self._blobs = blobs

    def look(self, folder: Path) -> int:
        """Take in a run; give when the oldest of its writers that live began (ns), else now."""
        began = time.time_ns()
        try:
            for journal in journals(folder):
                alive, first = journal.alive(), True
                for block in journal.blocks(alive=alive):
                    self._doubt(folder, [str(gap) for gap in block.gaps if not gap.harmless])
                    if alive and first and block.events:
                        began, first = min(began, block.events[0].time), False
                    for event in block.events:
                        if isinstance(event, Artifact):
                            self._manifest(folder, event.manifest)
                        elif isinstance(event, Media):
                            self.digests.update(f.digest for f in event.files if not f.pack)
                        elif isinstance(event, Unknown):
                            self._doubt(folder, [f"an event of the unknown kind {event.kind}"])
        except OSError as error:
            self._doubt(folder, [str(error)])
        return began

    def _manifest(self, folder: Path, digest: str) -> None:
        if digest in self.manifests:
            return
        self.manifests.add(digest)
        self.digests.add(digest)
        try:
            files = Manifest.load(self._blobs, digest).files
        except TrackerError as error:
            self._doubt(folder, [str(error)])
        else:
            self.digests.update(entry.digest for entry in files)

    def _doubt(self, folder: Path, why: list[str]) -> None:
        self.unsure += [f"run folder {folder.name}: {text}" for text in why]


def _folders(place: Path) -> Iterator[Path]:
    with os.scandir(place) as entries:
        yield from (Path(e) for e in entries if e.is_dir(follow_symlinks=False))


def newest(folder: Path) -> int:
    """When something was last recorded of a run, by the times of its segments (ns)."""
    found = [journal.path(n) for journal in journals(folder) for n in journal.segments()]
    return max((path.lstat().st_mtime_ns for path in found), default=0)
