"""One syncd per store: a lock held open, with the holder's name in it."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tracker.errors import StoreError
from tracker.journal import liveness
from tracker.store import StoreFolder


class Owned(StoreError):
    """Another syncd serves this store; the text names it."""


class Ownership:
    """A context in which this process is the only one to deliver from a store.

    The operating system lets go of the lock when the process dies, however that comes.

    Raises:
        Owned: another process holds it.
    """

    def __init__(self, store: StoreFolder) -> None:
        self._store = store
        self._path = store.sync / "syncd.lock"
        self._fd = -1

    def __enter__(self) -> Ownership:  # noqa: PYI034 - Self is not in Python 3.10
        """Take the lock."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if not liveness.hold(fd):
            os.close(fd)
            raise Owned(
                f"syncd with {_holder(self._path)}, serves the store {self._store.root} already, "
                "and one is enough: what you record is delivered, to remotes added since then too; "
                "see: syncd status. Stop it first for: syncd retry"
            )
        about = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(about).encode(), 0)
        self._fd = fd
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of it."""
        os.close(self._fd)


@dataclass(frozen=True)
class Holder:
    """Who delivers from a store; `since` in seconds since 1970. Process 0 is an unknown one."""

    pid: int
    host: str
    since: float

    def __str__(self) -> str:
        if not self.pid:
            return "an unknown pid"
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"pid {self.pid} on {self.host}, since {since}"


def serving(store: StoreFolder) -> Holder | None:
    """Who delivers from a store now; None if nobody does."""
    path = store.sync / "syncd.lock"
    return _holder(path) if liveness.held(path) else None


def _holder(path: Path) -> Holder:
    try:
        about = json.loads(path.read_text())
        return Holder(int(about["pid"]), str(about["host"]), float(about["since"]))
    except (OSError, ValueError, KeyError, TypeError):  # it is being written, or damaged
        return Holder(0, "", 0.0)
