"""What syncd reads of a store: which runs there are, who owns its delivery, what changed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from syncd.catalog import Catalog
from syncd.lease import HOLD_S, LEASE_S
from syncd.notices import Notices
from syncd.owner import Owned, Ownership
from syncd.watch import Watch
from tests.unit.syncd.platform import LOG, Place, finish
from tracker import filesystem
from tracker.journal import Writer


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.ledger.close()


def test_runs_are_found_by_what_their_journals_say(place):
    """A user's id is read from the journal; strangers and empty folders are no runs."""
    finish(place.writer())
    own = Writer(place.store.run("my-run"), "my-run")
    own.close()
    (place.store.journals / "x").mkdir()
    (place.store.journals / ("f" * 32)).mkdir()
    (place.store.journals / "a file").write_text("")
    (place.store.journals / ("e" * 32)).symlink_to(place.folder)
    catalog = Catalog(place.store)
    assert set(catalog.runs()) == {place.run_id, "my-run"}
    entry = catalog.run_in(place.folder.name)
    assert (entry.run_id, entry.folder) == (place.run_id, place.folder)
    assert catalog.run_in("a file") is None
    assert catalog.run_in("not there") is None


def test_a_new_journal_changes_the_entry_and_a_removed_run_is_gone(place):
    finish(place.writer())
    catalog = Catalog(place.store)
    before = catalog.runs()[place.run_id]
    assert catalog.runs()[place.run_id] is before
    time.sleep(0.02)  # longer than a tick of the file system's clock
    finish(place.writer())
    assert catalog.runs()[place.run_id].modified > before.modified
    for path in place.folder.iterdir():
        path.unlink()
    place.folder.rmdir()
    assert catalog.runs() == {}


def test_a_segment_whose_first_record_is_damaged_still_belongs_to_its_run(place):
    finish(place.writer())
    [segment] = place.folder.glob("*.seg")
    content = bytearray(segment.read_bytes())
    content[20] ^= 0xFF
    segment.write_bytes(content)
    assert set(Catalog(place.store).runs()) == {place.run_id}


def test_one_owner_who_is_named_to_the_next(place):
    """Without waiting for more than a sign of life; let go, the store is free at once."""
    named = f"pid {os.getpid()} on .* serves the store"
    with Ownership(place.store), pytest.raises(Owned, match=named):
        Ownership(place.store).__enter__()
    began = time.monotonic()
    with Ownership(place.store) as owner:
        assert not owner.forced
    assert time.monotonic() - began < LEASE_S / 2


@pytest.mark.parametrize("locks", [True, False])
def test_an_owner_that_died_leaves_nothing_to_clear(place, locks):
    """SIGKILL: the kernel lets go of the lock; without one its lease runs out."""
    code = (
        "import os, signal, sys; from syncd.owner import Ownership;"
        "from tracker.journal import liveness;"
        f"liveness.hold = liveness.hold if {locks} else lambda _: False;"
        "from tracker.store import StoreFolder;"
        "Ownership(StoreFolder.open(sys.argv[1])).__enter__();"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, str(place.store.root)], cwd=Path(__file__).parents[3],
        check=False,
    )  # fmt: skip
    assert child.returncode == -9
    began = time.monotonic()
    with Ownership(place.store) as owner:
        assert owner.forced != locks
    assert (time.monotonic() - began < LEASE_S / 2) == locks


def test_what_is_in_doubt_waits_and_what_is_lost_is_refused(place):
    """Nothing is sent or kept while nobody knows whose the store is."""
    told = threading.Event()
    with Ownership(place.store, lost=told.set) as owner:
        owner.confirm()
        lease = owner._lease
        lease.renewed -= HOLD_S  # as if this process had been stopped for so long
        (place.store.sync / f"syncd.lease.{owner.turn + 1}").write_bytes(b"{}")
        with pytest.raises(Owned, match="took over the store"):
            owner.confirm()
        assert told.wait(5)
        assert owner.lost


def test_a_doubt_that_nobody_used_passes(place):
    with Ownership(place.store) as owner:
        turn = owner.turn
        owner._lease.renewed -= HOLD_S
        owner.confirm()
        assert (owner.turn, owner.lost) == (turn + 1, False)


def test_a_watch_names_the_folder_that_was_written_to_and_no_reader(place):
    writer = place.writer()
    watch = Watch(place.store.journals)
    notices = watch.subscribe()
    try:
        writer.append(LOG, 0, {"a": 1.0})
        assert notices.wait(10) == {place.folder.name}
        while notices.wait(0.3):  # what the kernel still had
            pass
        next(place.folder.glob("*.seg")).read_bytes()
        assert notices.wait(1.0) == set()
    finally:
        watch.close()
        writer.close()


def test_a_watch_that_cannot_be_had_is_no_error(place, monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr("syncd.watch.Observer.start", refuse)
    watch = Watch(place.store.journals)
    assert watch.subscribe().wait(0.01) == set()
    watch.close()


def test_on_a_network_file_system_notices_are_not_waited_for(place, monkeypatch, tmp_path):
    """What other hosts write there is told to nobody here."""
    table = tmp_path / "mounts"
    table.write_text("36 35 98:0 / / rw shared:1 - nfs4 server:/export rw\n")
    monkeypatch.setattr(filesystem, "MOUNTS", table)
    watch = Watch(place.store.journals)
    assert not watch._observer.is_alive()
    assert watch.subscribe().wait(0.01) == set()
    watch.close()


def test_names_gather_and_a_wake_ends_the_wait():
    notices = Notices()
    for name in ("a", "b", "a"):
        notices.add(name)
    assert notices.wait(5) == {"a", "b"}
    threading.Timer(0.05, notices.wake).start()
    began = time.monotonic()
    assert notices.wait(30) == set()
    assert time.monotonic() - began < 10
