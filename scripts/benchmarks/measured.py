"""`syncd` in this process, with its peak memory and CPU written to a file: measured OUT ARGUMENTS.

The peak is VmHWM, which begins at exec: ru_maxrss would also count who started the process.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path


def peak_mb() -> float:
    """Peak resident memory of this process, in MB of 1,000,000 bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    kib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return kib * 1024 / 1e6


def main() -> None:
    """Run syncd's own main, then write the figures."""
    from syncd.cli import main as syncd  # noqa: PLC0415 - others take peak_mb alone

    out = Path(sys.argv[1])
    sys.argv = ["syncd", *sys.argv[2:]]
    try:
        syncd()
    finally:
        used = resource.getrusage(resource.RUSAGE_SELF)
        out.write_text(json.dumps({"peak_mb": peak_mb(), "cpu_s": used.ru_utime + used.ru_stime}))


if __name__ == "__main__":
    main()
