"""A file appears whole or not at all, and never over another one by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker.cli.destination import replacing, replacing_folder
from tracker.errors import BadInput, TrackerError


def test_the_file_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "out"
    with replacing(target, force=False) as fresh:
        fresh.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_nothing_and_the_old_file_as_it_was(tmp_path):
    target = tmp_path / "out"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(target, force=True) as fresh:
        fresh.write_text("half" * (1 // (fresh.write_text("half") - 4)))
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_came_in_the_meantime_is_kept(tmp_path):
    target = tmp_path / "out"
    with pytest.raises(BadInput, match="--force"), replacing(target, force=False) as fresh:
        fresh.with_name("out").write_text("theirs")
    assert target.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [target]


def test_without_hard_links_it_is_renamed(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError("no hard links here")

    monkeypatch.setattr("os.link", no_links)
    with replacing(tmp_path / "out", force=False) as fresh:
        fresh.write_text("whole")
    assert (tmp_path / "out").read_text() == "whole"
    with pytest.raises(BadInput, match="--force"), replacing(tmp_path / "out", force=False):
        pass


def test_force_replaces(tmp_path):
    (tmp_path / "out").write_text("old")
    with replacing(tmp_path / "out", force=True) as fresh:
        fresh.write_text("new")
    assert (tmp_path / "out").read_text() == "new"


def test_a_full_disk_is_said_with_the_file(tmp_path):
    with pytest.raises(TrackerError, match=r"out cannot be written: No space"):  # noqa: SIM117 - the line would be too long
        with replacing(tmp_path / "out", force=False):
            raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(BadInput, match="is a folder"), replacing(tmp_path, force=True):
        pass


def test_a_folder_appears_when_it_is_complete_and_the_one_around_it_is_made(tmp_path):
    target = tmp_path / "around" / "out"
    with replacing_folder(target, force=False) as fresh:
        (fresh / "file").write_text("whole")
        assert not target.exists()
    assert (target / "file").read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_that_fails_leaves_the_old_one_as_it_was(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").write_text("old")
    with pytest.raises(TrackerError, match="No space"):  # noqa: SIM117 - one error, one line
        with replacing_folder(tmp_path / "out", force=True):
            raise OSError(28, "No space left on device")
    assert (tmp_path / "out" / "file").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_a_folder_that_cannot_be_put_in_place_lets_the_old_one_come_back(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").write_text("old")
    rename = Path.rename

    def failing(path, target):
        if (path / "new").exists():
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    refused = pytest.raises(TrackerError, match="No space")
    with refused, replacing_folder(tmp_path / "out", force=True) as fresh:
        (fresh / "new").write_text("new")
    assert (tmp_path / "out" / "file").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_a_folder_is_replaced_only_with_force(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    with pytest.raises(BadInput, match="--force"), replacing_folder(tmp_path / "out", force=False):
        pass
    with replacing_folder(tmp_path / "out", force=True) as fresh:
        (fresh / "new").write_text("new")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "new"]


def test_a_folder_that_came_in_the_meantime_is_kept(tmp_path):
    theirs = tmp_path / "out" / "theirs"
    refused = pytest.raises(BadInput, match="--force")
    with refused, replacing_folder(theirs.parent, force=False):
        theirs.parent.mkdir()
        theirs.write_text("theirs")
    assert (tmp_path / "out" / "theirs").read_text() == "theirs"


def test_a_file_or_a_link_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        refused = pytest.raises(BadInput, match="no folder")
        with refused, replacing_folder(tmp_path / name, force=True):
            pass
