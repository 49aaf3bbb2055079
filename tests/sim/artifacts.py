"""Artifacts of all stories: what is in their files is another test's matter."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from tests.doubles.power import MEMORY
from tracker.artifacts import Blobs, Entry, Manifest

CONTENTS = (b"one", b"two" * 50, b"")


@cache
def shelf():
    """Blobs with an artifact for each of `CONTENTS`, what each manifest lists, and where it is."""
    folder = tempfile.TemporaryDirectory(dir=MEMORY)
    blobs = Blobs(Path(folder.name))
    contents = {}
    for content in CONTENTS:
        blob = blobs.put_bytes(content)
        manifest = Manifest.of([Entry("file", blob.size, blob.digest)])
        contents[blobs.put_bytes(manifest.encode()).digest] = content
    return blobs, contents, folder


def lend(store):
    """Put the shelf in the place of a store's own blobs."""
    if not store.blobs.is_symlink():
        store.blobs.rmdir()
        store.blobs.symlink_to(shelf()[0].folder)


def drawn(dice):
    """Manifest and size of some artifact."""
    digest, content = dice.choice(list(contents().items()))
    return digest, len(content)


def contents():
    """Per manifest, what is in the one file that it lists."""
    return shelf()[1]
