"""Counts of what people did only grow, and harm nobody where they cannot be kept."""

from __future__ import annotations

import multiprocessing

import pytest

from tracker import usage
from tracker.store import StoreFolder


@pytest.fixture
def store(tmp_path):
    return StoreFolder.open(tmp_path / "store", create=True)


def test_what_was_never_done_is_zero(store):
    assert usage.count(store, usage.RUNS_COMPARED) == 0


def _add(root):
    store = StoreFolder.open(root)
    for _ in range(20):
        usage.add(store, "a", 1)


def test_processes_that_add_at_once_lose_nothing(store):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_add, args=(store.root,)) for _ in range(2)]
    for process in processes:
        process.start()
    usage.add(store, "b", 5)
    for process in processes:
        process.join(60)
    assert (usage.count(store, "a"), usage.count(store, "b")) == (40, 5)


def test_a_damaged_or_unwritable_file_is_begun_anew_or_left(store):
    (store.sync / "usage.json").write_text("{")
    usage.add(store, "a", 2)
    assert usage.count(store, "a") == 2
    (store.sync / "usage.json").unlink()
    (store.sync / "usage.json").mkdir()
    usage.add(store, "a", 2)
    assert usage.count(store, "a") == 0
