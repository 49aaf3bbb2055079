"""Blobs: file content under the name of its SHA-256 (layout and guarantees: the package)."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tracker.artifacts.files import Files
from tracker.artifacts.names import shown
from tracker.artifacts.steady import CHUNK_BYTES, read_steady
from tracker.errors import ArtifactError, BadInput

LEFTOVER_AGE_S = 86_400
"""A temporary file to which nothing was written for this long may be removed."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHELF = re.compile(r"[0-9a-f]{2}")
_TEMPORARY = re.compile(r"[0-9a-f]{16}")
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def check_digest(digest: str) -> str:
    """Return `digest` if it is one: 64 lowercase hex digits.

    Raises:
        BadInput: it is not.
    """
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise BadInput(
            f"{shown(digest)} is not a digest: these are 64 digits of 0-9 a-f. "
            "Take it from the artifact's event or manifest."
        )
    return digest


def is_digest(text: str) -> bool:
    """Whether it can be one."""
    return _DIGEST.fullmatch(text) is not None


class Blob(NamedTuple):
    """Content that is in the store: its digest, and its size in bytes."""

    digest: str
    size: int


class Blobs:
    """The blobs of one store; iterating gives their digests in order.

    Holds no open files and may be used by several threads and processes at once. `folder`
    is made by the first put; the folder above it must exist.
    """

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        self.folder = folder
        self._temporary = folder / "tmp"
        self._files = files or Files()
        self._ready: set[Path] = set()  # folders whose own entries this object has synced

    def __repr__(self) -> str:
        return f"Blobs({str(self.folder)!r})"

    def __iter__(self) -> Iterator[str]:
        for shelf in _names(self.folder, _SHELF):
            for name in _names(self.folder / shelf, _DIGEST):
                if name.startswith(shelf):
                    yield name

    def path(self, digest: str) -> Path:
        """Path of a blob, there or not.

        Raises:
            BadInput: `digest` is none.
        """
        return self.folder / check_digest(digest)[:2] / digest

    def put_file(self, path: str | os.PathLike[str], *, follow: bool = True) -> Blob:
        """Keep the content of a regular file; when this returns it survives loss of power.

        `follow` says whether `path` may be a symlink.

        Raises:
            ArtifactError: the file cannot be read, is no regular file, changed while it was
                read, or the store cannot be written. Nothing of it is kept.
        """
        source = Path(path)
        with contextlib.closing(read_steady(source, follow=follow)) as chunks:
            return self._put(chunks, shown(str(source)))

    def put_bytes(self, data: bytes) -> Blob:
        """Keep `data`; when this returns it survives loss of power.

        Raises:
            ArtifactError: the store cannot be written. Nothing of it is kept.
        """
        return self._put([data], f"content of {len(data)} bytes")

    def open(self, digest: str) -> BinaryIO:
        """Open a blob for reading. Its content is not checked (see `verify`).

        Raises:
            BadInput: `digest` is none.
            ArtifactError: there is no such blob, or it cannot be read.
        """
        path = self.path(digest)
        try:
            # A store may come from elsewhere: a link or a pipe in it must not be read.
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                os.close(fd)
                raise ArtifactError(_damaged(path, "it is not a file"))
        except FileNotFoundError:
            raise ArtifactError(
                f"the store has no blob {digest} ({path}). Copy it from another copy of this "
                "store, or log the artifact again."
            ) from None
        except OSError as error:
            raise ArtifactError(_damaged(path, _text(error))) from error
        return open(fd, "rb")  # noqa: PTH123 - the descriptor was opened with care above

    def read(self, digest: str, limit: int) -> bytes:
        """Read a blob of at most `limit` bytes whole; its content has its name.

        Raises:
            BadInput: `digest` is none.
            ArtifactError: there is no such blob, it cannot be read, is damaged or longer.
        """
        with self.open(digest) as file:
            try:
                content = file.read(limit + 1)
            except OSError as error:
                raise ArtifactError(_damaged(self.path(digest), _text(error))) from error
        if len(content) > limit:
            raise ArtifactError(
                f"the blob {self.path(digest)} is longer than the {limit} bytes that may be read "
                "at once. Check that the digest is that of a manifest."
            )
        self._check(digest, hashlib.sha256(content).hexdigest(), len(content))
        return content

    def verify(self, digest: str) -> Blob:
        """Read a blob whole and check that its content has its name.

        Raises:
            BadInput: `digest` is none.
            ArtifactError: there is no such blob, it cannot be read, or it is damaged.
        """
        sha, size = hashlib.sha256(), 0
        with self.open(digest) as file:
            try:
                while chunk := file.read(CHUNK_BYTES):
                    sha.update(chunk)
                    size += len(chunk)
            except OSError as error:
                raise ArtifactError(_damaged(self.path(digest), _text(error))) from error
        self._check(digest, sha.hexdigest(), size)
        return Blob(digest, size)

    def _check(self, digest: str, found: str, size: int) -> None:
        if found != digest:
            problem = f"its {size} bytes have the digest {found}"
            raise ArtifactError(_damaged(self.path(digest), problem))

    def remove(self, digest: str, before_ns: int) -> int:
        """Remove a blob that nobody refers to; return its bytes, 0 where it stays.

        It stays where it was put at `before_ns` (wall clock) or later, also while this runs:
        whoever put it may be about to refer to it.

        Raises:
            BadInput: `digest` is none.
            OSError: it cannot be removed.
        """
        path = self.path(digest)
        with _locked(path.parent, fcntl.LOCK_EX):
            if size := self.older(digest, before_ns):
                self._files.unlink(path)
        return size

    def older(self, digest: str, before_ns: int) -> int:
        """Bytes of a blob that was last put before `before_ns`; 0 where there is none such.

        Raises:
            BadInput: `digest` is none.
            OSError: it cannot be looked at.
        """
        try:
            found = self.path(digest).lstat()
        except FileNotFoundError:
            return 0
        old = stat.S_ISREG(found.st_mode) and found.st_mtime_ns < before_ns
        return found.st_size if old else 0

    def sweep(self) -> int:
        """Remove what killed processes left in ``tmp``; return how many files.

        Only what is a day old and locked by no process; what cannot be removed stays. The
        first put does this by itself.
        """
        return sum(self._swept(self._temporary / name) for name in self._leftovers())

    def _leftovers(self) -> list[str]:
        try:
            return list(_names(self._temporary, _TEMPORARY))
        except OSError:  # tidying must not be what a put fails of
            return []

    def _swept(self, path: Path) -> bool:
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            # The lock tells a slow writer from a dead one, whatever the clock did; the age
            # covers the moment between the making of a file and its lock.
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - os.fstat(fd).st_mtime < LEFTOVER_AGE_S:
                return False
            self._files.unlink(path)
        except OSError:
            return False
        finally:
            os.close(fd)
        return True

    def _put(self, chunks: Iterable[bytes], what: str) -> Blob:
        try:
            self._prepare()
            path = self._temporary / os.urandom(8).hex()
            fd = self._files.open_new(path)
            try:
                blob = self._copy(chunks, fd)
                self._place(path, blob)
            finally:
                # Gone already after a rename; if it will not go, `sweep` tries again.
                with contextlib.suppress(OSError):
                    self._files.unlink(path)
                os.close(fd)
        except OSError as error:  # the source's own errors come as ArtifactError
            advice = "Free space there" if error.errno in _FULL else "Check this folder's disk"
            raise ArtifactError(
                f"{what} was not kept: {self.folder} cannot be written "
                f"({_text(error)}). {advice}, then log it again."
            ) from error
        return blob

    def _copy(self, chunks: Iterable[bytes], fd: int) -> Blob:
        sha, size = hashlib.sha256(), 0
        for chunk in chunks:
            sha.update(chunk)
            size += len(chunk)
            rest = memoryview(chunk)
            while rest:
                count = self._files.write(fd, rest)
                if count <= 0:
                    raise OSError(errno.EIO, "nothing was written")
                rest = rest[count:]
        self._files.fsync(fd)
        return Blob(sha.hexdigest(), size)

    def _place(self, path: Path, blob: Blob) -> None:
        target = self.path(blob.digest)
        self._make(target.parent)
        try:
            self._files.link(path, target)
        except OSError as error:
            if error.errno != errno.EEXIST and error.errno not in _NO_LINKS:
                raise
            if not self._renewed(target, blob.size):
                self._files.rename(path, target)
        # Also where it was there: who put it may not have come as far as this.
        self._files.sync_folder(target.parent)

    def _renewed(self, target: Path, size: int) -> bool:
        """Whether the blob is there; as new as one put now, so that `remove` leaves it."""
        with contextlib.suppress(OSError), _locked(target.parent, fcntl.LOCK_SH):
            if _is_there(target, size):
                self._files.touch(target)
                return True
        return False

    def _prepare(self) -> None:
        if self._temporary not in self._ready:
            self._make(self.folder)
            self._make(self._temporary)
            self.sweep()

    def _make(self, folder: Path) -> None:
        if folder in self._ready:
            return
        with contextlib.suppress(FileExistsError):
            self._files.mkdir(folder)
        # Also where it was there: another process may have made it just now.
        self._files.sync_folder(folder.parent)
        self._ready.add(folder)


@contextlib.contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """Hold the lock of a folder of blobs, where there are locks."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(fd, how)
        yield
    finally:
        os.close(fd)


def _is_there(path: Path, size: int) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == size


def _names(folder: Path, pattern: re.Pattern[str]) -> Iterator[str]:
    try:
        return iter(sorted(name for name in os.listdir(folder) if pattern.fullmatch(name)))  # noqa: PTH208 - names only
    except (FileNotFoundError, NotADirectoryError):
        return iter(())


def _text(error: OSError) -> str:
    return error.strerror or str(error)


def _damaged(path: Path, problem: str) -> str:
    return (
        f"the blob {path} cannot be used: {problem}. Remove this file, then copy it from another "
        "copy of this store or log the artifact again."
    )
