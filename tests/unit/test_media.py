"""Media files are read back as they were logged; damage costs the files that it lies in."""

from __future__ import annotations

import pytest

import tracker
from tracker.errors import ArtifactError
from tracker.events import Media
from tracker.journal import journals
from tracker.media import MediaFiles


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with tracker.init("p", dir=tmp_path / "store") as made:
        yield made


def media(run):
    """All files of the run, with what opens them: folder, writer and the file."""
    folder = run.store.run(run.id)
    return [
        (folder, journal.writer_id, file)
        for journal in journals(folder)
        for event in journal.events()
        if isinstance(event, Media)
        for file in event.files
    ]


def test_small_files_are_packed_large_ones_are_blobs_and_both_are_read_back(run, tmp_path):
    large, small = b"L" * 300_000, tmp_path / "small.txt"
    small.write_bytes(b"from a file")
    run.log_media("mix", "file", [("a.bin", b"small"), ("b.bin", large), ("c.txt", small)], step=3)
    files, found = MediaFiles(run.store), media(run)
    assert [file.pack for *_, file in found] == [1, 0, 1]
    assert [files.read(*one) for one in found] == [b"small", large, b"from a file"]
    with files.open(*found[1]) as stream:
        assert stream.read() == large
    with files.open(*found[2]) as stream:
        assert stream.read() == b"from a file"


def test_many_small_files_cost_few_inodes(run):
    """100,000 images would cost as few for each: 64 MiB of them share a pack file."""
    for step in range(500):
        run.log_media("image", "image", [("i.png", bytes([step % 256]) * 2000)], step=step)
    run.flush()
    inodes = [path for path in run.store.root.rglob("*") if path.is_file()]
    assert len(inodes) < 10
    assert len(media(run)) == 500


@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "link"])
def test_a_damaged_file_is_named_and_the_others_stand(run, damage, tmp_path):
    run.log_media("m", "file", [("one.txt", b"1" * 100), ("two.txt", b"2" * 100)])
    run.flush()
    first, second = media(run)
    (pack,) = first[0].glob("*.pack")
    content = bytearray(pack.read_bytes())
    content[150] ^= 1
    pack.unlink()
    if damage == "link":
        (tmp_path / "elsewhere").write_bytes(content)
        pack.symlink_to(tmp_path / "elsewhere")
    elif damage != "remove":
        pack.write_bytes(content if damage == "flip" else content[:150])
    files = MediaFiles(run.store)
    with pytest.raises(ArtifactError, match=rf"'two\.txt' cannot be read from .*{pack.name}"):
        files.open(*second)
    if damage in ("flip", "cut"):
        assert files.read(*first) == b"1" * 100


def test_a_damaged_blob_is_found_before_its_bytes_are_given(run):
    run.log_media("m", "file", [("large", b"x" * 300_000)])
    (one,) = media(run)
    path = run.store.blobs / one[2].digest[:2] / one[2].digest
    path.write_bytes(b"y" * 300_000)
    with pytest.raises(ArtifactError, match="have the digest"):
        MediaFiles(run.store).open(*one)
