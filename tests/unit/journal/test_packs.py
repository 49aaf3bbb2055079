"""Pack files: where contents stand, what is synced, and what a failure leaves."""

from __future__ import annotations

import errno
import os

import pytest

from tests.doubles.failing_files import SHORT, FailingFiles
from tracker.journal import Files, Journal, Writer, WriterBroken, content_at, journals, packs

RUN = "0" * 31 + "d"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / RUN


def begin(folder, **options):
    return Writer(folder, RUN, sync_interval_s=3600, **options)


def test_contents_stand_back_to_back_and_are_read_from_where_they_were_put(folder):
    writer = begin(folder)
    contents = [b"one", b"", b"x" * packs.PACKED_BYTES]
    places = [writer.place(content) for content in contents]
    assert places == [(1, 8), (1, 11), (1, 11)]
    for (number, offset), content in zip(places, contents, strict=True):
        assert content_at(folder, writer.id, number, offset, len(content)) == content
    assert content_at(folder, writer.id, 2, 8, 1) is None
    assert (folder / packs.pack_name(writer.id, 1)).read_bytes()[:8] == b"TRKFIL\x01\x00"
    writer.close()


def test_a_full_pack_file_is_followed_by_the_next(folder, monkeypatch):
    monkeypatch.setattr(packs, "PACK_FILE_BYTES", 1000)
    writer = begin(folder)
    places = [writer.place(b"y" * 300) for _ in range(7)]
    assert [number for number, _ in places] == [1, 1, 1, 2, 2, 2, 3]
    writer.close()
    assert Journal(folder, writer.id).packs() == [1, 2, 3]
    assert max(path.stat().st_size for path in folder.glob("*.pack")) <= 1000


def test_readers_of_segments_pass_over_pack_files(folder):
    writer = begin(folder)
    writer.place(b"content")
    writer.append(17, 0, {"v": 1})
    writer.close()
    (journal,) = journals(folder)
    assert journal.segments() == [1]
    assert [event.seq for event in journal.events()] == [1]


@pytest.mark.parametrize("error", [errno.ENOSPC, SHORT])
def test_after_a_failed_write_the_next_content_goes_into_a_new_file(folder, error):
    """Nothing is appended behind what a failure may have left."""
    files = FailingFiles()
    writer = begin(folder, files=files)
    writer.place(b"first")
    files.fail("write", error, times=1)
    with pytest.raises(OSError, match="No space"):
        writer.place(b"lost")
    number, offset = writer.place(b"again")
    assert (number, offset) == (2, 8)
    assert content_at(folder, writer.id, 1, 8, 5) == b"first"
    assert writer.append(17, 0, {"v": 1})
    writer.close()


def test_a_pack_file_that_cannot_be_begun_leaves_nothing(folder):
    files = FailingFiles()
    writer = begin(folder, files=files)
    files.fail("write", errno.ENOSPC)
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            writer.place(b"lost")
    files.heal()
    assert writer.place(b"kept") == (1, 8)
    writer.close()
    assert Journal(folder, writer.id).packs() == [1]


def test_no_event_counts_as_synced_whose_contents_the_device_refused(folder):
    """A sync takes the pack file first, and its failure ends the writer as any other."""
    files = FailingFiles()
    writer = begin(folder, files=files)
    writer.append(17, 0, {"v": 1})
    assert writer.sync()
    writer.place(b"content")
    writer.append(17, 1, {"v": 2})
    files.fail("sync", errno.EIO, times=1)
    assert not writer.sync()
    assert (writer.synced_seq, Journal(folder, writer.id).extent()) == (1, (2, 1))
    with pytest.raises(WriterBroken):
        writer.place(b"more")
    writer.close()


def test_a_sync_covers_retired_pack_files_and_lets_go_of_them(folder, monkeypatch):
    monkeypatch.setattr(packs, "PACK_FILE_BYTES", 600)
    files = FailingFiles()
    writer = begin(folder, files=files)
    for number in range(5):
        writer.place(b"z" * 500)
        writer.append(17, number, {"v": 1})
    before = files.calls["close"]
    assert writer.sync()
    assert files.calls["sync"] == 6
    assert files.calls["close"] == before + 4
    writer.close()


def test_a_dead_writers_pack_files_are_made_durable_with_its_segments(folder):
    writer = begin(folder)
    writer.place(b"content")
    writer.append(17, 0, {"v": 1})
    writer.abandon()
    synced = set()
    files = Files()
    files.sync = lambda fd: synced.add(os.fstat(fd).st_ino)
    Journal(folder, writer.id).make_durable(files)
    assert synced == {path.stat().st_ino for path in folder.iterdir() if path.suffix != ".reserve"}
    assert len(synced) == 2
