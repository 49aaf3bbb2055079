"""Log small images in a process of its own and count what is on disk: pictures NAME FOLDER IMAGES.

NAME is "tracker.wandb" or "wandb offline": the same script for both, but for what `wandb` is.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 26
"""Pixels of a side: as noise such a PNG has about 2 KB."""


def begun(name: str, folder: Path) -> tuple[Any, Any]:
    """Import the package and begin a run; gives both."""
    if name == "tracker.wandb":
        import tracker.wandb as ours  # noqa: PLC0415 - only one of these is loaded in a process

        return ours, ours.init(project="bench")
    import wandb  # noqa: PLC0415

    quiet = wandb.Settings(
        silent=True, console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True
    )
    return wandb, wandb.init(project="bench", mode="offline", dir=folder, settings=quiet)


def on_disk(folder: Path) -> tuple[int, int]:
    """Inodes below a folder, and the bytes that the disk has given out for them."""
    inodes = taken = 0
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            inodes += 1
            taken += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118 - many
    return inodes, taken


if __name__ == "__main__":
    name, folder, images = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    folder.mkdir()
    rng = np.random.default_rng(7)
    wandb, run = begun(name, folder)
    spent, took = 0.0, time.process_time()
    for step in range(images):
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        began = time.perf_counter()
        run.log({"image": wandb.Image(pixels)}, step=step)
        spent += time.perf_counter() - began
    ending = time.perf_counter()
    run.finish()
    ended = time.perf_counter() - ending
    inodes, taken = on_disk(folder)
    figures = {"calls_per_s": images / spent, "finish_s": ended, "inodes": inodes, "bytes": taken}
    print(json.dumps(figures))
