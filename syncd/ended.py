"""Files of sources that are in the store to their end, and are not read anew: sync/sources.json.

A hint beside the journals, which are the truth. It is noted once a file was read to its run's exit
record and its last byte, and what came of it was synced; and it holds as long as the file is the
same one (inode, size, time of change, the bytes at both its ends) and each journal that the run
had then is there and ends with the same event. Where anything differs, and where the hint is lost,
the file is read from its start as ever: that doubles nothing, as the marks in the journals say
which of its records were taken.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from pathlib import Path

import msgspec

from syncd.recorded import extents
from tracker.integrations.wandb.taking import Taking
from tracker.store import StoreFolder, replace_file

_END_BYTES = 32 * 1024


class _File(msgspec.Struct, frozen=True):
    """A file as it is known again; `ends` is the CRC-32 of the bytes at its two ends."""

    inode: int
    size: int
    mtime_ns: int
    ends: int


class _Ended(msgspec.Struct, frozen=True):
    """A file, and the run that it was taken into: of each journal there the last event's number."""

    file: _File
    run: str
    journals: dict[str, int]


class Ended:
    """What the hint says, and what is added to it.

    Args:
        store: where the files were taken in. A hint there that cannot be read is none.
    """

    def __init__(self, store: StoreFolder) -> None:
        self._store = store
        self._path = store.sync / "sources.json"
        self._told = _read(self._path)
        self._held: dict[str, _Ended] = {}  # of it, what was found right, and what is new
        self._changed = False

    def has(self, log: Path) -> bool:
        """Whether a file is in the store to its end, and need not be looked at."""
        try:
            if held := self._held.get(_key(log)):
                return _same(held.file, os.stat(log))  # noqa: PTH116 - one call, often
            told = self._told.get(_key(log))
            if told is None or told.file != _seen(log) or not self._stands(told):
                return False
        except OSError:
            return False
        self._held[_key(log)] = told
        return True

    def note(self, taking: object) -> None:
        """Note a file of W&B whose run ended, if it was read to its last byte."""
        if not isinstance(taking, Taking):
            return
        try:
            file = _seen(taking.log)
            if file.size == taking.offset:
                run = taking.taken.run
                ended = _Ended(file, run, extents(self._store.run(run)))
                self._held[_key(taking.log)] = ended
                self._changed = True
        except OSError:  # it is read once more, then
            pass

    def write(self) -> None:
        """Keep what was noted; where the store takes nothing now, the next call does."""
        if self._changed:
            with contextlib.suppress(OSError):
                replace_file(self._path, msgspec.json.encode(self._held))
                self._changed = False

    def _stands(self, told: _Ended) -> bool:
        found = extents(self._store.run(told.run))
        return bool(told.journals) and told.journals.items() <= found.items()


def _key(log: Path) -> str:
    """A path as text that JSON can hold, whatever bytes are in its name."""
    return os.fsencode(log).decode("utf-8", "backslashreplace")


def _seen(log: Path) -> _File:
    with log.open("rb") as file:
        found = os.fstat(file.fileno())
        ends = zlib.crc32(file.read(_END_BYTES))
        file.seek(max(found.st_size - _END_BYTES, 0))
        ends = zlib.crc32(file.read(_END_BYTES), ends)
    return _File(found.st_ino, found.st_size, found.st_mtime_ns, ends)


def _same(file: _File, found: os.stat_result) -> bool:
    return (file.inode, file.size, file.mtime_ns) == (
        found.st_ino, found.st_size, found.st_mtime_ns,
    )  # fmt: skip


def _read(path: Path) -> dict[str, _Ended]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, _Ended])
    except (OSError, msgspec.MsgspecError):
        return {}
