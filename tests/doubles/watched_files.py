"""The journal's system calls, each told of before and after it: to die there, fail or look."""

from __future__ import annotations

from tracker.journal import Files

CALLS = ("create", "write", "resemble", "sync", "close", "replace", "sync_folder", "unlink")


class WatchedFiles(Files):
    """Real calls; `tell` gets each one's name and "before" or "after", and may raise."""

    def __init__(self, tell):
        self._tell = tell
        for name in CALLS:
            setattr(self, name, self._call(name, getattr(Files, name)))

    def _call(self, name, real):
        def call(*args):
            self._tell(name, "before")
            result = real(*args)
            self._tell(name, "after")
            return result

        return call
