"""The lease on a store: which syncd may deliver, on whatever host, with locks or without.

A lease is a file, `syncd.lease.N` in the store's folder `sync`. Making the file N+1, which the
file system lets one process do (O_EXCL), ends the lease N and begins the next.

    the holder     gives its file a new time every RENEW_S. It may send only for HOLD_S from the
                   beginning of the last renewal. If it comes later, it may have been taken over:
                   it makes the file N+1 itself and goes on, or is refused that and has lost.
    another one    takes over once the newest lease was let go; or did not change for LEASE_S; or
                   at once, if its holder had the lock of the store in the kernel that runs here,
                   and now nobody has it.

Seconds are those of each one's own clock, which also counts while a machine sleeps: clocks of two
hosts are never compared, and a process id decides nothing. As HOLD_S is less than LEASE_S, no two
begin a request at the same time. What a holder had under way when it was stopped (SIGSTOP, a
machine asleep, a network that hangs) may still arrive, beside its repetition by the next one:
that is the same batch again, with the same identities, and has no effect.

A newest file that a network file system's cache hides for a while is no danger: making it again
is refused. For the same reason the last few files stay.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import time
from pathlib import Path

import msgspec

from syncd.clock import SYSTEM, Clock
from tracker.journal.liveness import host

RENEW_S = 0.5
HOLD_S = 2.0
LEASE_S = 3.0

_STAY = 8
_NAME = re.compile(r"syncd\.lease\.([0-9]{1,15})")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Holder(msgspec.Struct):
    """Who holds a lease; written once, and a second time when it is let go.

    `kernel` names the running kernel. `locked` says that the holder has the store's lock.
    """

    host: str
    kernel: str
    pid: int
    since: float
    locked: bool
    let_go: bool = False

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"pid {self.pid} on {self.host}, since {since}"


class Lease:
    """The leases of one store as a process sees them, and its own among them.

    Methods raise OSError where the store cannot be reached.

    Attributes:
        number: of the lease that was ours last.
        renewed: when its last renewal began, on our clock.
        forced: it was taken from a holder that may live: it did not change for LEASE_S.
        alive: somebody renewed or began a lease while we looked.
    """

    def __init__(self, folder: Path, clock: Clock = SYSTEM) -> None:
        self.number = 0
        self.renewed = -math.inf
        self.forced = self.alive = False
        self._folder = folder
        self._clock = clock
        self._locked = False
        self._newest = 0
        self._seen: tuple[int, bytes, int] = (0, b"", 0)
        self._since = -math.inf

    def take(self, *, locked: bool) -> bool:
        """Take the lease, if it is free; `locked`: this process has the store's lock.

        Ask again and again: only what was seen not to change for LEASE_S is taken by force.
        """
        unchanged_s = self._look()
        holder = self.holder()
        dead = holder is not None and locked and holder.locked and holder.kernel == kernel()
        free = self._newest == 0 or dead or (holder is not None and holder.let_go)
        if not free and unchanged_s < LEASE_S:
            return False
        self.forced = not free
        return self._begin(self._newest + 1, locked=locked)

    def renew(self) -> bool:
        """Go on holding it; False if another one does."""
        began = self._clock.monotonic()
        if self._in_time():
            with contextlib.suppress(FileNotFoundError):
                now = self._clock.time()  # any other time than before will do
                os.utime(self._path(self.number), (now, now))
                if self._in_time():
                    self.renewed = began
                    return True
        return self._begin(self.number + 1, locked=self._locked)

    def let_go(self) -> None:
        """Have the next one wait for nothing."""
        with contextlib.suppress(OSError):  # then it waits
            content = self._path(self.number).read_bytes()
            holder = msgspec.json.decode(content, type=Holder)
            holder.let_go = True
            self._path(self.number).write_bytes(msgspec.json.encode(holder))

    def holder(self) -> Holder | None:
        """Who holds the newest lease; None if there is none, or it does not say."""
        try:
            return msgspec.json.decode(self._seen[1], type=Holder)
        except msgspec.MsgspecError:
            return None

    def newest(self) -> tuple[Holder | None, float]:
        """Who holds the newest lease, and when it was renewed last (s since 1970)."""
        self._look()
        return self.holder(), self._seen[2] / 1e9

    def _in_time(self) -> bool:
        return self._clock.monotonic() - self.renewed < HOLD_S

    def _look(self) -> float:
        """Look at the newest lease; seconds for which it is known not to have changed."""
        self._newest = max(self._newest, *self._numbers(), 0)
        seen = (self._newest, *_read(self._path(self._newest)))
        now = self._clock.monotonic()
        if seen != self._seen or math.isinf(self._since):
            self.alive = math.isfinite(self._since)
            self._seen, self._since = seen, now
        return now - self._since

    def _begin(self, number: int, *, locked: bool) -> bool:
        """Make the lease `number` ours; False if it, or a later one, is another's."""
        began = self._clock.monotonic()
        holder = Holder(host(), kernel(), os.getpid(), self._clock.time(), locked)
        path = self._path(number)
        try:
            fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            self._newest = max(self._newest, number)
            return False
        with contextlib.suppress(OSError):  # on a full disk it holds without a name
            os.write(fd, msgspec.json.encode(holder))
        with contextlib.suppress(OSError):
            os.close(fd)
        numbers = self._numbers()
        if max(numbers, default=number) > number:
            path.unlink(missing_ok=True)
            return False
        for old in numbers:
            if old <= number - _STAY:
                self._path(old).unlink(missing_ok=True)
        self._newest, self.number, self.renewed = number, number, began
        self._locked = locked
        return True

    def _numbers(self) -> list[int]:
        matches = map(_NAME.fullmatch, os.listdir(self._folder))  # noqa: PTH208 - names alone
        return [int(match[1]) for match in matches if match]

    def _path(self, number: int) -> Path:
        return self._folder / f"syncd.lease.{number}"


def _read(path: Path) -> tuple[bytes, int]:
    """Content and time (ns). Opened anew, as that is when NFS asks the server."""
    try:
        with path.open("rb") as file:
            return file.read(4096), os.fstat(file.fileno()).st_mtime_ns
    except FileNotFoundError:
        return b"", 0


def kernel() -> str:
    """What names the running kernel: no other machine has it, nor this one after a restart."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return host()
