"""Notes of what `syncd gc` removed: ``sync/removed/FOLDER.json``, one for each run's folder.

Written before the journals go. A note says nothing about a journal that is there, so one that was
left by a gc which died before it came to that does no harm. With it a lane whose cursors stand at
journals that are gone is not taken for one that another copy of the store has carried further,
and `verify` knows which of a remote's points are of journals that are gone.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from syncd.sinks import State
from tracker.store import StoreFolder, replace_file


class Left(msgspec.Struct, omit_defaults=True):
    """What a remote held of the journals that were removed.

    Attributes:
        state: where translation stood behind them (see `syncd.sinks`).
        progress: what they said of the run as a whole (see `syncd.progress`).
        count, digest: of their points, if they were verified; see `syncd.points`.
    """

    state: State = {}
    progress: str | None = None
    count: int = 0
    digest: str | None = None


class Note(msgspec.Struct, omit_defaults=True):
    """What was removed of a run.

    Attributes:
        at: when, in seconds since 1970 UTC.
        writers: last sequence number of each journal, by writer id; of earlier removals too.
        left: what each remote that knows the run had of them, by its place (see `syncd.verified`).
        forced: why it would have been kept without --force; empty if all was verified.
    """

    run: str
    at: float
    writers: dict[str, int]
    left: dict[str, Left] = {}
    forced: list[str] = []

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"at": self.at, "writers": self.writers, "forced": self.forced}


class Removed:
    """The notes of a store, in `folder`."""

    def __init__(self, store: StoreFolder) -> None:
        self.folder = store.sync / "removed"

    def read(self, folder: str) -> Note | None:
        """The note on a run's folder; None where there is none to be read."""
        try:
            return msgspec.json.decode((self.folder / f"{folder}.json").read_bytes(), type=Note)
        except (OSError, msgspec.MsgspecError):
            return None

    def left(self, folder: str, remote: str, gone: Collection[str]) -> Left | None:
        """What the remote (its place) held of the journals `gone`; None if they are elsewhere."""
        note = self.read(folder) if gone else None
        if note is None or not set(gone) <= note.writers.keys():
            return None
        return note.left.get(remote, Left())

    def write(self, folder: str, note: Note) -> None:
        """Keep a note, in the place of an older one.

        Raises:
            OSError: it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_file(self.folder / f"{folder}.json", msgspec.json.encode(note))
