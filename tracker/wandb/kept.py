"""Files of a run: its folder, and what `wandb.save` puts there."""

from __future__ import annotations

import glob
import shutil
import time
from pathlib import Path
from typing import Any

import tracker

NAME = "files"
"""The artifact that the folder's files become when the run ends."""


class Files:
    """The folder `run.dir`, made when it is first asked for."""

    def __init__(self, run: tracker.Run, base: Any, started: float) -> None:
        self._run = run
        stamp = time.strftime("%Y%m%d_%H%M%S", time.localtime(started))
        self._place = Path(base or ".").absolute() / "wandb" / f"run-{stamp}-{run.id}" / "files"
        self._again: list[tuple[Path, Path]] = []  # to be copied once more at the end

    @property
    def folder(self) -> Path:
        """The folder; it is there."""
        self._place.mkdir(parents=True, exist_ok=True)
        return self._place

    def save(self, pattern: str, base: str | Path | None, policy: str) -> list[str]:
        """Copy files into the folder, under their paths below `base` or else their names."""
        saved = []
        for found in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - absolute ones too
            source = Path(found).absolute()
            if not source.is_file() or source.is_relative_to(self._place):
                continue
            top = Path(base).absolute() if base else source.parent
            inside = source.is_relative_to(top)
            target = self.folder / (source.relative_to(top) if inside else source.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            saved.append(str(target))
            if policy != "now":
                self._again.append((source, target))
        if not saved:
            self._run.notice.warn(f"wandb.save: no file is there for {pattern!r}")
        return saved

    def keep(self) -> None:
        """Keep all that is in the folder as an artifact; nothing where it was never used."""
        for source, target in self._again:
            if source.is_file():
                shutil.copyfile(source, target)
        if self._place.is_dir() and any(path.is_file() for path in self._place.rglob("*")):
            self._run.log_artifact(self._place, NAME, "wandb-files")
