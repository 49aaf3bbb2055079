"""The runs of a store, as far as a delivery needs to know them: id, folder, last change."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tracker.journal import journals
from tracker.store import StoreFolder, run_folder

_OWN_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Entry:
    """A run's folder. `modified` (ns) changes when a journal or a segment is added."""

    run_id: str
    folder: Path
    modified: int


class Catalog:
    """Lists the runs of a store; cheap to ask again and again.

    Args:
        store: the store.
        settled: runs that are known, and their folders' times then (ns); of those that did not
            change since no file is opened.
    """

    def __init__(
        self, store: StoreFolder, settled: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._folder = store.journals
        self._listed_at: int | None = None
        self._known: dict[str, Entry] = {}
        for run_id, modified in settled.items():
            name = run_folder(run_id)
            self._known[name] = Entry(run_id, self._folder / name, modified)

    @property
    def changed(self) -> bool:
        """Whether runs came or went since they were last listed."""
        return self._modified() != self._listed_at

    def runs(self) -> dict[str, Entry]:
        """All runs by id, in the order of their folders' names.

        A folder without a readable journal is no run yet.
        """
        self._listed_at = self._modified()  # before the look: what comes meanwhile is seen
        try:
            with os.scandir(self._folder) as entries:
                places = sorted((entry.name, entry) for entry in entries)
        except FileNotFoundError:
            return {}
        found = (self._entry(name, place) for name, place in places)
        return {entry.run_id: entry for entry in found if entry is not None}

    def _modified(self) -> int | None:
        try:
            return self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def run_in(self, name: str) -> Entry | None:
        """The run in the folder `name`; None if there is none."""
        return self._entry(name, self._folder / name)

    def _entry(self, name: str, place: os.DirEntry[str] | Path) -> Entry | None:
        known = self._known.get(name)
        try:
            modified = place.stat().st_mtime_ns
            if known is not None and known.modified == modified:
                return known
            run_id = known.run_id if known is not None else _run_id(Path(place))
        except OSError:  # it went meanwhile, or cannot be looked into
            return None
        if run_id is None:
            return None
        entry = self._known[name] = Entry(run_id, self._folder / name, modified)
        return entry


def _run_id(folder: Path) -> str | None:
    if folder.is_symlink() or not folder.is_dir():
        return None
    found = journals(folder)
    for journal in found:
        header = journal.header()
        if header is not None and run_folder(header.run_id) == folder.name:
            return header.run_id
    return folder.name if found and _OWN_ID.fullmatch(folder.name) else None
