"""Reading a file that somebody else may be writing, so that the change is noticed."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Generator, Iterator
from pathlib import Path

from tracker.artifacts.names import shown
from tracker.errors import ArtifactError, BadInput

CHUNK_BYTES = 1 << 20
"""How much is read at a time."""

_TICK_NS = 20_000_000
"""Longest step of a file system's clock (kernels tick at 100 Hz or faster), doubled."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a symlink",
}


def read_steady(path: Path, *, follow: bool = True) -> Generator[bytes, None, None]:
    """Yield a regular file's content in order, then make sure that it did not change.

    `follow` says whether `path` may be a symlink. Never waits on a pipe or a device.

    Raises:
        ArtifactError: the file cannot be read, is no regular file, or changed meanwhile;
            what was yielded before is then worth nothing.
        BadInput: the system takes no such path.
    """
    with _opened(path, follow) as (fd, before):
        # Two changes within one tick of the clock leave the same time. After this no change can
        # have the time that was seen.
        age = time.time_ns() - before.st_ctime_ns
        if abs(age) < _TICK_NS:
            time.sleep((_TICK_NS - age) / 1e9)
        _wait_for_writes(fd)
        size = 0
        # A file that grows for ever is left as soon as it is known to.
        while size <= before.st_size and (chunk := os.read(fd, CHUNK_BYTES)):
            size += len(chunk)
            yield chunk
        _check_unchanged(path, fd, before, size)


def read_small(path: Path, limit: int) -> bytes | None:
    """Content of a regular file of at most `limit` bytes; None where it is larger.

    As `read_steady`, but read at once: it does not wait for a tick of the file's clock, so of a
    change within the tick of one before it nothing is seen where times are as coarse as that.

    Raises:
        ArtifactError: it cannot be read, is no regular file, or changed while it was read.
        BadInput: the system takes no such path.
    """
    with _opened(path, follow=True) as (fd, before):
        if before.st_size > limit:
            return None
        _wait_for_writes(fd)
        content = os.read(fd, limit + 1)
        _check_unchanged(path, fd, before, len(content))
        return content


@contextlib.contextmanager
def _opened(path: Path, follow: bool) -> Iterator[tuple[int, os.stat_result]]:
    """A regular file, opened, and what it is then; what fails meanwhile is told by its name."""
    try:
        # Looked at before it is opened: opening alone moves some devices.
        check_kind(path, path.stat(follow_symlinks=follow).st_mode, "a regular file")
        nofollow = 0 if follow else os.O_NOFOLLOW
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | nofollow)
        try:
            before = os.fstat(fd)
            check_kind(path, before.st_mode, "a regular file")
            yield fd, before
        finally:
            os.close(fd)
    except OSError as error:
        raise ArtifactError(
            f"{shown(str(path))} was not kept: it cannot be read ({error.strerror or error}). "
            "Check the path and its permissions, then log it again."
        ) from error
    except ValueError as error:  # a NUL in it, or characters that are no file name
        raise BadInput(f"{shown(str(path))} cannot be a path: {error}. Check the path.") from error


def check_kind(path: Path, mode: int, wanted: str) -> None:
    """Refuse what is neither a file nor, if `wanted` says so, a folder.

    Raises:
        ArtifactError: names the path and what is there.
    """
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise ArtifactError(
            f"{shown(str(path))} was not kept: it is {kind}, not {wanted}. "
            "Move it away or name another path, then log it again."
        )


def _wait_for_writes(fd: int) -> None:
    """Wait for the ``write`` calls that have begun, however slow.

    A call sets the file's time first and then copies its bytes, all under the lock of the
    inode; what it has yet to copy would come without a sign. Linux's tmpfs and ext4 look for data
    under the same lock (shmem_file_llseek, ext4_llseek); XFS takes it for each read.
    """
    with contextlib.suppress(OSError):  # no data at all, or a file system that cannot look
        os.lseek(fd, 0, os.SEEK_DATA)
    os.lseek(fd, 0, os.SEEK_SET)


def _check_unchanged(path: Path, fd: int, before: os.stat_result, size: int) -> None:
    if size != before.st_size or _marks(before) != _marks(os.fstat(fd)):
        raise ArtifactError(
            f"{shown(str(path))} was not kept: it changed while it was read. "
            "Log it again when nothing writes to it any more, or log a copy of it."
        )


def _marks(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
