"""One logger at work in a process of its own: loggers NAME FOLDER STEPS, or FOLDER forever.

With a number of steps it prints the time of each call as percentiles. With `forever` it logs
until it is killed, and counts in the file `returned` the calls that have returned.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable
from itertools import count, cycle
from pathlib import Path
from typing import Any

from scripts.benchmarks.workload import rows

Log = Callable[[dict[str, float], int], Any]
Finish = Callable[[], Any]


def ours(folder: Path) -> tuple[Log, Finish]:
    """Log as `tracker` does by default."""
    import tracker  # noqa: PLC0415 - only one of these is loaded in a process

    run = tracker.init("bench", name="bench", id="bench", dir=folder / "store")
    return run.log, run.finish


def floor(folder: Path) -> tuple[Log, Finish]:
    """Do the least that keeps a call through SIGKILL: encode, checksum, write."""
    import msgspec  # noqa: PLC0415

    encode = msgspec.msgpack.Encoder().encode
    fd = os.open(folder / "floor", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    pack = struct.Struct("<II").pack

    def log(data: dict[str, float], step: int) -> None:
        payload = encode((step, time.time_ns(), data))
        os.write(fd, pack(len(payload), zlib.crc32(payload)) + payload)

    return log, lambda: os.close(fd)


def wandb(folder: Path) -> tuple[Log, Finish]:
    """Log as wandb offline does, without what it gathers beside."""
    import wandb  # noqa: PLC0415

    quiet = wandb.Settings(
        silent=True, console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True
    )
    run = wandb.init(project="bench", mode="offline", dir=folder, settings=quiet)
    return lambda data, step: run.log(data, step=step), run.finish


def trackio(folder: Path) -> tuple[Log, Finish]:
    """Log as trackio does on this machine."""
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio  # noqa: PLC0415

    run = trackio.init("bench", name="bench", embed=False, auto_log_gpu=False, auto_log_cpu=False)
    return lambda data, step: run.log(data, step=step), run.finish


def tensorboardx(folder: Path) -> tuple[Log, Finish]:
    """Log as tensorboardX does: a call for each scalar."""
    from tensorboardX import SummaryWriter  # noqa: PLC0415

    writer = SummaryWriter(str(folder))

    def log(data: dict[str, float], step: int) -> None:
        for key, value in data.items():
            writer.add_scalar(key, value, step)

    return log, writer.close


LOGGERS = {
    "tracker": ours, "wandb offline": wandb, "trackio": trackio, "tensorboardX": tensorboardx,
    "bare floor": floor,
}  # fmt: skip


def timed(log: Log, finish: Finish, steps: int) -> dict[str, float]:
    """Log `steps` rows; microseconds of a call, and steps per second with `finish` included."""
    data = rows(steps)
    clock = time.perf_counter_ns
    for step in range(100):  # what the first calls set up is not what a call takes
        log(data[step], step)
    times = []
    began = clock()
    for step, values in enumerate(data, 100):
        before = clock()
        log(values, step)
        times.append(clock() - before)
    finish()
    seconds = (clock() - began) / 1e9
    times.sort()
    return {
        "p50_us": times[steps // 2] / 1e3, "p99_us": times[steps * 99 // 100] / 1e3,
        "steps_per_s": steps / seconds,
    }  # fmt: skip


def forever(log: Log, folder: Path) -> None:
    """Log at full speed; the number of calls that returned stands in a mapped file."""
    place = folder / "returned"
    place.write_bytes(bytes(8))
    with place.open("r+b") as file, mmap.mmap(file.fileno(), 8) as returned:
        write = struct.Struct("<Q").pack_into
        for step, values in zip(count(), cycle(rows(1000))):
            log(values, step)
            write(returned, 0, step + 1)


def main() -> None:
    """Do what the arguments say."""
    name, place, steps = sys.argv[1:]
    folder = Path(place)
    log, finish = LOGGERS[name](folder)
    if steps == "forever":
        forever(log, folder)
    print(json.dumps(timed(log, finish, int(steps))))


if __name__ == "__main__":
    main()
