"""A folder is a store or is refused in words; ids never become paths."""

from __future__ import annotations

import os
import threading

import pytest

from tracker.errors import BadInput, StoreError
from tracker.journal import Files
from tracker.store import StoreFolder, check_run_id, replace_file, run_folder


def test_the_first_makes_it_and_all_others_find_the_same(tmp_path):
    opened = []
    threads = [
        threading.Thread(
            target=lambda: opened.append(StoreFolder.open(tmp_path / "s", create=True))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({store.id for store in opened}) == 1
    assert len(opened) == 8
    assert StoreFolder.open(tmp_path / "s").id == opened[0].id
    assert {p.name for p in (tmp_path / "s").iterdir()} == {
        "store.json", "journals", "blobs", "sync",
    }  # fmt: skip


def test_what_is_no_store_is_refused_and_left_as_it_is(tmp_path):
    with pytest.raises(StoreError, match=r"there is no store at .*first tracker\.init"):
        StoreFolder.open(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()
    (tmp_path / "other").write_text("x")
    with pytest.raises(StoreError, match="holds other files"):
        StoreFolder.open(tmp_path, create=True)
    with pytest.raises(StoreError, match=r"cannot be used|no store"):
        StoreFolder.open(tmp_path / "other", create=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other"]


def test_what_a_process_left_that_died_while_it_made_a_store_is_no_stranger(tmp_path):
    for name in ("journals", "blobs"):
        (tmp_path / name).mkdir()
    (tmp_path / "store.json.0123456789abcdef").write_bytes(b'{"form')
    assert StoreFolder.open(tmp_path, create=True).journals.is_dir()


def test_a_folder_of_somebody_elses_journals_is_refused(tmp_path):
    (tmp_path / "journals").mkdir()
    (tmp_path / "journals" / "2026.txt").write_text("dear diary")
    with pytest.raises(StoreError, match="holds other files"):
        StoreFolder.open(tmp_path, create=True)


def test_a_deleted_store_comes_back_with_its_id(tmp_path):
    store = StoreFolder.open(tmp_path / "s", create=True)
    (tmp_path / "s" / "store.json").unlink()
    store.restore()
    store.restore()
    assert StoreFolder.open(tmp_path / "s").id == store.id


def test_a_home_is_expanded_wherever_the_store_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TRACKER_DIR", "~/a")
    assert StoreFolder.open(create=True).root == tmp_path / "a"
    assert StoreFolder.open("~/b", create=True).root == tmp_path / "b"
    monkeypatch.chdir(tmp_path)
    assert StoreFolder.open("~nobody-of-this-name/c", create=True).root.parent.parent == tmp_path


@pytest.mark.parametrize("bad", ["", "a b", "../a", "a/b", "x" * 65, "é", "a\n", None, 3])
def test_ids_that_cannot_be_are_refused(bad):
    with pytest.raises(BadInput, match="cannot be used"):
        check_run_id(bad)


def test_folders_tell_ids_apart_that_differ_in_case_only():
    own = "0" * 32
    assert run_folder(own) == own
    assert run_folder("run") != run_folder("RUN")
    assert run_folder("F" * 32) == run_folder("F" * 32).lower()
    assert len(run_folder("con")) == 33


def test_a_replaced_file_is_whole_where_the_system_writes_parts(tmp_path, monkeypatch):
    """A short write is no error to the system: what it left out is written too."""
    whole_write = os.write
    monkeypatch.setattr(Files, "write", lambda fd, data: whole_write(fd, bytes(data)[:3]))
    replace_file(tmp_path / "file", b"all of it, or none")
    assert (tmp_path / "file").read_bytes() == b"all of it, or none"


def test_a_file_that_cannot_be_replaced_stands_as_it_was(tmp_path, monkeypatch):
    """A disk that fills up on the way leaves the old content and nothing beside it."""
    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(Files, "sync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        replace_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
