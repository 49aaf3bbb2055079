"""syncd packs what it serves when it has nothing to deliver, and that makes nothing new to send."""

from __future__ import annotations

import errno
import threading
import time

import pytest

from syncd import packer as packing
from syncd import remotes
from syncd.daemon import Daemon
from syncd.packer import Packer
from syncd.sinks import Limits
from tests.fault.delivering import wait_for
from tests.unit.syncd.platform import LOG, START, Memory, finish
from tracker.index import Index, catchup
from tracker.journal import Journal, Writer, journals, packer
from tracker.journal.packing import PACKED
from tracker.settings import RemoteSettings, add_remote, load
from tracker.store import StoreFolder


@pytest.fixture
def platform(monkeypatch):
    memory = Memory()
    memory.limits = Limits(points=1000, bytes=1_000_000)
    monkeypatch.setattr(remotes, "make", lambda _: memory)
    monkeypatch.setattr("syncd.daemon._PUBLISH_S", 0.02)
    monkeypatch.setattr("syncd.daemon._PACK_ONCE_S", 60.0)
    monkeypatch.setattr(packing, "_LOOK_S", 0.05)
    monkeypatch.setattr(packing, "_RETRY_S", 0.05)
    return memory


@pytest.fixture
def store(tmp_path):
    made = StoreFolder.open(tmp_path / "store", create=True)
    add_remote(made, "lab", RemoteSettings("memory", "memory:lab"))
    return made


def record(store, run_id, events=600, *, end=True):
    """A run of segments of 10,000 bytes."""
    writer = Writer(store.run(run_id), run_id, segment_bytes=10_000, sync_interval_s=3600)
    writer.append(START, "project", "name", None, None, None, {}, {}, False, None)
    for step in range(events):
        writer.append(LOG, step, {"a": float(step), "b": "x" * 20})
    if end:
        finish(writer)
    return writer


def unpacked(store):
    """Segments that are large enough to be packed and are not."""
    found = (path for path in store.journals.glob("*/*.seg"))
    return [
        path
        for path in found
        if path.stat().st_size >= packer.LEAST_BYTES and path.read_bytes()[:8] != PACKED
    ]


class Serving:
    """A daemon at work in a thread."""

    def __init__(self, store):
        self.daemon = Daemon(store, load(store))
        self.thread = threading.Thread(target=self.daemon.run)

    def __enter__(self):
        self.daemon.__enter__()
        self.thread.start()
        return self.daemon

    def __exit__(self, *_):
        self.daemon.stop()
        self.thread.join(30)
        self.daemon.__exit__()
        assert not self.thread.is_alive()


def test_once_packs_after_delivering_and_a_second_pass_sends_nothing(store, platform):
    record(store, "r1")
    assert len(unpacked(store)) > 2
    with Daemon(store, load(store)) as daemon:
        daemon.once()
    assert unpacked(store) == []
    calls = list(platform.calls)
    assert platform.status == "finished"
    assert len(platform.acknowledged) == 602
    for _ in range(2):
        with Daemon(store, load(store)) as daemon:
            daemon.once()
    assert platform.calls == calls
    (journal,) = journals(store.run("r1"))
    assert sum(1 for _ in journal.events()) == 602


def test_run_packs_when_all_is_delivered_also_of_a_live_run(store, platform):
    record(store, "dead")
    with Serving(store):
        wait_for("the dead one", lambda: not unpacked(store), 20)
        writer = record(store, "live", end=False)
        first, *_, last = sorted(writer.folder.glob("*.seg"))
        wait_for("the live one", lambda: set(unpacked(store)) <= {first, last}, 20)
        assert first in unpacked(store)
        assert Journal(writer.folder, writer.id).alive()
        finish(writer)
        wait_for("its first segment", lambda: not unpacked(store), 20)
        wait_for("its events", lambda: len(platform.acknowledged) == 2 * 602, 20)
    seqs = [item.event.seq for item in platform.acknowledged if item.writer_id == writer.id]
    assert seqs == list(range(1, 603))


def test_nothing_is_packed_while_a_run_is_being_delivered(store, platform):
    record(store, "r1")
    before, send, seen = unpacked(store), platform.send, []

    def watched(*args):
        limit = time.monotonic() + 10  # what starts a visit notes it just behind that
        while not any(outlet.busy for outlet in daemon.outlets) and time.monotonic() < limit:
            time.sleep(0.001)
        daemon._pack(60.0)
        seen.append(unpacked(store))
        return send(*args)

    platform.send = watched
    with Daemon(store, load(store)) as daemon:
        daemon.once()
    assert seen
    assert seen == [before] * len(seen)
    assert unpacked(store) == []


