"""Marks of what was verified: that a remote held all of a run, read back and equal.

A mark is a small file in the store, ``sync/verified/FOLDER-PLACE.json``: FOLDER is the run's among
the journals, PLACE the first 16 hex digits of the SHA-256 of the remote's kind and address. No
name from a user is in it, and a remote that is renamed keeps its marks. Why not in syncd.db: that
belongs to the process that holds the store's lock, for hours as a rule, and may lie on another
machine's disk; whoever verifies and whoever deletes need neither. A mark comes and goes whole
(`replace_file`), goes with the store when it is copied, and outlives the run's journals, as the
proof of where they went.

It holds for as long as nothing was appended: it names the last sequence number of every journal,
and these are never used twice. A verification that finds a difference takes it back.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any

import msgspec

from tracker.store import StoreFolder, replace_file

FORMAT = 1


class Mark(msgspec.Struct, omit_defaults=True):
    """A run that was whole at a remote.

    Attributes:
        at: when it was read back, in seconds since 1970 UTC.
        cursors: last sequence number of each of its journals, by writer id.
        events: SHA-256 of each journal's events, by writer id (see `syncd.recorded`).
        points: digest of its metric points as the remote has them (see `syncd.points`).
        counts: points, params, tags and files that were compared.
        files: SHA-256 of each file, by its path.
        left_out: keys and artifacts that the remote's policy kept from it.
    """

    run: str
    remote: str
    kind: str
    url: str
    remote_id: str
    at: float
    cursors: dict[str, int]
    events: dict[str, str]
    points: str
    counts: dict[str, int]
    files: dict[str, str] = {}
    left_out: int = 0
    format: int = FORMAT

    def as_dict(self) -> dict[str, Any]:
        """For JSON: what was compared, when, and the digests."""
        return {
            "at": self.at, "compared": self.counts, "left_out": self.left_out,
            "digests": {"events": self.events, "points": self.points},
        }  # fmt: skip


class Marks:
    """The marks of a store; any process may read and write them."""

    def __init__(self, store: StoreFolder) -> None:
        self._folder = store.sync / "verified"

    def read(self, folder: str, kind: str, url: str) -> Mark | None:
        """The mark of the run in `folder` at a remote; None where there is none to be read."""
        try:
            mark = msgspec.json.decode(self._path(folder, kind, url).read_bytes(), type=Mark)
        except (OSError, msgspec.MsgspecError):
            return None
        return mark if mark.format == FORMAT and (mark.kind, mark.url) == (kind, url) else None

    def write(self, folder: str, mark: Mark) -> None:
        """Keep a mark, in the place of an older one.

        Raises:
            OSError: it cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        replace_file(self._path(folder, mark.kind, mark.url), msgspec.json.encode(mark))

    def take_back(self, folder: str, kind: str, url: str) -> None:
        """A difference was found: the mark is worth nothing any more."""
        with contextlib.suppress(FileNotFoundError):
            self._path(folder, kind, url).unlink()

    def _path(self, folder: str, kind: str, url: str) -> Path:
        return self._folder / f"{folder}-{place(kind, url)}.json"


def place(kind: str, url: str) -> str:
    """What tells one remote from another, whatever it is called."""
    return hashlib.sha256(f"{kind}\0{url}".encode()).hexdigest()[:16]
