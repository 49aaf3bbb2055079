"""A launch agent: man pages launchd.plist(5), launchctl(1)."""

from __future__ import annotations

import os
import plistlib
import shutil
from pathlib import Path

from syncd.service import place
from syncd.service.call import called
from tracker.errors import TrackerError
from tracker.store import StoreFolder

_LIMIT_S = 60.0


class Launchd:
    """The agent of a store, in the user's own session."""

    kind = "launchd"

    def __init__(self, store: StoreFolder) -> None:
        self._store = store
        self._label = place.name(store)
        self.path = Path.home() / "Library" / "LaunchAgents" / f"{self._label}.plist"
        """Where the agent stands."""

    @property
    def text(self) -> str:
        """The whole property list; our mark stands under a key that launchd does not know."""
        about = {
            "Label": self._label,
            "ProgramArguments": place.command(self._store, "run"),
            "WorkingDirectory": "/",
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 10,
            "ExitTimeOut": 15,
            "ProcessType": "Background",
            "LowPriorityIO": True,
            "Nice": 10,
            "Umask": 0o077,
            "Comment": place.mark(self._store),
        }
        return plistlib.dumps(about, sort_keys=False).decode()

    @property
    def missing(self) -> str | None:
        """Why it cannot be used here; None if it can."""
        return None if shutil.which("launchctl") else "there is no launchctl here"

    def install(self) -> list[str]:
        """Have it run now and from each login on; lines that tell what was done.

        Raises:
            BadInput: a file of that name is somebody else's.
            TrackerError: launchctl refuses; the agent stands.
        """
        changed = place.put(self._store, self.path, self.text)
        if changed or not self._loaded():
            self._unload()
            done = called("launchctl", "bootstrap", self._session, str(self.path), limit_s=_LIMIT_S)
            if done.returncode:
                said = " ".join(done.stderr.split())
                raise TrackerError(f"launchctl: {said} Take it back: syncd uninstall")
        return [
            f"{self._label} runs, and will from each login on: {self.path}",
            "look: syncd status, or: syncd logs",
        ]

    def uninstall(self) -> bool:
        """End and remove it; False if there is none."""
        if not place.is_mine(self._store, place.content(self.path)):
            return False
        self._unload()
        return place.remove(self._store, self.path)

    @property
    def _session(self) -> str:
        return f"gui/{os.getuid()}"

    def _loaded(self) -> bool:
        target = f"{self._session}/{self._label}"
        return not called("launchctl", "print", target, limit_s=_LIMIT_S).returncode

    def _unload(self) -> None:
        """One that is not loaded is no trouble."""
        called("launchctl", "bootout", f"{self._session}/{self._label}", limit_s=_LIMIT_S)
