"""The system calls that change journals and the store, in one place: a test can make each fail."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from pathlib import Path

_NEW = os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY
_NEW |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_OLD = os.O_RDONLY | getattr(os, "O_BINARY", 0)
# A FIFO or a link may lie where a segment should.
_OLD |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)

_PASSING = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE))
"""Troubles of the moment, which say nothing about the file."""


class Files:
    """The real calls. Each raises OSError as the system gives it."""

    write = staticmethod(os.write)
    close = staticmethod(os.close)
    rename = staticmethod(os.rename)
    replace = staticmethod(os.replace)
    link = staticmethod(os.link)
    unlink = staticmethod(os.unlink)

    @staticmethod
    def create(path: Path) -> int:
        """Make a new file for appending, readable by its owner only."""
        return os.open(path, _NEW, 0o600)

    @staticmethod
    def allocate(fd: int, size: int) -> None:
        """Make a new file `size` bytes long, with room on the device for each of them."""
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)
        elif os.write(fd, os.urandom(size)) != size:  # zeros might be compressed to nothing
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @staticmethod
    def mkdir(path: Path) -> None:
        """Make a folder and its parents; fine if it is there."""
        path.mkdir(parents=True, exist_ok=True)

    @staticmethod
    def resemble(path: Path, about: os.stat_result) -> None:
        """Give a file the mode, group and times of the one that it will replace."""
        if hasattr(os, "chown") and path.stat().st_gid != about.st_gid:
            os.chown(path, -1, about.st_gid)
        path.chmod(stat.S_IMODE(about.st_mode))
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))

    @staticmethod
    def touch(path: Path) -> None:
        """Give a file the time that it is now."""
        os.utime(path)

    @staticmethod
    def sync(fd: int) -> None:
        """Return once the file's bytes are on the device."""
        if sys.platform == "linux":
            os.fdatasync(fd)
        else:
            os.fsync(fd)

    @staticmethod
    def sync_folder(path: Path) -> None:
        """Return once the folder's entries are on the device."""
        if sys.platform == "win32":  # folders cannot be opened there; NTFS journals entries
            return
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def sync_place(files: Files, folder: Path) -> None:
    """Make the entries of a run's folder sure, and of those above it to the one with the store.

    Whoever made these may have died before they survived power loss.

    Raises:
        OSError: the device refused.
    """
    files.sync_folder(folder)
    files.sync_folder(folder.parent)
    for level in folder.parents[1:3]:
        with contextlib.suppress(PermissionError):  # somebody else's, who made what is in it
            files.sync_folder(level)


def open_existing(path: Path | str) -> int | None:
    """Open a segment for reading; None where no plain file lies there that may be read.

    Raises:
        OSError: it could not be found out now.
    """
    try:
        fd = os.open(path, _OLD)
    except OSError as error:
        if error.errno in _PASSING:
            raise
        return None
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return None


def why_not_opened(path: Path) -> str:
    """Kind of gap that a segment is where `open_existing` gave none."""
    try:
        plain = stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        plain = False
    return "unreadable" if plain else "not a segment"