def test_a_journal_that_ends_while_it_is_looked_at_is_packed_whole_later(store, monkeypatch):
    writer, packable = record(store, "r1", end=False), packer.packable

    def ends(journal):
        found = packable(journal)
        finish(writer)
        return found

    worker = Packer(store)
    worker.work(lambda: True)  # what follows leaves the folder's time as it is
    monkeypatch.setattr(packer, "packable", ends)
    worker._look_at = 0.0
    worker.work(lambda: True)
    monkeypatch.setattr(packer, "packable", packable)
    assert unpacked(store)
    worker._look_at = 0.0
    worker.work(lambda: True)
    assert unpacked(store) == []


@pytest.mark.parametrize("setting", ["never", "finish"])
def test_syncd_packs_only_if_it_is_the_one_to(store, platform, setting, monkeypatch):
    monkeypatch.setenv("TRACKER_PACK", setting)
    record(store, "r1")
    before = unpacked(store)
    with Daemon(store, load(store)) as daemon:
        daemon.once()
    assert platform.status == "finished"
    assert unpacked(store) == before


def test_trouble_with_one_run_is_said_hides_no_other_and_is_tried_again(store, monkeypatch, caplog):
    record(store, "r1")
    record(store, "r2")
    whole, sick = packer.pack_segment, store.run("r1")

    def pack_segment(journal, number):
        if journal.folder == sick:
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(journal, number)

    monkeypatch.setattr(packer, "pack_segment", pack_segment)
    worker = Packer(store)
    worker.work(lambda: True)
    assert {path.parent for path in unpacked(store)} == {sick}
    assert "No space left" in caplog.text
    monkeypatch.setattr(packer, "pack_segment", whole)
    worker.work(lambda: True)
    assert unpacked(store) != []  # not so soon
    worker._look_at = 0.0
    worker.work(lambda: True)
    assert unpacked(store) == []


def test_trouble_that_lasts_is_said_once(store, monkeypatch, caplog):
    def fail(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    for run_id in ("r1", "r2", "r3"):
        record(store, run_id)
    monkeypatch.setattr(packer, "pack_segment", fail)
    worker = Packer(store)
    for _ in range(3):
        worker._look_at = 0.0
        worker.work(lambda: True)
    assert caplog.text.count("Read-only file system") == 1


def test_a_run_with_nothing_left_to_pack_is_not_looked_into_again(store, monkeypatch):
    record(store, "r1")
    worker = Packer(store)
    for _ in range(2):
        worker._look_at = 0.0
        worker.work(lambda: True)
    assert unpacked(store) == []
    monkeypatch.setattr(packing, "journals", lambda _: pytest.fail("it was looked into"))
    worker._look_at = 0.0
    worker.work(lambda: True)
    assert worker._trouble is None


def test_a_damaged_segment_is_read_once_only_and_stays(store, monkeypatch):
    record(store, "r1")
    path = unpacked(store)[1]
    damaged = bytearray(path.read_bytes())
    damaged[5000] ^= 1
    path.write_bytes(damaged)
    tried, whole = [], packer.pack_segment
    monkeypatch.setattr(packer, "pack_segment", lambda j, n: tried.append(j.path(n)) or whole(j, n))
    worker = Packer(store)
    for _ in range(3):
        worker._look_at = 0.0
        worker._done.clear()
        worker.work(lambda: True)
    assert tried.count(path) == 1
    assert unpacked(store) == [path]
    assert path.read_bytes() == damaged


def test_work_ends_when_it_is_told_and_goes_on_where_it_was(store):
    record(store, "r1")
    before, worker = len(unpacked(store)), Packer(store)
    for left in range(before - 1, -1, -1):
        worker.work(lambda left=left: len(unpacked(store)) > left)
        assert len(unpacked(store)) == left


def test_a_store_that_is_away_is_no_end(store, tmp_path):
    worker = Packer(store)
    store.root.rename(tmp_path / "elsewhere")
    worker.work(lambda: True)
    assert worker._steps is None


def test_the_index_reads_nothing_anew_when_a_run_was_packed(store, monkeypatch):
    record(store, "r1")
    live = record(store, "r2", end=False)
    live.sync()
    index = Index(store)
    index.catch_up()
    rows = "SELECT rowid, writer, segment, offset, seq, state, segments, size FROM journal"
    runs = "SELECT rowid, id, folder FROM run"
    before = index.query(rows), index.query(runs)
    Packer(store).work(lambda: True)
    assert len(unpacked(store)) <= 2
    read, blocks = [], Journal.blocks

    def counted(journal, *args, **options):
        read.append(journal.writer_id)
        return blocks(journal, *args, **options)

    monkeypatch.setattr(Journal, "blocks", counted)
    monkeypatch.setattr(catchup.CatchUp, "_forget", lambda *_: pytest.fail("a run is read anew"))
    for _ in range(3):
        index.catch_up()
    assert read == []
    assert (index.query(rows), index.query(runs)) == before
    live.append(LOG, 600, {"a": 1.0})
    index.catch_up()
    assert read == [live.id]
    finish(live)
    index.catch_up()
    Packer(store).work(lambda: True)
    index.catch_up()
    assert index.query("SELECT sum(count) FROM metrics") == [(1201,)]
    index.close()
