"""What may be removed is what every remote was seen to hold; all else stays, also after a kill."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from syncd import removal
from syncd.catalog import Catalog
from syncd.cli.program import execute
from syncd.ledger import Ledger
from syncd.removal import Removal
from syncd.removed import Removed
from syncd.sinks import Rejected
from syncd.trash import Trash
from tests.unit.syncd.platform import ARTIFACT, CONFIG, LOG, START, Place, finish
from tests.unit.syncd.test_verify import report
from tracker.artifacts import Blobs
from tracker.artifacts import keep as keep_artifact
from tracker.journal import Files, Writer, journals, liveness
from tracker.journal import writer as journal_writer
from tracker.settings import RemoteSettings, Settings
from tracker.store import StoreFolder

OTHER = "0" * 31 + "2"
DAY_S = 86_400


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path, remotes={"lab": RemoteSettings("memory", "memory:")})
    yield made
    made.ledger.close()


def keep(place, writer, *contents, name="net"):
    """An artifact of some files; the digests of these."""
    folder = place.store.root.parent / "made"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for number, content in enumerate(contents):
        (folder / f"{number}.bin").write_bytes(content)
    kept = keep_artifact(Blobs(place.store.blobs), folder, name)
    writer.append(ARTIFACT, name, "file", kept.manifest, kept.files, kept.size)
    return kept.manifest


def verified(place, *contents):
    """A run that is whole at the remote, and marked."""
    writer = place.writer()
    writer.append(LOG, 0, {"a": 1.0})
    if contents:
        keep(place, writer, *contents)
    finish(writer)
    place.visit()
    found = report(place)
    assert found.verified_at is not None, (found.differences, found.incomplete)


def another(place, *contents):
    """A finished run that is at no remote."""
    writer = Writer(place.store.run(OTHER), OTHER, sync_interval_s=3600)
    writer.append(START, "project", "other")
    manifest = keep(place, writer, *contents) if contents else None
    finish(writer)
    return manifest


def a_removal(place, *, force=False):
    return Removal(place.store, place.settings, place.ledger, force=force)


def plan(place, **options):
    return a_removal(place, **options).plan(Catalog(place.store).runs().values())


def gc(place, **options):
    """Remove all that may go."""
    removing = a_removal(place, **options)
    return removing.carry_out(removing.plan(Catalog(place.store).runs().values()))


def digests(place):
    return set(Blobs(place.store.blobs))


def names(place):
    return {folder.name for folder in place.store.journals.iterdir()}


def test_a_verified_run_goes_and_takes_only_blobs_that_no_other_refers_to(place):
    shared = another(place, b"shared", b"theirs")
    theirs = digests(place)
    verified(place, b"shared", b"mine")
    found = plan(place)
    assert ([c.run for c in found.go], found.go[0].verified) == ([place.run_id], ["lab"])
    assert ([c.run for c in found.stay], found.blobs) == ([OTHER], 2)  # a file and a manifest
    done = gc(place)
    assert (done.runs, done.errors) == ([place.run_id], [])
    assert done.freed >= found.blob_bytes + found.go[0].bytes > 0
    assert names(place) == {OTHER}
    assert digests(place) == theirs
    assert shared in theirs
    assert Trash(place.store).runs() == []
    assert not any(place.store.trash.iterdir())
    assert plan(place).empty


def test_a_run_stays_and_it_is_said_why(place):
    """Never verified, added to since, parked, or being recorded: that one also by force."""
    writer = place.writer()
    writer.append(LOG, 0, {"a": 1.0})
    finish(writer)
    assert why(place) == [
        f"lab: not verified: syncd verify {place.run_id}", "it is verified at no remote",
    ]  # fmt: skip
    place.visit()
    report(place)
    assert plan(place).go
    resumed = place.writer()
    assert why(place) == ["it is being recorded"]
    assert not plan(place, force=True).go
    finish(resumed)
    assert why(place)[0].startswith("lab: something was recorded since it was verified")
    place.sink.put_error = Rejected("no proxy")
    place.visit()
    assert why(place)[0] == "lab: 1 entries are parked: syncd status, syncd retry"
    [forced] = plan(place, force=True).go
    assert forced.why
    assert gc(place).runs == []
    assert gc(place, force=True).runs == [place.run_id]
    assert Removed(place.store).read(place.run_id).forced == forced.why


def why(place):
    [candidate] = plan(place).stay
    return candidate.why


def test_what_a_policy_left_out_everywhere_keeps_a_run(place):
    place.settings.remotes["lab"].exclude.append("config:*")
    place.open()
    writer = place.writer()
    writer.append(CONFIG, {"lr": 1})
    finish(writer)
    place.visit()
    assert report(place).verified_at is not None
    assert why(place) == ["its remotes' policies left something out, which would be nowhere then"]


def test_without_a_remote_nothing_is_verified(place):
    verified(place)
    place.settings = Settings()
    assert why(place) == ["it is verified at no remote"]


def test_every_remote_that_a_run_goes_to_is_asked_for(place):
    """A second remote keeps it, unless the run does not go there."""
    verified(place)
    place.settings.remotes["second"] = RemoteSettings("memory", "elsewhere:")
    assert why(place) == [f"second: not verified: syncd verify {place.run_id}"]
    place.settings.remotes["second"].project.append("another")
    assert plan(place).go


def test_damage_is_never_taken_for_whole(place):
    """Of a run with damage no mark is made, and while there is one no blob of any run goes."""
    verified(place, b"mine")
    writer = Writer(place.store.run(OTHER), OTHER, sync_interval_s=3600)
    writer.append(START, "project", "other")
    for step in range(5):
        writer.append(LOG, step, {"a": 1.0})
    finish(writer)
    [segment] = place.store.run(OTHER).glob("*.seg")
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(content)
    before = digests(place)
    done = gc(place)
    assert done.runs == [place.run_id]
    assert "no blob was removed: run folder" in done.errors[0]
    assert digests(place) == before


def test_only_orphans_of_more_than_a_day_go_and_none_that_was_put_again(place):
    """Put again, an old blob is as new as any; so is what a live writer may refer to soon."""
    blobs = Blobs(place.store.blobs)
    old, again, young = (blobs.put_bytes(text).digest for text in (b"old", b"again", b"young"))
    for digest in (old, again):
        _age(blobs.path(digest), 2 * DAY_S)
    blobs.put_bytes(b"again")
    live = place.writer()
    assert plan(place).blobs == 1
    gc(place)
    assert digests(place) == {again, young}
    finish(live)


def test_what_a_live_writer_put_stays_however_long_that_takes(place, monkeypatch):
    """Its event comes after the last of many files; the first may have been put days before."""
    blobs = Blobs(place.store.blobs)
    before, since = blobs.put_bytes(b"before").digest, blobs.put_bytes(b"since").digest
    _age(blobs.path(before), 4 * DAY_S)
    _age(blobs.path(since), 2 * DAY_S)
    began = time.time_ns() - 3 * DAY_S * 10**9
    monkeypatch.setattr(journal_writer, "_now", lambda: began)
    live = place.writer()
    gc(place)
    assert digests(place) == {since}
    finish(live)
    gc(place)
    assert digests(place) == set()


def test_what_another_process_put_after_the_run_ended_stays(place):
    """It refers to it in a journal that it begins later, as an import does."""
    verified(place, b"mine")
    mine = Blobs(place.store.blobs).put_bytes(b"mine").digest
    assert gc(place).runs == [place.run_id]
    assert digests(place) == {mine}


def _age_all(place, seconds):
    for file in place.folder.iterdir():
        _age(file, seconds)


def _age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_run_that_is_resumed_between_plan_and_act_stays(place):
    verified(place)
    removing = a_removal(place)
    decided = removing.plan(Catalog(place.store).runs().values())
    resumed = place.writer()
    done = removing.carry_out(decided)
    assert (done.runs, len(done.errors)) == ([], 1)
    resumed.append(LOG, 1, {"a": 2.0})
    finish(resumed)
    assert len(journals(place.folder)) == 2


def test_what_was_added_to_since_it_was_shown_is_not_forced(place):
    """A person who agreed did not see that."""
    finish(place.writer())
    removing = a_removal(place, force=True)
    decided = removing.plan(Catalog(place.store).runs().values())
    _age_all(place, -5)  # as if written to later
    assert removing.carry_out(decided).runs == []


def test_a_process_about_to_begin_a_journal_keeps_the_run(place):
    """Before its first segment is there, its lock on the folder is all that tells of it."""
    verified(place)
    removing = a_removal(place)
    decided = removing.plan(Catalog(place.store).runs().values())
    with liveness.entered(place.folder, Files.mkdir):
        assert removing.carry_out(decided).runs == []
    assert removing.carry_out(decided).runs == [place.run_id]


def test_a_writer_that_waited_for_a_removal_begins_in_a_new_folder(place, monkeypatch):
    """Its journal is in the store, not in the trash."""
    verified(place)
    opened = []
    taking = threading.Event()

    def begin():
        taking.wait(10)
        opened.append(place.writer())

    def take(trash, folder, real=Trash.take):
        taking.set()
        waited = time.monotonic() + 0.2
        while not opened and time.monotonic() < waited:  # it cannot begin here
            time.sleep(0.01)
        assert not opened
        real(trash, folder)

    monkeypatch.setattr(Trash, "take", take)
    thread = threading.Thread(target=begin)
    thread.start()
    assert gc(place).runs == [place.run_id]
    thread.join(10)
    assert [journal.writer_id for journal in journals(place.folder)] == [opened[0].id]
    finish(opened[0])


def test_a_second_gc_is_refused_while_one_is_at_work(place):
    verified(place)
    with removal._alone_in(place.store), pytest.raises(removal.StoreError, match="another gc"):
        gc(place)
    assert names(place) == {place.run_id}


def test_nothing_is_removed_through_links(place, tmp_path):
    """Neither a trash that leads elsewhere nor a link among the journals."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    place.store.trash.symlink_to(outside)
    verified(place)
    with pytest.raises(removal.StoreError, match="is a link"):
        gc(place)
    place.store.trash.unlink()
    (place.store.journals / OTHER).symlink_to(outside)
    strange = place.store.trash / ("a" * 16)
    strange.parent.mkdir()
    strange.symlink_to(outside)
    assert gc(place).runs == [place.run_id]
    assert (outside / "precious").exists()


