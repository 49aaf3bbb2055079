"""The real wandb client, offline, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def environment(folder: Path) -> dict[str, str]:
    """Variables for a client that works below `folder` and speaks to nobody."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    return kept | {
        "WANDB_MODE": "offline",
        "WANDB_DIR": str(folder),
        "WANDB_SILENT": "true",
        "WANDB_DATA_DIR": str(folder / "staging"),
        "WANDB_CACHE_DIR": str(folder / "cache"),
        "WANDB_CONFIG_DIR": str(folder / "config"),
    }


def start(folder: Path, script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a script that may `import wandb`; its standard input and output are pipes."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
    )


def run(folder: Path, script: str, *arguments: str) -> None:
    """Run a script to its end, whatever its exit code."""
    client = start(folder, script, *arguments)
    try:
        client.communicate(timeout=120)
    finally:
        client.kill()
        client.wait()


def logs(folder: Path) -> list[Path]:
    """The transaction logs below a folder, oldest first."""
    return sorted(folder.glob("wandb/*run-*/run-*.wandb"))
