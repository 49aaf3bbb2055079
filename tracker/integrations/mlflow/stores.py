"""Which store of MLflow a path means."""

from __future__ import annotations

from pathlib import Path

from tracker.errors import BadInput
from tracker.integrations.mlflow.database import Database, is_database
from tracker.integrations.mlflow.described import Stored
from tracker.integrations.mlflow.folder import Folder, is_folder

_USUAL = ("mlflow.db", "mlruns")
"""What MLflow makes where it is started, if nobody says otherwise."""


def opened(path: Path) -> Stored | None:
    """The store at a path, or in the folder that it is; None if there is nothing (yet).

    Raises:
        BadInput: it is a file of something else.
        StoreError: it cannot be read.
    """
    if path.is_file():
        if not path.stat().st_size:
            return None
        if not is_database(path):
            raise BadInput(f"{path} is no SQLite database and no folder mlruns.")
        return Database(path)
    if not path.is_dir():
        return None
    if is_folder(path):
        return Folder(path)
    for name in _USUAL:
        if (found := path / name).exists():
            return opened(found)
    return None
