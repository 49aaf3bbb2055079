"""Where a store's databases are: in the store, or on a local disk where SQLite cannot work there.

SQLite needs locks and shared memory that network file systems lack. So index.db and syncd.db of a
store on one of those are kept by each machine for itself, on a local disk, under the store's id
and place. Nothing is lost with them: the index is made anew from the journals, and remotes are
asked what they hold.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tracker import filesystem
from tracker.errors import SettingsError, StoreError
from tracker.settings import load
from tracker.store import StoreFolder


def local_folder(store: StoreFolder) -> Path | None:
    """This machine's folder of the store's databases, made if absent; None: they are in the store.

    Raises:
        StoreError: they are to be local, and no folder can be had for them.
    """
    asked = _asked(store)
    if asked == "store" or (asked == "auto" and not filesystem.of(store.root).network):
        return None
    # Copies of a store have one id, and may lie side by side.
    at = hashlib.sha256(os.path.realpath(store.root).encode()).hexdigest()[:8]
    places = list(_places())
    local = [place for place in places if not filesystem.of(place).network]
    trouble = None
    for place in (*local, *places):
        folder = place / f"{store.id}-{at}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if hasattr(os, "getuid") and place.lstat().st_uid != os.getuid():
                continue  # somebody else's, in a folder for all
        except OSError as error:
            trouble = error
        else:
            return folder
    raise StoreError(
        f"no local folder for the databases of {store.root} ({trouble}). Name one that can be "
        "written: XDG_STATE_HOME=/somewhere/local"
    )


def _asked(store: StoreFolder) -> str:
    try:
        return load(store, warn=lambda _: None).databases
    except SettingsError:  # said where settings are looked at
        return "auto"


def _places() -> Iterator[Path]:
    """Where a user's state is kept on this machine, the best place first; homes may be remote."""
    import platformdirs  # noqa: PLC0415 - 10 ms that only this needs

    yield Path(platformdirs.user_state_dir("tracker", appauthor=False)) / "stores"
    user = os.getuid() if hasattr(os, "getuid") else "user"
    yield Path("/var/tmp") / f"tracker-{user}"  # noqa: S108 - ours alone, which is looked at
    yield Path(tempfile.gettempdir()) / f"tracker-{user}"
