"""Folders: which of them are TensorBoard's runs, and what they are called."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_MARK = "tfevents"
"""Every event file has it in its name (tensorboard/backend/event_processing/io_wrapper.py)."""


class Folder(NamedTuple):
    """A run's folder; `project` and `name` are what the run is called if nobody says."""

    path: Path
    project: str
    name: str

    @property
    def run_id(self) -> str:
        """Derived from the whole path, see the package."""
        whole = os.fsencode(self.path.resolve())
        return hashlib.sha256(b"tensorboard\0" + whole).hexdigest()[:32]

    def files(self) -> list[Path]:
        """Its event files, older ones first: their names have the time, then who wrote them."""
        found = (path for path in self.path.iterdir() if is_events(path.name) and path.is_file())
        return sorted(found, key=lambda path: path.name)


def is_events(name: str) -> bool:
    """Whether a file of that name has events."""
    return _MARK in name


def folders(paths: Iterable[Path]) -> list[Folder]:
    """Folders with event files below some paths, each once, by name.

    A path is such a folder, one that holds some however deep, or an event file. Links to folders
    are not followed. The project is called like the path, a run like its place below that.
    """
    found: dict[Path, Folder] = {}
    for path in paths:
        top = path if path.is_dir() else path.parent
        project = top.resolve().name or "tensorboard"
        for place, below, names in os.walk(top):
            below.sort()
            if any(is_events(name) for name in names):
                at = Path(place)
                name = project if at == top else at.relative_to(top).as_posix()
                found.setdefault(at.resolve(), Folder(at, project, name))
            if top is not path:
                break
    return list(found.values())
