"""Who a run is: its id, its name, and what its circumstances were."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

from tracker.checkout import checkout
from tracker.journal.liveness import host
from tracker.values import text_of

_FIRST = (
    "amber", "bold", "brisk", "calm", "clear", "crisp", "deft", "eager", "early", "fair", "fleet",
    "fresh", "glad", "green", "keen", "kind", "light", "lucid", "merry", "mild", "neat", "noble",
    "plain", "proud", "quick", "quiet", "rapid", "ready", "ripe", "sharp", "sleek", "smart",
    "solid", "steady", "sunny", "swift", "tidy", "vivid", "warm", "wise",
)  # fmt: skip
_SECOND = (
    "alder", "aspen", "badger", "birch", "brook", "cedar", "cliff", "comet", "condor", "crane",
    "dune", "elm", "falcon", "fern", "finch", "fjord", "grove", "harbor", "heron", "ibis",
    "juniper", "lark", "linden", "lynx", "maple", "marten", "meadow", "osprey", "otter", "pine",
    "plover", "quartz", "reef", "ridge", "robin", "sparrow", "spruce", "tern", "thistle", "wren",
)  # fmt: skip

SCHEDULED = (
    ("slurm", ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID")),
    ("slurm", ("SLURM_JOB_ID",)),
    ("pbs", ("PBS_JOBID",)),
    ("lsf", ("LSB_JOBID", "LSB_JOBINDEX")),
)
"""Schedulers and the variables that name a job; a requeued job keeps them, no other has them."""

RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
"""Where launchers (torchrun, srun, Open MPI, MPICH) say which process of a job this is."""

_PLACES = {
    "world_size": ("WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE"),
    "local_rank": ("LOCAL_RANK", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK"),
    "slurm_procid": ("SLURM_PROCID",),
    "slurm_restarts": ("SLURM_RESTART_COUNT",),
}
"""Further numbers that a launcher gives, by the name under which they are recorded."""

_POD = re.compile(r"(.+)-[bcdfghjklmnpqrstvwxz2456789]{5}")
"""Name of a Kubernetes pod: its job's and five characters of the alphabet that it draws from."""


def new_id() -> str:
    """A UUIDv7 as 32 hex digits: sorts by the time it was made (RFC 9562, section 5.7)."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return f"{number:032x}"


def new_name() -> str:
    """A name a person can say, such as "calm-heron-41"."""
    number = int.from_bytes(os.urandom(8), "big")  # leaves a seeded training's numbers alone
    number, first = divmod(number, len(_FIRST))
    number, second = divmod(number, len(_SECOND))
    return f"{_FIRST[first]}-{_SECOND[second]}-{number % 100}"


def job_id() -> str | None:
    """Run id of the scheduler's job this process belongs to, the same after a requeue."""
    for scheduler, variables in SCHEDULED:
        parts = [os.environ.get(name, "") for name in variables]
        if all(parts):
            return re.sub("[^A-Za-z0-9_-]", "-", "-".join([scheduler, *parts]))[:64]
    return None


def kubernetes_job() -> str | None:
    """Name of the Kubernetes job this pod belongs to, with its index if the job has one.

    Where `rank` tells the pods of a job apart they record one run together, without the index.
    A restarted pod has it again, and so has a later job of the same name: unlike a scheduler's
    id it tells a run only together with whether that run is finished.
    """
    if not os.environ.get("KUBERNETES_SERVICE_HOST"):
        return None
    index = os.environ.get("JOB_COMPLETION_INDEX", "")
    named = os.environ.get("JOB_NAME") or os.environ.get("HOSTNAME") or host()
    pod = _POD.fullmatch(named)
    job = pod[1] if pod else named
    if index and rank() is None and not job.endswith(f"-{index}"):
        return f"{job}-{index}"
    return job


def rank() -> int | None:
    """Place of this process among those that record the run together, if a launcher says so."""
    return _number(RANKS)


def _number(variables: tuple[str, ...]) -> int | None:
    """The first of some variables that holds a whole number of 1 to 9 digits."""
    for name in variables:
        text = os.environ.get(name, "")
        if re.fullmatch("[0-9]{1,9}", text):
            return int(text)
    return None


def about() -> dict[str, str | int]:
    """Host, user, Python, platform, program, its commit and launcher; never its arguments."""
    placed = {name: _number(variables) for name, variables in _PLACES.items()}
    return {
        "host": text_of(host()),
        "user": text_of(_user()),
        "pid": os.getpid(),
        "python": sys.version.split()[0],
        "platform": _platform(),
        "program": text_of(Path(sys.argv[0]).name)[:255] if sys.argv and sys.argv[0] else "python",
        **{name: text_of(text) for name, text in checkout().items()},
        **{name: number for name, number in placed.items() if number is not None},
    }


def _platform() -> str:
    if hasattr(os, "uname"):
        system = os.uname()
        return f"{system.sysname} {system.release} {system.machine}"
    import platform  # noqa: PLC0415 - its milliseconds are not for systems that have uname

    return f"{platform.system()} {platform.release()} {platform.machine()}"


def _user() -> str:
    import getpass  # noqa: PLC0415 - for the first event of a journal, not for the import

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without an entry
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
