"""The calls by which blobs change the disk, in one place, so that tests can make them fail."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path

# File systems that cannot sync a folder say so with these (PostgreSQL's fsync_fname lets
# the same two pass); any other error is a real one.
_NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.EBADF})


class Files:
    """System calls that write; each raises OSError as the system does."""

    def open_new(self, path: Path) -> int:
        """Create `path` (mode 0600), which must not exist, lock it, and open it for writing."""
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(OSError):  # no locks here: then nothing is ever swept here
            fcntl.flock(fd, fcntl.LOCK_EX)  # waits for a `sweep` that looks at it just now
        return fd

    def write(self, fd: int, data: memoryview) -> int:
        """Write some of `data`; the count of bytes may be short."""
        return os.write(fd, data)

    def fsync(self, fd: int) -> None:
        """Bring the file's content and size to the disk."""
        os.fsync(fd)

    def link(self, source: Path, target: Path) -> None:
        """Give the file a second name, which must not exist."""
        os.link(source, target)

    def rename(self, source: Path, target: Path) -> None:
        """Move the file to `target`, in the place of what is there."""
        os.rename(source, target)  # noqa: PTH104 - the seam is the system call

    def touch(self, path: Path) -> None:
        """Set the file's times to now."""
        os.utime(path)

    def unlink(self, path: Path) -> None:
        """Remove one name of a file."""
        os.unlink(path)  # noqa: PTH108 - the seam is the system call

    def mkdir(self, path: Path) -> None:
        """Make a folder (mode 0700), which must not exist."""
        os.mkdir(path, 0o700)  # noqa: PTH102 - the seam is the system call

    def sync_folder(self, path: Path) -> None:
        """Bring the folder's entries to the disk."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise
        finally:
            os.close(fd)
