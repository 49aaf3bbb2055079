"""Who lives: by lock where this host would know of it, else by a heartbeat."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.fault.delivering import wait_for
from tracker.journal import Journal, Writer, journals, liveness, packer
from tracker.journal import writer as writing

LOG = 17
ELSEWHERE = """
import os, sys, time
from pathlib import Path
from tracker.journal import Writer, liveness, writer as writing
liveness.host = lambda: "node7"
writing.BEAT_S = 0.1
writer = Writer(Path(sys.argv[1]), "r1", sync_interval_s=3600)
writer.append(17, 0, {"a": 1.0})
print("writes", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def clock(monkeypatch):
    """The clock of who looks."""
    made = SimpleNamespace(now=1000.0, wall=0.0)
    fake = SimpleNamespace(
        monotonic=lambda: made.now, time=lambda: time.time() + made.wall, sleep=time.sleep
    )
    monkeypatch.setattr(liveness, "time", fake)
    return made


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """The journal of another host, on a network file system; its lock, if any, is not seen here."""

    def make(locks):
        monkeypatch.setattr(liveness, "_on_network", lambda _: True)
        with monkeypatch.context() as there:
            there.setattr(liveness, "host", lambda: "node7")
            if not locks:
                there.setattr(liveness, "hold", lambda _: False)
            writer = Writer(tmp_path / "r1", "r1", sync_interval_s=3600)
            writer.append(LOG, 0, {"a": 1.0})
        monkeypatch.setattr(liveness, "held", lambda _: False if locks else None)
        return writer, Journal(writer.folder, writer.id)

    return make


@pytest.mark.parametrize("locks", [True, False])
def test_another_hosts_writer_lives_as_long_as_its_heartbeat(foreign, clock, locks):
    """However long it logs nothing, and whatever the two clocks say of each other."""
    writer, journal = foreign(locks)
    for _ in range(20):
        assert journal.alive()
        clock.now += liveness.BEAT_S * 2
        clock.wall += 3600
        time.sleep(0.01)  # a tick of the file system's clock
        writer.beat()
    assert journal.alive()
    clock.now += liveness.SILENT_S - 1
    assert journal.alive()
    assert packer.packable(journal) == []
    clock.now += 2
    assert not journal.alive()
    writer.beat()
    assert journal.alive()
    writer.close()


def test_who_looks_once_leaves_room_for_clocks_that_differ(foreign, clock):
    _, journal = foreign(locks=False)
    for age_s, lives in ((liveness.UNTOUCHED_S - 5, True), (liveness.UNTOUCHED_S + 5, False)):
        clock.wall = age_s
        liveness._seen.clear()
        for _ in range(3):
            assert journal.alive() == lives


def test_a_process_id_that_is_used_again_keeps_nobody_alive(tmp_path, clock, monkeypatch):
    """Without locks: a process of that id is there, but it is another one, and does not beat."""
    monkeypatch.setattr(liveness, "hold", lambda _: False)
    writer = Writer(tmp_path / "r1", "r1", sync_interval_s=3600)
    journal = Journal(writer.folder, writer.id)
    assert journal.alive()
    clock.now += liveness.SILENT_S + 1
    assert not journal.alive()
    writer.close()


def test_on_a_disk_of_its_own_a_host_knows_of_every_lock(tmp_path, monkeypatch):
    """A run of another host that was carried here is over, however new its files are."""
    with monkeypatch.context() as there:
        there.setattr(liveness, "host", lambda: "node7")
        writer = Writer(tmp_path / "r1", "r1", sync_interval_s=3600)
    journal = Journal(writer.folder, writer.id)
    assert journal.alive()
    os.close(writer._chain._lock_fd)
    os.close(writer._chain.current.fd)
    writer._chain._lock_fd = writer._chain.current.fd = -1
    assert not journal.alive()
    writer.close()


@pytest.mark.parametrize("sync", ["interval", "always"])
def test_a_writer_beats_though_nothing_is_logged(tmp_path, monkeypatch, sync):
    """Its first segment gets a new time, also when it has long gone on in another one."""
    monkeypatch.setattr(writing, "BEAT_S", 0.05)
    writer = Writer(tmp_path / "r1", "r1", sync_interval_s=3600, segment_bytes=4096, sync=sync)
    for step in range(200):
        writer.append(LOG, step, {"a": 1.0})
    assert len(Journal(writer.folder, writer.id).segments()) > 1
    first = Journal(writer.folder, writer.id).path(1)
    for _ in range(3):
        before = first.stat().st_mtime_ns
        wait_for("a beat", lambda b=before: first.stat().st_mtime_ns != b, 10)
    writer.close()


def test_a_process_of_another_host_lives_until_it_is_killed(tmp_path, monkeypatch):
    """A real one, with another host name; the file system is a network's, as far as we know."""
    monkeypatch.setattr(liveness, "_on_network", lambda _: True)
    monkeypatch.setattr(liveness, "held", lambda _: False)  # their locks are not seen here
    monkeypatch.setattr(liveness, "SILENT_S", 1.5)
    child = subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE, str(tmp_path / "r1")], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    try:
        assert child.stdout.readline() == "writes\n"
        (journal,) = journals(tmp_path / "r1")
        assert journal.header().host == "node7"
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            assert journal.alive()
            time.sleep(0.05)
        child.kill()
        wait_for("its death to show", lambda: not journal.alive(), 10)
    finally:
        child.kill()
        child.communicate()
