"""What the running daemon tells systemd: sd_notify(3), a datagram to the socket it names.

Without systemd nothing is told, and nothing fails.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping

_US = 1_000_000
_PATIENCE_S = 1.0
_log = logging.getLogger("syncd")


class Notifier:
    """Tells the service manager that started this process how it is.

    Args:
        environ: the environment, by default that of this process: NOTIFY_SOCKET is the address
            ("@" stands for an abstract one), WATCHDOG_USEC how long may pass between two signs
            of life, WATCHDOG_PID whose they are.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        env = os.environ if environ is None else environ
        address = env.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        watched = env.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        usec = env.get("WATCHDOG_USEC", "")
        self._every_s = int(usec) / _US / 2 if watched and usec.isdigit() else None
        self._alive_at = float("-inf")

    def ready(self, status: str) -> None:
        """It serves, from the start or again; `status` is shown by `systemctl status`."""
        self._tell(f"READY=1\nSTATUS={' '.join(status.split())}")

    def reloading(self) -> None:
        """It reads its configuration; `ready` follows."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """It ends."""
        self._tell("STOPPING=1")

    def alive(self) -> None:
        """It goes on; told at half the time that the watchdog gives, however often it is called."""
        if self._every_s is not None and time.monotonic() >= self._alive_at + self._every_s:
            self._alive_at = time.monotonic()
            self._tell("WATCHDOG=1")

    def _tell(self, what: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.settimeout(_PATIENCE_S)
                channel.connect(self._address)
                channel.sendall(what.encode())
        except OSError as error:  # the manager decides what it makes of our silence
            _log.warning("the service manager cannot be told %r: %s", what, error)
