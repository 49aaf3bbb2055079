"""A file or a folder is kept whole as a version, or it is not and the error names the cause."""

from __future__ import annotations

import errno
import os

import pytest

from tracker.artifacts import Blobs, Manifest, keep, kept
from tracker.errors import ArtifactError, BadInput


@pytest.fixture
def blobs(tmp_path):
    (tmp_path / "store").mkdir()
    return Blobs(tmp_path / "store" / "blobs")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def listed(blobs, version):
    manifest = Manifest.load(blobs, version.manifest)
    return {entry.path: blobs.read(entry.digest, 10**6) for entry in manifest.files}


def test_a_file_becomes_a_version_with_one_path_its_own_name(blobs, tmp_path):
    source = tmp_path / "model.pt"
    source.write_bytes(b"weights")
    version = keep(blobs, source, "net")
    assert (version.name, version.files, version.size) == ("net", 1, 7)
    assert listed(blobs, version) == {"model.pt": b"weights"}
    assert keep(blobs, str(source), "other").manifest == version.manifest


def test_a_folder_is_kept_with_all_below_it_and_the_same_content_once(blobs, folder):
    (folder / "b" / "deep").mkdir(parents=True)
    (folder / "empty").mkdir()
    files = {"a": b"1", ".hidden": b"22", "b/x": b"1", "b/deep/é": b"", "b.txt": b"333"}
    for path, content in files.items():
        (folder / path).write_bytes(content)
    version = keep(blobs, folder, "data")
    assert listed(blobs, version) == files
    assert (version.files, version.size) == (5, 7)
    assert len(list(blobs)) == 4 + 1  # "1" is there twice; the manifest is one more


@pytest.mark.parametrize(
    ("free", "kept_whole"), [(1007, True), (1006, False), (0, False), (None, True)]
)
def test_what_would_leave_too_little_free_is_refused_before_a_byte_is_copied(
    blobs, folder, monkeypatch, free, kept_whole
):
    """All files of a folder count; where the system does not say what is free, it is kept."""
    monkeypatch.setattr(kept, "free_bytes", lambda _: free)
    (folder / "a").write_bytes(b"1234")
    (folder / "b").write_bytes(b"567")
    if kept_whole:
        assert keep(blobs, folder, "data", 1000).size == 7
    else:
        with pytest.raises(ArtifactError, match=r"7 bytes were not kept.*storage_low_bytes"):
            keep(blobs, folder, "data", 1000)
        assert list(blobs) == []
    assert keep(blobs, folder, "data").size == 7


def test_the_same_files_make_the_same_version_wherever_and_whenever_they_lie(blobs, tmp_path):
    versions = set()
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        for path in ("a", "b") if name == "one" else ("b", "a"):
            (folder / path).write_bytes(path.encode())
            (folder / path).chmod(0o644 if name == "one" else 0o755)
        versions.add(keep(blobs, folder, "data").manifest)
    assert len(versions) == 1


def test_a_path_that_is_a_symlink_is_followed_and_keeps_its_given_name(blobs, folder, tmp_path):
    (folder / "model-7.pt").write_bytes(b"weights")
    latest = tmp_path / "latest.pt"
    latest.symlink_to(folder / "model-7.pt")
    assert listed(blobs, keep(blobs, latest, "net")) == {"latest.pt": b"weights"}
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert listed(blobs, keep(blobs, link, "net")) == {"model-7.pt": b"weights"}


def test_a_symlink_to_a_file_in_the_same_folder_stands_for_it(blobs, folder):
    (folder / "sub").mkdir()
    (folder / "model-7.pt").write_bytes(b"weights")
    (folder / "sub" / "latest").symlink_to("../model-7.pt")
    version = keep(blobs, folder, "net")
    assert listed(blobs, version) == {"model-7.pt": b"weights", "sub/latest": b"weights"}


@pytest.mark.parametrize("target", ["../outside", "/etc/passwd", "absent", "link", "sub", "."])
def test_any_other_symlink_in_a_folder_is_refused_by_name(blobs, folder, tmp_path, target):
    (tmp_path / "outside").write_bytes(b"secret")
    (folder / "sub").mkdir()
    (folder / "sub" / "file").write_bytes(b"x")
    (folder / "link").symlink_to(target)
    with pytest.raises(ArtifactError, match=r"data/link.*is a symlink to.*remove the link"):
        keep(blobs, folder, "data")
    assert list(blobs) == []


