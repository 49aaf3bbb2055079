"""A file is read whole as it stood, or its change is an error; nothing else is read at all."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tracker.artifacts.steady import CHUNK_BYTES, read_steady
from tracker.errors import ArtifactError, BadInput


def _grow(path):
    with path.open("ab") as file:
        file.write(b"more")


def _replace(path):
    fresh = path.with_name("fresh")
    fresh.write_bytes(path.read_bytes())
    fresh.rename(path)


def _overwrite(path):
    """Change one byte that was read already; the size stays and the old times are put back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"!")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = {
    "grows": _grow,
    "shrinks": lambda path: os.truncate(path, CHUNK_BYTES + 1),
    "emptied": lambda path: os.truncate(path, 0),
    "overwritten": _overwrite,
    "replaced": _replace,
    "removed": Path.unlink,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("chunk", [0, 1, 2])
def test_a_change_at_any_moment_of_the_reading_is_an_error(tmp_path, change, chunk):
    path = tmp_path / "model.pt"
    path.write_bytes(b"x" * (3 * CHUNK_BYTES))
    chunks = read_steady(path)
    for _ in range(chunk + 1):
        next(chunks)
    CHANGES[change](path)
    with pytest.raises(ArtifactError, match=r"model\.pt.*changed while it was read.*Log it again"):
        list(chunks)


def test_a_file_that_grows_for_ever_is_left_soon(tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(b"x")
    read = 0

    def grow_while_reading():
        nonlocal read
        with path.open("ab", buffering=0) as growing:
            for chunk in read_steady(path):
                read += len(chunk)
                growing.write(bytes(CHUNK_BYTES))

    with pytest.raises(ArtifactError, match="changed"):
        grow_while_reading()
    assert read < 3 * CHUNK_BYTES


def test_a_file_written_a_moment_ago_and_left_alone_is_read(tmp_path):
    path = tmp_path / "model.pt"
    for number in range(5):
        path.write_bytes(b"%d" % number)
        assert b"".join(read_steady(path)) == b"%d" % number


def test_a_file_that_gives_more_than_its_size_is_not_taken_for_whole():
    with pytest.raises(ArtifactError, match="changed while it was read"):
        list(read_steady(Path("/proc/self/status")))  # the kernel makes it up and says size 0


def test_a_file_changed_a_moment_ago_is_read_when_the_clock_of_its_times_has_moved_on(
    tmp_path, monkeypatch
):
    slept_s = []
    monkeypatch.setattr("tracker.artifacts.steady.time.sleep", slept_s.append)
    path = tmp_path / "model.pt"
    path.write_bytes(b"x")
    now = path.stat().st_ctime_ns
    for age_ns in (0, 5_000_000, 19_000_000, 21_000_000, 10**12):
        monkeypatch.setattr("tracker.artifacts.steady.time.time_ns", lambda age=age_ns: now + age)
        list(read_steady(path))
    assert slept_s == [0.020, 0.015, 0.001]


def test_a_file_swapped_for_a_pipe_as_it_is_opened_is_refused_without_waiting(
    tmp_path, monkeypatch
):
    path = tmp_path / "model.pt"
    path.write_bytes(b"x")
    system_open = os.open

    def swapping(name, flags):
        path.unlink()
        os.mkfifo(path)
        return system_open(name, flags)

    monkeypatch.setattr(os, "open", swapping)
    with pytest.raises(ArtifactError, match="it is a pipe"):
        list(read_steady(path))


def test_what_is_no_file_is_refused_by_kind_without_waiting(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("sock")
        kinds = {
            tmp_path / "pipe": "a pipe",
            tmp_path / "sock": "a socket",
            tmp_path: "a folder",
            Path("/dev/zero"): "a device",
        }
        for path, kind in kinds.items():
            with pytest.raises(ArtifactError, match=f"it is {kind}, not a regular file"):
                list(read_steady(path))


def test_a_symlink_is_followed_only_where_that_was_asked_for(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    link = tmp_path / "link"
    link.symlink_to("file")
    assert b"".join(read_steady(link)) == b"content"
    with pytest.raises(ArtifactError, match="a symlink"):
        list(read_steady(link, follow=False))


def test_an_absent_or_impossible_path_is_said_with_the_next_step(tmp_path):
    with pytest.raises(ArtifactError, match=r"No such file or directory.*Check the path"):
        list(read_steady(tmp_path / "absent"))
    with pytest.raises(BadInput, match="cannot be a path"):
        list(read_steady(tmp_path / "a\0b"))


def test_no_descriptor_stays_open_after_success_failure_or_stopping(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * (2 * CHUNK_BYTES))
    before = len(list(Path("/proc/self/fd").iterdir()))
    list(read_steady(path))
    stopped = read_steady(path)
    next(stopped)
    stopped.close()
    failing = read_steady(path)
    next(failing)
    os.truncate(path, 1)
    with pytest.raises(ArtifactError):
        list(failing)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
