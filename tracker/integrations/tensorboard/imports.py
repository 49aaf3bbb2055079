"""An import: every run below some paths, once or as long as they grow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tracker.integrations import imports
from tracker.integrations.tensorboard.folder import Folder, folders
from tracker.integrations.tensorboard.taking import Taking
from tracker.settings import Settings
from tracker.store import StoreFolder


class Import(imports.Import):
    """Takes the runs of folders with event files; `project` is theirs if it is given."""

    def __init__(
        self, store: StoreFolder, settings: Settings, paths: Sequence[Path],
        *, project: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(store, settings, paths)
        self._project = project

    def find(self) -> Iterable[Folder]:
        """Folders with event files."""
        return folders(self._paths)

    def new(self, key: Folder) -> Taking:
        """Begin with a folder."""
        return Taking(self._store, self._settings, key, self._project)
