"""The store's trash: what is on its way out, ``trash/RANDOM/FOLDER``, a run's folder each.

One rename takes a run out of the journals, so that a death in the middle leaves either the run or
something that the next `syncd gc` finds here. The folder keeps its name, which its journals'
checksums are bound to: until their blobs are gone too, they say which blobs were theirs.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from tracker.errors import StoreError
from tracker.journal import Files
from tracker.store import StoreFolder

_PLACE = re.compile(r"[0-9a-f]{16}")
_FOLDER = re.compile(r"x?[0-9a-f]{32}")


class Trash:
    """The trash of a store. Nothing outside it is ever deleted, and nothing there that is not ours.

    Raises:
        StoreError: it is a link.
    """

    def __init__(self, store: StoreFolder) -> None:
        self._folder = store.trash
        if self._folder.is_symlink():
            raise StoreError(f"{self._folder} is a link; nothing is removed through it. Remove it.")

    def take(self, folder: Path) -> None:
        """Move a run's folder here; when this returns, that survives loss of power.

        Raises:
            OSError: it stays where it is.
        """
        place = self._folder / os.urandom(8).hex()
        Files.mkdir(place)
        Files.rename(folder, place / folder.name)
        for changed in (place, self._folder, folder.parent):
            Files.sync_folder(changed)

    def runs(self) -> list[Path]:
        """The folders of runs that are here."""
        return [
            folder for place in self._places() for folder in _folders(place)
            if _FOLDER.fullmatch(folder.name)
        ]  # fmt: skip

    def empty(self) -> int:
        """Delete what is here; return its bytes.

        Raises:
            OSError: some of it cannot be deleted; the next time goes on there.
        """
        freed = sum(map(size, self.runs()))
        for place in self._places():
            shutil.rmtree(place)
        return freed

    def _places(self) -> list[Path]:
        return [place for place in _folders(self._folder) if _PLACE.fullmatch(place.name)]


def size(folder: Path) -> int:
    """Bytes of the files in a run's folder."""
    with os.scandir(folder) as entries:
        return sum(e.stat(follow_symlinks=False).st_size for e in entries)


def _folders(place: Path) -> Iterator[Path]:
    try:
        entries = sorted(place.iterdir())
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink():
            yield entry
