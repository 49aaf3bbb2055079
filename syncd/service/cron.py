"""A line of the user's crontab, crontab(5): for machines that have cron and no user's services.

It delivers what is there every few minutes; one that still delivers is left to it.
"""

from __future__ import annotations

import shlex
import shutil

from syncd.service import place
from syncd.service.call import called
from tracker.errors import BadInput, TrackerError
from tracker.store import StoreFolder

_EVERY = "*/5 * * * *"
_LIMIT_S = 60.0


class Cron:
    """The line of a store."""

    kind = "cron"
    path = "your crontab (crontab -l)"
    """Where the line stands."""

    def __init__(self, store: StoreFolder) -> None:
        self._store = store

    @property
    def text(self) -> str:
        """The line. To cron a % is the end of the command, unless it is escaped."""
        command = shlex.join(place.command(self._store, "once"))
        line = f"cd / && {command} >/dev/null 2>&1 # {place.mark(self._store)}"
        return f"{_EVERY} {line}\n".replace("%", "\\%")

    @property
    def missing(self) -> str | None:
        """Why it cannot be used here; None if it can."""
        return None if shutil.which("crontab") else "there is no crontab here"

    def install(self) -> list[str]:
        """Add the line, or put it in the place of an older one; lines that tell what was done.

        Raises:
            BadInput: a copy of the store has one, or the store's path no place in a line.
            TrackerError: crontab refuses; nothing was changed.
        """
        if "\n" in str(self._store.root):
            raise BadInput(f"cron takes no line break, as in {str(self._store.root)!r}.")
        lines = self._lines()
        for line in lines:
            if place.served(self._store, _plain(line)) is not None:
                place.check_mine(self._store, self.path, _plain(line))
        self._write([*(line for line in lines if not self._mine(line)), self.text])
        return [
            "cron delivers every 5 minutes on this machine; take it back: syncd uninstall",
            "look: syncd status, or: syncd logs",
        ]

    def uninstall(self) -> bool:
        """Remove the line; False if there is none."""
        lines = self._lines() if self.missing is None else []
        left = [line for line in lines if not self._mine(line)]
        if len(left) == len(lines):
            return False
        self._write(left)
        return True

    def _mine(self, line: str) -> bool:
        return place.is_mine(self._store, _plain(line))

    def _lines(self) -> list[str]:
        """What stands there; a person without a crontab has no lines."""
        done = called("crontab", "-l", limit_s=_LIMIT_S)
        if done.returncode and "no crontab" not in done.stderr.lower():
            raise TrackerError(f"crontab -l: {' '.join(done.stderr.split())} Nothing was changed.")
        return [f"{line}\n" for line in done.stdout.removesuffix("\n").split("\n") if done.stdout]

    def _write(self, lines: list[str]) -> None:
        done = called("crontab", "-", limit_s=_LIMIT_S, given="".join(lines))
        if done.returncode:
            raise TrackerError(f"crontab: {' '.join(done.stderr.split())} Nothing was changed.")


def _plain(line: str) -> str:
    return line.replace("\\%", "%")
