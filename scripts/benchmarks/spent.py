"""A command with all that it starts, also what it leaves behind: spent COMMAND...

At the end a line of JSON: seconds, CPU seconds, exit code. SIGTERM kills all of them at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def descendants() -> list[int]:
    """Process ids of all that descend from this process."""
    parents: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(place.parent.name)] = int(fields[1])
    found = [os.getpid()]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def kill_all() -> None:
    """Kill them, and those that they start in the meantime."""
    while pids := descendants():
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.kill(pid, signal.SIGKILL)
        wait_all()


def wait_all() -> None:
    """Wait until no child is left; orphans below become children."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def stop(*_: object) -> None:
    """Leave the waiting."""
    raise InterruptedError


def main() -> None:
    """Run the command and everything to its end."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, stop)
    began, code = time.perf_counter(), -signal.SIGKILL
    process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
    try:
        code = process.wait()
        wait_all()
    except InterruptedError:
        kill_all()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {"seconds": time.perf_counter() - began, "cpu_s": used.ru_utime + used.ru_stime}
    print(json.dumps(told | {"code": code}))


if __name__ == "__main__":
    main()
