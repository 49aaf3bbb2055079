"""Every call that writes below a folder: counted, and at one of them a kill or a failure.

Two ways with one face. `Preloaded` is calls.c, standing before libc in a process that was
started with `environment`; it sees whatever calls, SQLite too. `Seams` puts itself into
`tracker.journal.Files` and `tracker.artifacts.files.Files`, where there is no compiler.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tracker import artifacts
from tracker.journal import Files

KINDS = (
    "create", "write", "fsync", "fdatasync", "rename", "link", "unlink", "mkdir", "truncate"
)  # fmt: skip
COUNT, KILL_BEFORE, KILL_AFTER, FAIL, SHORT, LIE = ACTS = range(6)
"""LIE: the call is done, and then said to have failed."""

REPEATED = ("create", "write", "fsync", "fdatasync", "truncate")
"""Python and SQLite themselves repeat these when they were interrupted (PEP 475)."""

SEAM_KINDS = {
    "create": "create", "write": "write", "sync": "fdatasync", "sync_folder": "fsync",
    "rename": "rename", "unlink": "unlink", "mkdir": "mkdir",
}  # fmt: skip
"""Which kind of call it is that a call of `tracker.journal.Files` makes, on Linux."""


def build(folder: Path) -> Path | None:
    """Compile calls.c into a folder; None where that is not to be had."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        return None
    source, library = Path(__file__).with_name("calls.c"), folder / "calls.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"]
    done = subprocess.run(command, capture_output=True, check=False)
    return library if done.returncode == 0 else None


def environment(library: Path | None) -> dict[str, str]:
    """The environment of a process that is to stand behind calls.c, if there is one."""
    mine = {key: value for key, value in os.environ.items() if not key.startswith("TRACKER_")}
    mine["OPENBLAS_NUM_THREADS"] = "1"  # numpy's threads would not survive a fork
    return mine | ({"LD_PRELOAD": str(library)} if library else {})


class Preloaded:
    """calls.c in this process, and in those forked from it."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.calls_count.restype = ctypes.c_long

    def arm(self, folder, at=0, act=COUNT, error=0, *, onward=False, kinds=KINDS) -> None:
        """Count calls of some kinds below `folder`; at number `at` (from 1) do `act`.

        `onward`: at all later ones too.
        """
        mask = sum(1 << KINDS.index(kind) for kind in kinds)
        path = os.fsencode(folder)
        self._library.calls_arm(path, mask, ctypes.c_long(at), act, error, int(onward))

    def disarm(self) -> None:
        """All is well again."""
        self._library.calls_disarm()

    def seen(self) -> list[str]:
        """Kinds of the calls that were counted, in order."""
        numbers = range(1, self._library.calls_count() + 1)
        return [KINDS[self._library.calls_kind(ctypes.c_long(number))] for number in numbers]


_SEAMS = (
    (Files, SEAM_KINDS),
    (artifacts.files.Files, {
        "open_new": "create", "write": "write", "fsync": "fsync", "sync_folder": "fsync",
        "rename": "rename", "link": "link", "unlink": "unlink", "mkdir": "mkdir",
    }),
)  # fmt: skip


class Seams:
    """The same at the classes through which journals and blobs change the disk."""

    def __init__(self) -> None:
        self._armed = False
        self._seen: list[str] = []
        for files, names in _SEAMS:
            for name, kind in names.items():
                real = files.__dict__[name]
                if isinstance(real, staticmethod):
                    stand_in = staticmethod(self._call(kind, real.__func__))
                else:
                    stand_in = self._call(kind, real)
                setattr(files, name, stand_in)

    def arm(self, folder, at=0, act=COUNT, error=0, *, onward=False, kinds=KINDS) -> None:
        """As `Preloaded.arm`; the folder is whatever the seams are used for."""
        del folder
        self._at, self._act, self._error, self._onward = at, act, error, onward
        self._kinds, self._seen, self._armed = kinds, [], True

    def disarm(self) -> None:
        """All is well again."""
        self._armed = False

    def seen(self) -> list[str]:
        """Kinds of the calls that were counted, in order."""
        return self._seen

    def _call(self, kind, real):
        def call(*arguments):
            act = self._due(kind)
            if act == KILL_BEFORE:
                os.kill(os.getpid(), signal.SIGKILL)
            if act == FAIL:
                raise OSError(self._error, os.strerror(self._error))
            if act == SHORT and kind == "write":
                *before, data = arguments
                return real(*before, data[: max(1, len(data) // 2)])
            result = real(*arguments)
            if act == KILL_AFTER:
                os.kill(os.getpid(), signal.SIGKILL)
            if act == LIE:
                raise OSError(self._error, os.strerror(self._error))
            return result

        return call

    def _due(self, kind):
        if not self._armed or kind not in self._kinds:
            return COUNT
        self._seen.append(kind)
        number = len(self._seen)
        if number < self._at or (number > self._at and not self._onward):
            return COUNT
        if self._error == errno.EINTR and kind in REPEATED:
            return COUNT
        return self._act