def test_a_folder_beside_that_begins_with_the_same_letters_is_outside(blobs, folder, tmp_path):
    (tmp_path / "data2").mkdir()
    (tmp_path / "data2" / "file").write_bytes(b"x")
    (folder / "link").symlink_to(tmp_path / "data2" / "file")
    with pytest.raises(ArtifactError, match="not a file inside"):
        keep(blobs, folder, "data")


def test_a_pipe_in_a_folder_is_refused_before_anything_is_copied(blobs, folder):
    (folder / "a").write_bytes(b"x")
    os.mkfifo(folder / "z")
    with pytest.raises(ArtifactError, match=r"data/z.*it is a pipe"):
        keep(blobs, folder, "data")
    assert list(blobs) == []


def test_an_empty_folder_is_refused_in_clear_words(blobs, folder):
    (folder / "a" / "b").mkdir(parents=True)
    with pytest.raises(ArtifactError, match=r"data'.*there are no files in it"):
        keep(blobs, folder, "data")
    assert list(blobs) == []


@pytest.mark.parametrize("name", ["NUL.bin", "a\\b", "a:b", "end.", "\udcff", "tab\t"], ids=ascii)
def test_a_hard_name_in_a_folder_is_refused_before_anything_is_copied(blobs, folder, name):
    (folder / "a").write_bytes(b"x")
    (folder / name).write_bytes(b"x")
    with pytest.raises(ArtifactError, match=r"data' was not kept.*Rename"):
        keep(blobs, folder, "data")
    with pytest.raises(ArtifactError, match=r"was not kept.*Rename"):
        keep(blobs, folder / name, "data")
    assert list(blobs) == []


def test_names_that_differ_by_case_only_are_refused_before_anything_is_copied(blobs, folder):
    (folder / "Model.pt").write_bytes(b"1")
    (folder / "model.pt").write_bytes(b"2")
    with pytest.raises(ArtifactError, match=r"'Model.pt' and 'model.pt'.*letter case"):
        keep(blobs, folder, "data")
    assert list(blobs) == []


def test_a_folder_that_holds_the_store_is_refused(blobs, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(ArtifactError, match=r"holds the store itself.*TRACKER_DIR"):
        keep(blobs, tmp_path, "all")


def test_an_absent_path_a_path_of_nothing_and_a_device_are_refused(blobs, tmp_path):
    with pytest.raises(ArtifactError, match=r"absent.*Check the path"):
        keep(blobs, tmp_path / "absent", "net")
    for path in ("", "a\0b", b"bytes"):
        with pytest.raises(BadInput, match="cannot be a path"):
            keep(blobs, path, "net")
    with pytest.raises(ArtifactError, match="it is a device, not a file or a folder"):
        keep(blobs, "/dev/null", "net")


def test_a_name_that_cannot_be_one_is_refused_first(blobs, tmp_path):
    with pytest.raises(BadInput, match="artifact name 'a/b'"):
        keep(blobs, tmp_path / "absent", "a/b")


def test_more_files_than_the_limit_are_refused_before_anything_is_copied(
    blobs, folder, monkeypatch
):
    monkeypatch.setattr("tracker.artifacts.manifest.FILES", 3)
    monkeypatch.setattr(kept, "FILES", 3)
    for number in range(4):
        (folder / str(number)).write_bytes(b"x")
    with pytest.raises(ArtifactError, match="more than 3 files"):
        keep(blobs, folder, "data")
    assert list(blobs) == []
    (folder / "3").unlink()
    assert keep(blobs, folder, "data").files == 3


def test_a_folder_deeper_than_python_can_recurse_is_kept(blobs, folder):
    depth = 1_200
    folders = [folder / ("d/" * level) for level in range(1, depth + 1)]
    for path in folders:
        path.mkdir()
    (folders[-1] / "file").write_bytes(b"x")
    version = keep(blobs, folder, "deep")
    (folders[-1] / "file").unlink()
    for path in reversed(folders):  # pytest's own tidying recurses and would not get here
        path.rmdir()
    assert listed(blobs, version) == {"d/" * depth + "file": b"x"}


def test_what_may_not_be_listed_is_an_error_that_names_it(blobs, folder, monkeypatch):
    shut = folder / "shut"
    shut.mkdir()
    scandir = os.scandir

    def refusing(path):  # modes do not stop root, as which tests may run
        if path == shut:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(ArtifactError, match=r"shut.*Permission denied.*Check its permissions"):
        keep(blobs, folder, "data")