def test_what_was_removed_by_force_is_pending_and_parked_no_more(place):
    place.sink.put_error = Rejected("no proxy")
    writer = place.writer()
    keep(place, writer, b"mine")
    finish(writer)
    place.visit()
    assert place.ledger.parked("lab")
    note = [place.run_id]
    assert gc(place, force=True).runs == note
    for run_id in place.ledger.unsettled():
        place.ledger.gone(run_id, [writer.id], whole=True)
    assert place.ledger.parked("lab") == []
    assert place.ledger.unsettled() == set()
    assert place.record.remote_run is not None


def gone_on(place, *, force=False):
    """A run of which an earlier part was removed, and that went on."""
    assert gc(place, force=force).runs == [place.run_id]
    writer = place.writer()
    writer.append(LOG, 1, {"a": 2.0})
    finish(writer)
    assert place.visit().error is None


def test_a_run_that_goes_on_is_compared_whole_by_the_digest_of_what_was_removed(place):
    """It ends at the remote as it does here, and may be removed again; a lost point is seen."""
    verified(place)
    for value in (1, 2):
        gone_on(place)
        assert place.sink.status == "finished"
        found = report(place)
        assert found.verified_at is not None, (found.differences, found.incomplete)
        assert (found.points_local, found.points_remote) == (value + 1, value + 1)
    del place.sink.acknowledged[1]
    [difference] = report(place).differences
    assert difference == "points differ: 2 there, 1 here and 2 in journals that were removed"


