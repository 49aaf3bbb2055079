"""A store to record runs in, and its reading side."""

from __future__ import annotations

import pytest

from tracker.query import Store
from tracker.store import StoreFolder


@pytest.fixture
def folder(tmp_path):
    return StoreFolder.open(tmp_path / "store", create=True)


@pytest.fixture
def store(folder):
    opened = Store(folder.root)
    yield opened
    opened.close()
