"""The disk under the store: room, kind of file system, locks and notices of changes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tracker import filesystem
from tracker.cli import wording
from tracker.cli.doctor.finding import Finding
from tracker.journal.liveness import hold
from tracker.store import StoreFolder

LOW_BYTES = 1 << 30
LOW_INODES = 10_000
CLOCK_APART_S = 5.0
"""Seconds by which a file server's clock may differ from ours."""

_IN_CREATE = 0x100
_NOTICE_WAIT_S = 1.0


def disk_findings(store: StoreFolder) -> Iterator[Finding]:
    """Yield free room, the file system's kind and what works on it."""
    root = store.root
    yield from _room(root)
    at = filesystem.of(root)
    where = "network" if at.network else "local"
    facts = {
        "type": at.kind, "mount": at.mount, "network": at.network,
        "databases": str(store.databases or root),
    }  # fmt: skip
    text = f"file system {at.kind}, {where}, mounted at {at.mount}"
    if store.databases is not None:
        text += f"; index.db and syncd.db of this machine are in {store.databases}"
    if at.network:  # nothing is wrong with it; it is as the next two findings say
        text += ". What other machines record is seen by looking, every poll_interval_s"
    yield Finding("disk", "ok", text, facts=facts)
    if os.access(root, os.W_OK | os.X_OK):
        yield from _tried(root)


def _room(root: Path) -> Iterator[Finding]:
    if not hasattr(os, "statvfs"):
        return
    at = os.statvfs(root)
    free = at.f_bavail * at.f_frsize
    facts = {"free_bytes": free, "free_inodes": at.f_favail if at.f_files else None}
    inodes = f" and {at.f_favail:,} inodes" if at.f_files else ""  # some systems count none
    low = free < LOW_BYTES or bool(at.f_files and at.f_favail < LOW_INODES)
    text = f"{wording.size(free)}{inodes} free"
    if low:
        yield Finding("disk", "todo", f"only {text}", f"free some room: du -sh '{root}'/*", facts)
    else:
        yield Finding("disk", "ok", text, facts=facts)


def _tried(root: Path) -> Iterator[Finding]:
    """Try on a file of our own what tracker and syncd lean on."""
    probe = root / f".doctor-{os.urandom(8).hex()}"
    notices = _Notices(root)
    try:
        first = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        second = os.open(probe, os.O_RDWR)
        try:
            locks = hold(first) and not hold(second)
            apart = os.fstat(first).st_mtime - time.time()
        finally:
            os.close(first)
            os.close(second)
        noticed = notices.arrived()
    except OSError as error:
        yield Finding(
            "disk", "todo", f"no file could be made in {root}: {error.strerror}", f"ls -ld '{root}'"
        )
        return
    finally:
        notices.close()
        with contextlib.suppress(OSError):
            probe.unlink()
    yield _locks(works=locks)
    yield _notices(works=noticed)
    yield _file_clock(apart)


def _locks(*, works: bool) -> Finding:
    if works:
        return Finding("disk", "ok", "file locks work", facts={"locks": True})
    return Finding(
        "disk", "note",
        "file locks do not work here; whether a run lives is told by the signs of life that it "
        "gives, and one that died shows as running for a while",
        facts={"locks": False},
    )  # fmt: skip


def _notices(*, works: bool) -> Finding:
    facts = {"notices": works}
    if works:
        return Finding("disk", "ok", "notices of changes arrive (inotify)", facts=facts)
    return Finding(
        "disk", "note", "no notices of changes here; syncd looks at the store by itself every "
        "poll_interval_s", facts=facts,
    )  # fmt: skip


def _file_clock(apart: float) -> Finding:
    facts = {"file_clock_offset_s": round(apart, 3)}
    if abs(apart) < CLOCK_APART_S:
        return Finding("clock", "ok", "the file system's clock agrees with ours", facts=facts)
    return Finding(
        "clock", "todo",
        f"the file system's clock is {wording.duration(abs(apart))} "
        f"{'ahead of' if apart > 0 else 'behind'} this machine's; times of runs are this machine's",
        "timedatectl status", facts,
    )  # fmt: skip


class _Notices:
    """An inotify watch on a folder, through the C library; does nothing elsewhere."""

    def __init__(self, folder: Path) -> None:
        self._fd = -1
        if sys.platform == "linux":
            library = ctypes.CDLL(None, use_errno=True)
            self._fd = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            library.inotify_add_watch(self._fd, os.fsencode(folder), _IN_CREATE)

    def arrived(self) -> bool:
        """Whether a notice came since the start."""
        if self._fd < 0:
            return False
        poll = select.poll()  # select() takes no descriptor above 1023
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(_NOTICE_WAIT_S * 1000))

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
