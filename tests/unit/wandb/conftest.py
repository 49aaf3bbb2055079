"""A store of its own for each test, and no variable of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import tracker.wandb as face
from tracker.wandb import said


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the store's folder; runs that a test leaves open end with it."""
    for name in list(os.environ):
        if name.startswith(("WANDB_", "TRACKER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TRACKER_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(said, "notice", type(said.notice)(silent=False))  # nothing said yet
    yield tmp_path / "store"
    while face.run is not None:
        face.finish()
