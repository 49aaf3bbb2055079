"""The journal's system calls, each of which can be made to fail, and what they were used for."""

from __future__ import annotations

import errno
import os
from collections import Counter

from tracker.journal import Files
from tracker.journal.record import HEAD, MAGIC, MARK, decode_own, kind_of

CALLS = ("create", "write", "sync", "sync_folder", "rename", "unlink", "mkdir", "close")
ERRORS = (
    errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EINTR
)  # fmt: skip
REPEATED = ("create", "write", "sync", "sync_folder")
"""Python itself repeats these when they were interrupted (PEP 475), so EINTR in them reaches
nobody. The others it does not: a network file system may answer a rename so."""
SHORT = "short"
LIE = "all written, but an error is told"


class FailingFiles(Files):
    """Real calls until `fail` says otherwise.

    Attributes:
        calls: how often each was made.
        failing: what fails: the call's name to its errno, or for write to `SHORT` or `LIE`.
        left: how many failures are still to come; None for all from now on.
        marks: each mark written, its writer, and up to which sizes segments were synced then.
        unsynced_writes: files written after a failed sync: there must be none.
    """

    def __init__(self):
        self.calls = Counter()
        self.failing = {}
        self.left = None
        self.after = 0
        self.paths = {}
        self.refused = set()
        self.synced = {}
        self.marks = []
        self.unsynced_writes = []
        for name in CALLS:
            setattr(self, name, self._call(name, getattr(Files, name)))

    def fail(self, name, error, *, times=None, after=0):
        """Make a call fail from the one after the next `after` on, some times or for good."""
        self.failing, self.left, self.after = {name: error}, times, after

    def heal(self):
        """All is well again."""
        self.failing = {}

    def _call(self, name, real):
        def call(*args):
            self.calls[name] += 1
            if name == "write":
                self._note_write(*args)
            error = self._due(name)
            if error is not None and name == "sync":
                self.refused.add(args[0])
            if error == LIE:
                real(*args)
                error = errno.EIO
            if error == SHORT:
                return real(args[0], args[1][: len(args[1]) // 2])
            if error is not None:
                if name == "close":
                    real(*args)  # as Linux does: it is closed whatever is reported
                raise OSError(error, os.strerror(error))
            result = real(*args)
            if name == "create":
                self.paths[result] = args[0]
                self.refused.discard(result)
            elif name == "sync":
                # WRITER-NNNNNN: the name that the segment gets, or has by now.
                self.synced[self.paths[args[0]].name[:23]] = os.fstat(args[0]).st_size
            return result

        return call

    def _note_write(self, fd, record):
        if fd in self.refused:
            self.unsynced_writes.append(self.paths[fd])
        payload = record[HEAD.size :]
        if record.startswith(MAGIC) and kind_of(payload) == MARK:
            writer_id = self.paths[fd].name[:16]
            self.marks.append((writer_id, decode_own(payload), dict(self.synced)))

    def _due(self, name):
        if name not in self.failing:
            return None
        if self.after > 0:
            self.after -= 1
            return None
        if self.left == 0:
            return None
        if self.left is not None:
            self.left -= 1
        error = self.failing[name]
        return None if error == errno.EINTR and name in REPEATED else error
