"""Folders: which `.wandb` files a path means."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_PATTERNS = ("*.wandb", "*run-*/*.wandb", "wandb/*run-*/*.wandb")
"""In a run's folder, in a folder of runs, in a folder in which a script ran."""


def logs(paths: Iterable[Path]) -> list[Path]:
    """The `.wandb` files that paths mean, each once, those of earlier runs first.

    A path is such a file, a run's folder, a folder `wandb` with many, or the one that holds that.
    The client's link `latest-run` is no run of its own.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            for pattern in _PATTERNS:
                for log in path.glob(pattern):
                    found.setdefault(log.resolve(), log)
        elif path.exists():
            found.setdefault(path.resolve(), path)
    return sorted(found, key=_began)


def _began(log: Path) -> tuple[str, str]:
    """The client puts the time into the folder's name, "offline-" before it or not."""
    return log.parent.name.removeprefix("offline-"), str(log)
