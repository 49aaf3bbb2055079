"""A systemd user unit: man pages systemd.service(5), systemd.exec(5), systemd.syntax(7).

Ready, reloading and stopping are told by `syncd.service.notify`, and so is that it goes on: a
daemon that does not is ended and started again.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import platformdirs

from syncd.service import place
from syncd.service.call import Called, called
from tracker.errors import TrackerError
from tracker.notice import shown
from tracker.store import StoreFolder

_UNIT = """\
# {mark}
[Unit]
Description=syncd delivers {description}
StartLimitIntervalSec=1h
StartLimitBurst=100

[Service]
Type=notify
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory=/
UMask=0077

# Again after a crash, a store that is not mounted yet or a hang, but not where the
# settings cannot be used.
Restart=on-failure
RestartSec=10
RestartPreventExitStatus=2
WatchdogSec=120
TimeoutStopSec=15

# Below 150 MB is the promise; what is read from the store counts too and is let go of there.
MemoryHigh=150M
MemoryMax=300M
TasksMax=512
Nice=10
CPUWeight=20
IOSchedulingClass=idle

NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
"""

_LIMIT_S = 150.0
"""For one command of systemctl: a start waits until syncd is ready."""


class Systemd:
    """The unit of a store, of the user's own systemd."""

    kind = "systemd"

    def __init__(self, store: StoreFolder) -> None:
        self._store = store
        self._unit = f"{place.name(store)}.service"
        self._folder = Path(platformdirs.user_config_dir("systemd", appauthor=False)) / "user"
        self.path = self._folder / self._unit
        """Where the unit stands."""

    @property
    def text(self) -> str:
        """The whole unit."""
        return _UNIT.format(
            mark=place.mark(self._store),
            description=shown(str(self._store.root)).replace("%", "%%"),
            command=" ".join(quoted(word) for word in place.command(self._store, "run")),
        )

    @property
    def missing(self) -> str | None:
        """Why it cannot be used here; None if it can."""
        if shutil.which("systemctl") is None:
            return "there is no systemctl here"
        done = _systemctl("show", "--property=Version")
        said = " ".join(done.stderr.split())
        return f"systemctl --user: {said}" if done.returncode else None

    def install(self) -> list[str]:
        """Have it run now and from each login on; lines that tell what was done.

        Raises:
            BadInput: a file of that name is somebody else's.
            TrackerError: systemctl refuses; the unit stands.
        """
        changed = place.put(self._store, self.path, self.text)
        self._do("daemon-reload")
        self._do("enable", self._unit)
        self._do("restart" if changed else "start", self._unit)
        return [
            f"{self._unit} runs, and will from each login on: {self.path}",
            f"look: syncd status, or: journalctl --user -u {self._unit}",
            "to have it run without a login: loginctl enable-linger",
        ]

    def uninstall(self) -> bool:
        """End and remove it; False if there is none."""
        if not place.is_mine(self._store, place.content(self.path)):
            return False
        _systemctl("disable", "--now", self._unit)  # where there is no manager, nothing runs
        with suppress(FileNotFoundError):
            (self._folder / "default.target.wants" / self._unit).unlink()
        place.remove(self._store, self.path)
        _systemctl("daemon-reload")
        return True

    def _do(self, *words: str) -> None:
        done = _systemctl(*words)
        if done.returncode:
            said = " ".join(done.stderr.split())
            raise TrackerError(
                f"systemctl --user {' '.join(words)}: {said} Look: "
                f"journalctl --user -u {self._unit}; take it back: syncd uninstall"
            )


def quoted(word: str) -> str:
    """A word of a command line in a unit: nothing in it is taken for a quote or a variable."""
    out = []
    for char in word:
        if char in '"\\':
            out.append(f"\\{char}")
        elif char in "%$":
            out.append(char * 2)
        elif char.isprintable():
            out.append(char)
        else:
            out += [f"\\x{byte:02x}" for byte in os.fsencode(char)]
    return f'"{"".join(out)}"'


def _systemctl(*words: str) -> Called:
    return called("systemctl", "--user", *words, limit_s=_LIMIT_S)