def test_a_run_that_goes_on_after_force_cannot_be_called_equal(place):
    finish(place.writer())
    place.visit()
    gone_on(place, force=True)
    assert report(place).differences == [
        "its earlier journals were removed before they were verified at this remote"
    ]


def test_force_alone_is_refused(place):
    """It takes what is nowhere else: nobody means all of it by that one word."""
    verified(place)
    assert execute(["gc", "--force", "--yes", "--dir", str(place.store.root)]) == 2
    assert names(place) == {place.run_id}


def test_older_than_is_by_the_last_write(place):
    verified(place)
    entries = Catalog(place.store).runs().values()
    assert not a_removal(place).plan(entries, before=time.time() - DAY_S).go
    _age_all(place, 2 * DAY_S)
    assert a_removal(place).plan(entries, before=time.time() - DAY_S).go


# -- killed --------------------------------------------------------------------------------


def test_killed_at_any_step_nothing_that_was_to_stay_is_lost_and_the_next_gc_ends_it(place):
    """SIGKILL before and after each rename, replace, unlink and rmdir of a removal."""
    another(place, b"shared", b"theirs")
    theirs = digests(place)
    verified(place, b"shared", b"mine")
    whole = place.store.root
    place.ledger.close()
    steps = 0
    for step in range(1, 200):
        root = whole.with_name(f"killed-{step}")
        shutil.copytree(whole, root)
        died = _killed_at(root, place.settings, step)
        _check_kept(root, theirs)
        run = root / "journals" / place.run_id
        if run.exists():
            assert len(digests_of(root)) == len(digests_of(whole)), "it is still there, and whole"
        _remove(root, place.settings)
        assert {p.name for p in (root / "journals").iterdir()} == {OTHER}, step
        assert digests_of(root) == theirs, step
        assert not any((root / "trash").iterdir()), step
        shutil.rmtree(root)
        steps = step
        if not died:
            break
    place.open()
    assert steps > 12, "it was killed at too few points"


def _killed_at(root, settings, step):
    """Whether a process that removes was killed at its `step`; else it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            _die_at(step)
            _remove(root, settings)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _die_at(step):
    left = [step]

    def dying(real):
        def call(*args, **kwargs):
            for moment in (lambda: real(*args, **kwargs), lambda: None):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                moment()

        return call

    for name in ("unlink", "rmdir"):
        setattr(os, name, dying(getattr(os, name)))
    for name in ("rename", "replace"):
        setattr(Files, name, staticmethod(dying(getattr(Files, name))))


def _remove(root, settings):
    store = StoreFolder.open(root)
    ledger = Ledger(store.sync / "syncd.db", look=True)
    removing = Removal(store, settings, ledger)
    done = removing.carry_out(removing.plan(Catalog(store).runs().values()))
    ledger.close()
    assert not done.errors


def _check_kept(root, theirs):
    [journal] = journals(root / "journals" / OTHER)
    assert [event.seq for event in journal.events()] == [1, 2, 3]
    blobs = Blobs(Path(root) / "blobs")
    for digest in theirs:
        blobs.verify(digest)


def digests_of(root):
    return set(Blobs(Path(root) / "blobs"))
