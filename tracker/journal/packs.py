"""The pack files of one writer: contents of small files, back to back."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from tracker.journal.files import Files, open_existing

PACKED_BYTES = 256 * 1024
"""The longest content that goes into a pack file; a longer one is a blob."""

PACK_FILE_BYTES = 64 * 1024 * 1024
"""A pack file ends before it is longer than this."""

PREAMBLE = b"TRKFIL" + (1).to_bytes(2, "little")
"""How a pack file begins: what it is, and its format."""

_NAME = re.compile(r"([0-9a-f]{16})-(\d{6,12})\.pack")


def pack_name(writer_id: str, number: int) -> str:
    """File name of a pack file."""
    return f"{writer_id}-{number:06}.pack"


def pack_files(folder: Path) -> Iterator[tuple[str, int]]:
    """Writer id and number of each pack file in a run's folder; none where there is no folder."""
    try:
        entries = os.listdir(folder)  # noqa: PTH208 - names are all that is needed
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        match = _NAME.fullmatch(entry)
        if match and entry == pack_name(match[1], int(match[2])):
            yield match[1], int(match[2])


def content_at(folder: Path, writer_id: str, number: int, offset: int, size: int) -> bytes | None:
    """Bytes of a pack file, fewer where it ends before; None where there is no such file.

    They are not checked: the digest in the event that names them tells whether they are right.

    Raises:
        OSError: the system cannot read now.
    """
    fd = open_existing(folder / pack_name(writer_id, number))
    if fd is None:
        return None
    with os.fdopen(fd, "rb", buffering=0) as file:
        file.seek(max(0, min(offset, PACK_FILE_BYTES)))
        return file.read(max(0, min(size, PACKED_BYTES)))


class Packs:
    """The pack files that a writer appends to. What changes them holds the writer's lock."""

    def __init__(self, folder: Path, writer_id: str, files: Files) -> None:
        self._folder = folder
        self._writer_id = writer_id
        self._files = files
        self._number = 0
        self._fd = -1
        self._end = 0
        self._fresh = False  # the entry of a file is not synced yet
        self._retired: list[int] = []

    def append(self, content: bytes) -> tuple[int, int]:
        """Append a content of at most `PACKED_BYTES`; returns the file's number and the offset.

        After a failed write nothing is appended behind it: the next goes into a new file.

        Raises:
            OSError: the disk did not take it.
        """
        if self._fd < 0 or self._end + len(content) > PACK_FILE_BYTES:
            self._begin()
        offset = self._end
        try:
            self._write(self._fd, content)
        except BaseException:  # a signal handler may throw too
            self._retire()
            raise
        self._end += len(content)
        return self._number, offset

    def sync(self) -> bool:
        """Make what was appended survive power loss; True if the folder must be synced as well.

        Raises:
            OSError: the device refused.
        """
        current = self._fd  # first: one that is retired meanwhile is in one of the two
        retired = list(self._retired)
        if fresh := self._fresh:
            self._fresh = False
        for fd in {*retired, current} - {-1}:
            self._files.sync(fd)
        for fd in retired:
            self._retired.remove(fd)
            self._close(fd)
        return fresh

    def let_go(self) -> None:
        """Close all files."""
        self._retire()
        while self._retired:
            self._close(self._retired.pop())

    def _begin(self) -> None:
        self._retire()
        path = self._folder / pack_name(self._writer_id, self._number + 1)
        fd = self._files.create(path)
        try:
            self._write(fd, PREAMBLE)
        except BaseException:
            self._close(fd)
            with contextlib.suppress(OSError):  # readers pass over what nobody refers to
                self._files.unlink(path)
            raise
        self._number += 1
        self._fd, self._end, self._fresh = fd, len(PREAMBLE), True

    def _write(self, fd: int, content: bytes) -> None:
        if self._files.write(fd, content) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _retire(self) -> None:
        if self._fd >= 0:
            self._retired.append(self._fd)
            self._fd = -1

    def _close(self, fd: int) -> None:
        with contextlib.suppress(OSError):  # what could fail was found out by the sync before
            self._files.close(fd)
