"""Packing: the packed form of a segment takes the raw one's place. See the package's text."""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tracker.journal import liveness
from tracker.journal.files import Files, open_existing
from tracker.journal.listing import Journal
from tracker.journal.packing import expand, packed
from tracker.journal.record import MAX_SEGMENT, PREAMBLE, SEAL, kind_of, scan, seed

LEAST_BYTES = 8 * 1024
"""A smaller segment takes a block or two however small it gets."""

_SEAL_BYTES = 64
"""Enough for any seal."""

_LEFTOVER = re.compile(r"[0-9a-f]{16}-\d{6,12}\.packed-[0-9a-f]{16}\.tmp")
_LEFTOVER_S = 600.0
"""Without locks, a temporary untouched for this long counts as left over."""


def pack(journal: Journal, files: Files | None = None) -> int:
    """Pack all of a journal that may be; returns how many segments.

    Raises:
        OSError: the next one could not be packed now; it stands as it stood.
    """
    return sum(pack_segment(journal, number, files) for number in packable(journal))


def packable(journal: Journal) -> list[int]:
    """Numbers of the raw segments that may be packed, as far as a quick look tells.

    Of a dead writer all that are sealed; of one that lives not the first, whose file it holds
    locked, nor the last. None where no lock tells for certain whether it lives.
    """
    numbers = journal.segments()
    header = journal.segment_header(1)
    held = liveness.locked(journal.path(1), header)
    if header is None or not header.locked or held is None:
        return []
    done = numbers[1:-1] if held else numbers
    return [number for number in done if _worth_it(journal, number)]


def pack_segment(journal: Journal, number: int, files: Files | None = None) -> bool:
    """Put the packed form of a segment in the place of the raw one; False if it has none.

    The caller knows that the segment is packable. At every moment one whole copy stands under
    the segment's name, after a power cut too.

    Raises:
        OSError: it could not be done now; the raw segment stands as it stood.
    """
    path = journal.path(number)
    fd = open_existing(path)
    if fd is None:
        return False
    with os.fdopen(fd, "rb") as file:
        raw = file.read(MAX_SEGMENT + 1)
        about = os.fstat(fd)
    if hasattr(os, "geteuid") and about.st_uid != os.geteuid():
        return False  # its owner could not read what we make
    value = seed(journal.folder.name, journal.writer_id, number)
    content = packed(raw, value)
    if content is None or len(content) >= len(raw):
        return False
    if shutil.disk_usage(path.parent).free < 2 * len(raw):
        raise _no_space(path)  # what is left is for those who record
    _Swap(path, raw, files or Files()).do(content, about, value)
    return True


def sweep(folder: Path, files: Files | None = None) -> None:
    """Remove what killed packers left in a run's folder; what a writer makes is not touched."""
    for name in os.listdir(folder):  # noqa: PTH208 - names are all that is needed
        if _LEFTOVER.fullmatch(name) and _left_over(folder / name):
            with suppress(FileNotFoundError):
                (files or Files()).unlink(folder / name)


class _Swap:
    """The steps by which packed content takes the place of a raw segment."""

    def __init__(self, path: Path, raw: bytes, files: Files) -> None:
        self._path = path
        self._raw = raw
        self._files = files
        self._temporary = path.with_suffix(f".packed-{os.urandom(8).hex()}.tmp")

    def do(self, content: bytes, about: os.stat_result, value: int) -> None:
        files = self._files
        try:
            self._write(content, about)
            self._verify(value)
            files.replace(self._temporary, self._path)
        except BaseException:
            with suppress(OSError):
                files.unlink(self._temporary)
            raise
        files.sync_folder(self._path.parent)

    def _write(self, content: bytes, about: os.stat_result) -> None:
        """Make the temporary, synced.

        It is closed, and so unlocked, before it is in place: a first segment that is locked
        says that its writer lives.
        """
        files = self._files
        fd = files.create(self._temporary)
        try:
            liveness.hold(fd)  # so that nobody takes it for left over
            if files.write(fd, content) != len(content):
                raise _no_space(self._temporary)
            files.resemble(self._temporary, about)
            files.sync(fd)
        finally:
            files.close(fd)

    def _verify(self, value: int) -> None:
        found = expand(self._temporary.read_bytes(), value, 0)
        if found is None or found.data != self._raw:
            raise OSError(errno.EIO, "what was written reads otherwise", str(self._temporary))


def _worth_it(journal: Journal, number: int) -> bool:
    """Whether a segment is raw, large enough, and ends in a seal."""
    fd = open_existing(journal.path(number))
    if fd is None:
        return False
    with os.fdopen(fd, "rb", buffering=0) as file:
        size = os.fstat(fd).st_size
        if not LEAST_BYTES <= size <= MAX_SEGMENT or file.read(len(PREAMBLE)) != PREAMBLE:
            return False
        file.seek(size - _SEAL_BYTES)
        tail = file.read(_SEAL_BYTES)
    value = seed(journal.folder.name, journal.writer_id, number)
    payload = next((p for _, end, p in _records(tail, value) if end == len(tail)), None)
    return payload is not None and kind_of(payload) == SEAL


def _records(tail: bytes, value: int) -> Iterator[tuple[int, int, bytes]]:
    return ((at, end, p) for at, end, p in scan(tail, 0, value) if p is not None)


def _left_over(temporary: Path) -> bool:
    """Whether no packer works on a temporary any more."""
    held = liveness.held(temporary)
    if held is not None:
        return not held
    with suppress(FileNotFoundError):
        return time.time() - temporary.stat().st_mtime > _LEFTOVER_S
    return False


def _no_space(path: Path) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
