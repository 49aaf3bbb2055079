"""Whether a writer's process lives: by a lock that the kernel lets go of, and by a heartbeat.

    its lock is held                                      it lives
    it had one, free now, and this host would know        it is dead
    it is of this host, and its process is gone           it is dead
    else                                                  its heartbeat tells

This host would know of a lock that was taken on it, and of every lock on a disk of its own; on a
network file system locks may be missing, or be known to the host only that took them (Lustre's
localflock, NFS's local_lock).

The heartbeat: a writer gives its first segment a new time every BEAT_S, also if nothing is
logged. Who looks twice measures on its own clock: what did not change for SILENT_S is dead. The
first look alone compares the clocks of two hosts, and so leaves room: dead is what was untouched
for UNTOUCHED_S.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tracker.journal.files import open_existing
from tracker.journal.record import Header

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 62  # locks are mandatory there: lock a byte that nobody reads or writes

    def _lock(fd: int, *, exclusive: bool) -> None:
        del exclusive  # only the one kind there
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

    def host() -> str:
        """Name of this machine."""
        import socket  # noqa: PLC0415 - its milliseconds are not for systems that have uname

        return socket.gethostname()
else:
    import fcntl

    def _lock(fd: int, *, exclusive: bool) -> None:
        fcntl.flock(fd, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)

    def host() -> str:
        """Name of this machine."""
        return os.uname().nodename


BEAT_S = 15.0
SILENT_S = 120.0
UNTOUCHED_S = 600.0

_RETRY_S = 0.01
_seen: dict[Path, tuple[float, float]] = {}
"""Newest time of each journal that a heartbeat tells of, and since when it is known, monotonic."""
_network: dict[int, bool] = {}
"""By device."""

_ENTER_S = 5.0
"""Longer than any removal holds a run's folder; after that a writer goes on without its lock."""


def hold(fd: int) -> bool:
    """Lock an open file until its last descriptor closes; False if it cannot be locked.

    Used for a writer's first segment and for locks of which there is one per store.
    """
    try:
        _lock(fd, exclusive=True)
    except OSError:
        return False
    return True


def wait_for(fd: int, limit_s: float) -> bool:
    """Lock an open file as soon as nobody else holds it; False if that takes longer.

    On a file system without locks nobody can hold it, and the answer is True at once.
    """
    limit = time.monotonic() + limit_s
    while _held_elsewhere(fd):
        if time.monotonic() >= limit:
            return False
        time.sleep(_RETRY_S)
    return True


def _held_elsewhere(fd: int, *, exclusive: bool = True) -> bool:
    try:
        _lock(fd, exclusive=exclusive)
    except (BlockingIOError, PermissionError):  # the second is how Windows says the first
        return True
    except OSError:
        return False
    return False


@contextlib.contextmanager
def entered(folder: Path, make: Callable[[Path], None]) -> Iterator[None]:
    """Make a run's folder (`make` is fine with one that is there), and keep it in its place.

    For who puts the first segment of a journal into it: until that is there with its lock,
    nothing else says that the run has a writer, and `alone` could be told so.

    Raises:
        OSError: as `make`.
    """
    limit = time.monotonic() + _ENTER_S
    while True:
        make(folder)
        fd = _opened(folder)
        try:
            while fd >= 0 and _held_elsewhere(fd, exclusive=False) and time.monotonic() < limit:
                time.sleep(_RETRY_S)
            if fd < 0 or time.monotonic() >= limit or _stands_at(folder, fd):
                yield
                return
        finally:
            if fd >= 0:
                os.close(fd)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Whether no journal begins in a run's folder now; inside, none can.

    On a file system without locks this cannot be told, and the answer is True.
    """
    fd = _opened(folder)
    try:
        yield fd < 0 or not _held_elsewhere(fd)
    finally:
        if fd >= 0:
            os.close(fd)


def _opened(folder: Path) -> int:
    try:
        return os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders; or it is gone just now
        return -1


def _stands_at(folder: Path, fd: int) -> bool:
    """Whether the folder that was opened is the one of that name: it may have been moved away."""
    try:
        return os.path.samestat(os.stat(folder), os.fstat(fd))  # noqa: PTH116 - beside fstat
    except OSError:
        return False


def alive(first_segment: Path, header: Header | None) -> bool:
    """Tell whether the process that writes this journal lives; see the module's table.

    `first_segment` is the file that a writer locks; `header` is any header of the journal
    that could be read.
    """
    found = locked(first_segment, header)
    if found is not None or header is None:
        return bool(found)
    if header.host == host() and not _process_exists(header.pid):
        return False
    return _beats(first_segment, header)


def locked(first_segment: Path, header: Header | None) -> bool | None:
    """Whether a writer holds the lock of its journal; None where nobody here can tell."""
    found = held(first_segment)
    if found or header is None:
        return found
    known = header.host == host() or not _on_network(first_segment)
    return found if header.locked and known else None


def held(first_segment: Path) -> bool | None:
    """Whether some process holds the lock of a journal; None where that cannot be told."""
    fd = open_existing(first_segment)
    if fd is None:
        return False  # a writer's own file is there as long as it writes
    try:
        _lock(fd, exclusive=False)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(fd)
    return False


def _beats(first_segment: Path, header: Header) -> bool:
    newest = max(
        (path.stat().st_mtime for path in first_segment.parent.glob(f"{header.writer_id}-*.seg")),
        default=0.0,
    )
    now = time.monotonic()
    before, since = _seen.get(first_segment, (None, now))
    if newest != before:
        old = before is None and time.time() - newest >= UNTOUCHED_S
        _seen[first_segment] = newest, (-math.inf if old else now)
        return not old
    return now - since < SILENT_S


def _on_network(path: Path) -> bool:
    from tracker import filesystem  # noqa: PLC0415 - not for those who record

    try:
        device = path.stat().st_dev
    except OSError:
        return False
    if device not in _network:
        _network[device] = filesystem.of(path).network
    return _network[device]


def _process_exists(pid: int) -> bool:
    if sys.platform == "win32":  # signal 0 is not harmless there
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
