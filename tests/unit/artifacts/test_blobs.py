"""Content is kept once, under its digest, readable by its owner only."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import random
import stat
import time

import pytest

from tracker.artifacts import Blob, Blobs, check_digest
from tracker.artifacts.files import Files
from tracker.errors import ArtifactError, BadInput

DAY_S = 86_400


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


def digest_of(content):
    return hashlib.sha256(content).hexdigest()


def temporaries(blobs):
    return list((blobs.folder / "tmp").iterdir())


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_a_file_of_any_size_is_kept_under_its_digest(blobs, tmp_path, size):
    content = random.Random(size).randbytes(size)
    source = tmp_path / "source"
    source.write_bytes(content)
    blob = blobs.put_file(source)
    assert blob == Blob(digest_of(content), size)
    assert blobs.path(blob.digest).read_bytes() == content
    assert blobs.path(blob.digest) == blobs.folder / blob.digest[:2] / blob.digest
    assert blobs.verify(blob.digest) == blob
    assert temporaries(blobs) == []


def test_bytes_are_kept_like_a_file_and_read_back(blobs):
    digest, size = blobs.put_bytes(b"weights")
    assert (digest, size) == (digest_of(b"weights"), 7)
    with blobs.open(digest) as file:
        assert file.read() == b"weights"
    assert blobs.read(digest, 7) == b"weights"


def test_a_blob_is_readable_by_its_owner_only_whatever_the_source_was(blobs, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"x")
    source.chmod(0o777)
    path = blobs.path(blobs.put_file(source).digest)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_nlink == 1


def test_the_same_content_is_stored_once(blobs, tmp_path):
    content = os.urandom(100_000)
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(content)
    first = blobs.put_file(tmp_path / "one")
    before = blobs.path(first.digest).stat()
    assert blobs.put_file(tmp_path / "two") == first
    assert Blobs(blobs.folder).put_bytes(content) == first
    after = blobs.path(first.digest).stat()
    assert after.st_ino == before.st_ino
    assert list(blobs) == [first.digest]
    kept = [entry for entry in blobs.folder.rglob("*") if entry.is_file()]
    assert len({entry.stat().st_ino for entry in kept}) == len(kept) == 1
    assert kept[0].stat().st_blocks * 512 < 2 * len(content)


def test_a_blob_cut_short_is_replaced_by_the_next_put(blobs):
    digest, size = blobs.put_bytes(b"weights")
    blobs.path(digest).write_bytes(b"weig")
    assert blobs.put_bytes(b"weights") == (digest, size)
    assert blobs.verify(digest).size == size


def test_a_symlink_in_a_blobs_place_is_replaced_and_never_read(blobs, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"weights")
    digest, _ = blobs.put_bytes(b"weights")
    blobs.path(digest).unlink()
    blobs.path(digest).symlink_to(secret)
    with pytest.raises(ArtifactError, match=digest):
        blobs.open(digest)
    blobs.put_bytes(b"weights")
    assert not blobs.path(digest).is_symlink()
    assert blobs.verify(digest).digest == digest


def test_a_pipe_or_folder_in_a_blobs_place_is_refused_without_waiting(blobs):
    digest, _ = blobs.put_bytes(b"weights")
    blobs.path(digest).unlink()
    os.mkfifo(blobs.path(digest))
    with pytest.raises(ArtifactError, match="not a file"):
        blobs.open(digest)
    blobs.path(digest).unlink()
    blobs.path(digest).mkdir()
    with pytest.raises(ArtifactError, match="not a file"):
        blobs.verify(digest)


def test_damage_is_found_and_named_with_the_next_step(blobs):
    digest, _ = blobs.put_bytes(b"weights")
    blobs.path(digest).write_bytes(b"wEights")
    for look in (blobs.verify, lambda name: blobs.read(name, 100)):
        with pytest.raises(ArtifactError, match=rf"{digest}.*Remove this file"):
            look(digest)


def test_a_blob_that_is_not_there_is_said(blobs):
    for look in (blobs.open, blobs.verify):
        with pytest.raises(ArtifactError, match=rf"no blob {'0' * 64}"):
            look("0" * 64)


def test_a_blob_longer_than_may_be_read_is_refused(blobs):
    digest, _ = blobs.put_bytes(b"weights")
    with pytest.raises(ArtifactError, match="longer than the 6 bytes"):
        blobs.read(digest, 6)


@pytest.mark.parametrize(
    "digest",
    ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", "../" * 21 + "a", None, 5],
)
def test_what_is_no_digest_never_becomes_a_path(blobs, digest):
    for use in (check_digest, blobs.path, blobs.open, blobs.verify):
        with pytest.raises(BadInput, match="not a digest"):
            use(digest)


def test_iterating_gives_the_digests_in_order_and_nothing_else(blobs):
    assert list(blobs) == []
    digests = sorted(blobs.put_bytes(bytes([number])).digest for number in range(50))
    (blobs.folder / "notes.txt").write_text("mine")
    (blobs.folder / "aa").mkdir(exist_ok=True)
    (blobs.folder / "aa" / ("b" * 64)).write_text("in the wrong folder")
    (blobs.folder / "tmp" / ("0" * 16)).write_text("unfinished")
    assert list(blobs) == digests


def _leftover(blobs, age_s, name="0123456789abcdef"):
    path = blobs.folder / "tmp" / name
    path.write_bytes(b"half")
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


def test_an_old_leftover_is_swept_by_the_next_process_that_puts(blobs):
    blobs.put_bytes(b"first")
    dead = _leftover(blobs, DAY_S + 60)
    Blobs(blobs.folder).put_bytes(b"second")
    assert not dead.exists()


def test_a_leftover_that_may_live_is_left(blobs):
    blobs.put_bytes(b"first")
    young = _leftover(blobs, DAY_S - 60)
    stranger = _leftover(blobs, 9 * DAY_S, "readme.txt")
    held = _leftover(blobs, 9 * DAY_S, "f" * 16)
    with held.open("r+b") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert blobs.sweep() == 0
    assert young.exists()
    assert stranger.exists()
    assert blobs.sweep() == 1
    assert not held.exists()


def test_a_put_in_progress_holds_the_lock_that_keeps_it_from_being_swept(tmp_path):
    class Aged(Files):
        swept = None

        def fsync(self, fd):
            os.utime(fd, (0, 0))  # as if it had begun in 1970
            self.swept = Blobs(tmp_path / "blobs").sweep()
            super().fsync(fd)

    files = Aged()
    digest, _ = Blobs(tmp_path / "blobs", files).put_bytes(b"slow")
    assert files.swept == 0
    assert Blobs(tmp_path / "blobs").verify(digest)


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_where_there_are_no_links_the_blob_is_renamed_into_place(tmp_path, number):
    class NoLinks(Files):
        def link(self, source, target):  # noqa: ARG002
            raise OSError(number, os.strerror(number))

    blobs = Blobs(tmp_path / "blobs", NoLinks())
    digest, size = blobs.put_bytes(b"weights")
    inode = blobs.path(digest).stat().st_ino
    assert blobs.put_bytes(b"weights") == (digest, size)
    assert blobs.path(digest).stat().st_ino == inode
    assert blobs.verify(digest).size == size
    assert temporaries(blobs) == []


def test_short_writes_lose_nothing(tmp_path):
    class Short(Files):
        def write(self, fd, data):
            return super().write(fd, data[:777])

    content = os.urandom(100_000)
    blobs = Blobs(tmp_path / "blobs", Short())
    assert blobs.verify(blobs.put_bytes(content).digest).size == len(content)


def test_content_is_on_disk_before_its_name_and_the_name_before_the_return(tmp_path):
    calls = []

    class Watched(Files):
        def __getattribute__(self, name):
            if not name.startswith("_"):
                calls.append(name)
            return super().__getattribute__(name)

    blobs = Blobs(tmp_path / "blobs", Watched())
    blobs.put_bytes(b"first")
    assert calls == [
        *("mkdir", "sync_folder") * 2,
        *("open_new", "write", "fsync"),
        *("mkdir", "sync_folder"),
        *("link", "sync_folder", "unlink"),
    ]
    calls.clear()
    blobs.put_bytes(b"first")
    assert calls == ["open_new", "write", "fsync", "link", "touch", "sync_folder", "unlink"]


def test_a_store_that_is_not_there_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ArtifactError, match=r"absent/blobs cannot be written"):
        Blobs(tmp_path / "absent" / "blobs").put_bytes(b"x")
