"""`syncd run` as a process of its own, looked at from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from scripts.benchmarks.process import environment

_TICKS = os.sysconf("SC_CLK_TCK")


class Daemon:
    """`syncd run` on a store, for as long as the context lasts."""

    def __init__(self, store: Path) -> None:
        self._log = store.with_name("syncd.log")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "syncd", "run", "--dir", str(store)],
                env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._place = Path("/proc") / str(self._process.pid)

    def __enter__(self) -> Daemon:  # noqa: PYI034 - Self is not in Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)

    def resident_mb(self, what: str = "VmRSS") -> float:
        """Resident memory now, or the highest so far (VmHWM), in MB of 1,000,000 bytes."""
        if self._process.poll() is not None:
            raise SystemExit(f"syncd run ended:\n{self._log.read_text()[-2000:]}")
        lines = (self._place / "status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(what)) * 1024 / 1e6

    def cpu_s(self) -> float:
        """Seconds of processor time used so far."""
        fields = (self._place / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
