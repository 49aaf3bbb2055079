"""The power goes at any moment: what was called synced is there, whatever else the disk lost.

`campaign` tells one story on the model disk of `tests.doubles.power`: runs are begun, logged
to, flushed, finished and resumed, artifacts are kept, system calls fail now and then. Between
any two calls the process is killed or the power goes; then what is on the disk, or could be on
it, is looked at, and the story goes on there in a new process.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import random
import tempfile
from collections import Counter
from pathlib import Path
from unittest import mock

import pytest

from tests.doubles.failing_files import LIE, SHORT
from tests.doubles.power import MEMORY, Disk, PowerCut
from tracker import ending, identity, recording, resume
from tracker.artifacts import Blobs, Manifest, steady
from tracker.errors import ArtifactError, StoreError
from tracker.events import Artifact, Finish, Log, Start
from tracker.head import head_of
from tracker.journal import Writer, journals
from tracker.journal import writer as writer_module
from tracker.run import Run
from tracker.settings import RemoteSettings, Settings, add_remote, load
from tracker.store import StoreFolder

ROUNDS = 50 * int(os.environ["SOAK_ROUNDS"]) if os.environ.get("SOAK") else 400
SEED = int(os.environ.get("SOAK_SEED", "0"))
STORE = Path("home", "data", "store")
RUNS = ("0" * 31 + "e", "one-of-the-user")
FAILING = (
    *[("sync", errno.EIO)] * 4, ("sync_folder", errno.EIO), ("write", errno.EIO), ("write", SHORT),
    ("write", LIE), ("create", errno.ENOSPC), ("rename", errno.EIO), ("mkdir", errno.ENOSPC),
    ("unlink", errno.EIO), ("open_new", errno.ENOSPC), ("fsync", errno.EIO), ("link", errno.EIO),
)  # fmt: skip


def values_of(number):
    """What the log call of this number says: from a few bytes to more than a segment holds."""
    return {"v": number, "text": chr(97 + number % 26) * (number * 37 % 1100 // (number % 5 + 1))}


def files_of(number):
    """What is in the artifact of this number, by path; all have a file in common."""
    files = {"one": b"%d" % number * 40, "in/two": b"%d" % number * 700, "in/the same": b"x" * 700}
    return files if number % 2 else {"one": files["one"]}


class Told:
    """A run, and what its process was told: `kept` outlives the process, `safe` a power cut.

    Both are sets of the numbers that log calls, artifacts and ends of runs have in a story.
    """

    def __init__(self, run, kept, safe):
        self.run, self.kept, self.safe = run, kept, safe
        self.mine = set()
        self.warned = False
        run.notice.warn = self._hear

    def _hear(self, text, *, once=None):
        del once
        self.warned |= "power cut" in text

    def record(self, number, act, *args):
        """Do what is to be recorded; where nothing more was dropped, it is kept."""
        before = self.run._recording.dropped
        act(*args)
        if self.run._recording.dropped == before:
            self.kept.add(number)
            self.mine.add(number)
            if self.run._settings.sync == "always" and not self.run._recording._writer.broken:
                self.safe.add(number)

    def flush(self):
        if self.run.flush():
            self.safe |= self.mine

    def finish(self, number):
        self.record(number, self.run.finish, number)
        if not self.warned:
            self.safe |= self.mine

    def die(self):
        """What the system does when a process dies: files are closed, locks let go."""
        ending.forget(self.run)
        if self.run._recording._writer is not None:
            self.run._recording._writer.abandon()


class Story:
    """Processes on one disk, one after the other, and what they were told in all."""

    def __init__(self, dice, source):
        self.dice, self.source = dice, source
        self.trouble = dice.choice((0, 0, 0.2))
        self.runs = {}  # by number, whatever became of it
        self.kept, self.safe = set(), set()
        self.cuts = 0
        self.store_id = None
        self.open = []

    def live(self, disk):
        """One process does this and that until it is killed, the power goes, or it is done."""
        self.open = []
        acts = (self.log, self.log, self.log, Told.flush, self.artifact, self.finish)
        with disk.installed(), contextlib.suppress(PowerCut):
            for _ in range(18):
                if self.dice.random() < self.trouble:
                    disk.fail(*self.dice.choice(FAILING))
                if not self.open or self.dice.random() < 0.05:
                    self.begin(disk)
                else:
                    self.dice.choice(acts)(self.dice.choice(self.open))
            while self.open:
                self.finish(self.open[0])
        for told in self.open:
            told.die()

    def begin(self, disk):
        before = disk.failures
        try:
            store = StoreFolder.open(disk.root / STORE, create=True)
        except StoreError:
            assert disk.failures > before, "the store cannot be used any more"
            return
        settings = Settings(
            silent=True, segment_bytes=self.dice.choice((300, 700, 3000)),
            sync=self.dice.choice(("interval", "interval", "always")),
        )  # fmt: skip
        run_id = self.dice.choice(RUNS)
        head = head_of(project="p", name="n", tags=None, group=None, job_type=None, notes=None)
        run = Run(store, run_id, head, resume.past(store, run_id), settings)
        self.store_id = store.id
        self.open.append(Told(run, self.kept, self.safe))

    def log(self, told):
        for _ in range(self.dice.randint(1, 6)):
            number = self.next(told)
            told.record(number, told.run.log, values_of(number), number)

    def artifact(self, told):
        number = self.next(told)
        folder = self.source / str(number)
        for path, content in files_of(number).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        told.record(number, told.run.log_artifact, folder)

    def finish(self, told):
        told.finish(self.next(told))
        self.open.remove(told)

    def next(self, told):
        number = len(self.runs) + 1
        self.runs[number] = told.run.id
        return number


# -- looking at what is left ------------------------------------------------------------------


def look(root, story, *, cut):
    """Check all that is on a disk, and give the numbers of what was recorded there."""
    if not (root / STORE / "store.json").exists():
        assert not (story.safe if cut else story.kept), "the store is gone"
        return set()
    store = StoreFolder.open(root / STORE)
    assert not story.safe or store.id == story.store_id
    blobs = Blobs(store.blobs)
    with whole_blobs():
        for digest in blobs:
            blobs.verify(digest)
    found = Counter()
    for run_id in RUNS:
        for journal in journals(store.run(run_id)):
            for number in read(journal, blobs, whole=not (cut or story.cuts)):
                assert story.runs.get(number) == run_id, f"{number} was never recorded there"
                found[number] += 1
    assert not found or max(found.values()) == 1, "an event is there twice"
    lost = (story.safe if cut else story.kept) - set(found)
    assert not lost, f"lost: {sorted(lost)}"
    return set(found)


@contextlib.contextmanager
def whole_blobs():
    try:
        yield
    except ArtifactError as error:
        raise AssertionError(str(error)) from error


def read(journal, blobs, *, whole):
    """Numbers of what stands in a journal, which is right, in order, and missing nothing unsaid."""
    blocks = list(journal.blocks(alive=False))
    gaps = [gap for block in blocks for gap in block.gaps]
    assert not whole or all(gap.harmless for gap in gaps), gaps
    events = [event for block in blocks for event in block.events]
    seqs = [event.seq for event in events]
    missing = [n for gap in gaps if gap.first_seq for n in range(gap.first_seq, gap.last_seq + 1)]
    assert sorted(seqs + missing) == list(range(1, len(seqs + missing) + 1)), (seqs, gaps)
    assert seqs == sorted(seqs)
    _, marked = journal.extent()
    assert set(range(1, marked + 1)) <= set(seqs), f"a mark says {marked}, there are {seqs}"
    return [number for event in events if (number := right(event, blobs)) is not None]


def right(event, blobs):
    """The number of an event, which says what was recorded under it; a start has none."""
    match event:
        case Log():
            assert event.values == values_of(event.step)
            return event.step
        case Artifact():
            with whole_blobs():
                files = Manifest.load(blobs, event.manifest).files
                content = {entry.path: blobs.read(entry.digest, entry.size) for entry in files}
            assert content == files_of(int(event.name))
            return int(event.name)
        case Finish():
            return event.exit_code
        case _:
            assert isinstance(event, Start), event
            assert (event.project, event.name) == ("p", "n")
            return None


# -- the campaign -----------------------------------------------------------------------------


@contextlib.contextmanager
def quick():
    """No waiting, no threads: a story is the same each time that its seed is told."""
    with contextlib.ExitStack() as stack:
        for place, name, value in (
            (recording, "REOPEN_INTERVAL_S", 0.0), (writer_module, "RETRY_INTERVAL_S", 0.0),
            (steady, "_TICK_NS", 0), (Writer, "_start_thread", lambda _: None),
            (identity, "about", dict),
        ):  # fmt: skip
            stack.enter_context(mock.patch.object(place, name, value))
        yield Path(stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY)))


def campaign(seed):
    """One story, cut or killed a few times; raises AssertionError where something is wrong."""
    dice = random.Random(seed)
    with quick() as folder:
        story = Story(dice, folder / "source")
        root = folder / "0"
        root.mkdir()
        disk = Disk(root)
        for life in range(1, 1 + dice.randint(1, 3)):
            disk.last = disk.calls + dice.randrange(1, 140)
            story.live(disk)
            if dice.random() < 0.3:
                killed(disk, story)
            else:
                disk.cut(dice, folder / str(life))
                disk = Disk(folder / str(life))
                # What is found on a disk is on it: it must be there after the next cut too.
                story.safe = look(disk.root, story, cut=True)
                story.kept = set(story.safe)
                story.cuts += 1


def killed(disk, story):
    """The process died, the power is on; syncd makes what it left sure before it ships that."""
    found = look(disk.root, story, cut=False)
    if found and story.dice.random() < 0.5 and not disk.failures:
        disk.heal()
        with disk.installed():
            store = StoreFolder.open(disk.root / STORE)
            for run_id in RUNS:
                for journal in journals(store.run(run_id)):
                    journal.make_durable()
        story.safe |= found


def replayable(seed):
    try:
        campaign(seed)
    except BaseException:
        print(f"SOAK_SEED={seed} replays it")  # noqa: T201 - shown when it fails
        raise


@pytest.mark.timeout(60 + ROUNDS)
def test_whatever_a_power_cut_leaves_all_that_was_synced_is_read_back_once():
    for seed in range(SEED, SEED + ROUNDS):
        replayable(seed)


@pytest.mark.parametrize("cut", [True, False])
def test_a_store_whose_making_was_broken_off_is_made_by_the_next_and_keeps_what_that_syncs(cut):
    """Behind each call of the first `open` the process dies or the power goes."""
    for last, seed in itertools.product(range(20), range(10)):
        dice = random.Random(seed)
        with quick() as folder:
            (folder / "0").mkdir()
            disk = Disk(folder / "0")
            disk.last = last
            with disk.installed(), contextlib.suppress(PowerCut):
                StoreFolder.open(disk.root / STORE, create=True)
            made = disk.calls
            disk.heal()
            if cut:
                disk.cut(dice, folder / "1")
                disk = Disk(folder / "1")
            with disk.installed():
                store = StoreFolder.open(disk.root / STORE, create=True)
                writer = Writer(store.run(RUNS[0]), RUNS[0])
                assert writer.append(17, 1, {})
                assert writer.sync()
            disk.cut(dice, folder / "2")
            writer.abandon()
            left = StoreFolder.open(folder / "2" / STORE)
            (journal,) = journals(left.run(RUNS[0]))
            assert (left.id, [event.seq for event in journal.events()]) == (store.id, [1])
    assert made < last, "there are more calls than were tried"


def test_a_remote_that_was_added_is_there_after_a_power_cut():
    """And one that was there stays, whatever is left of a change that the cut met."""
    remote = RemoteSettings("mlflow", "http://lab.test")
    for seed in range(40):
        dice = random.Random(seed)
        with quick() as folder:
            (folder / "0").mkdir()
            disk = Disk(folder / "0")
            with disk.installed(), contextlib.suppress(PowerCut):
                store = StoreFolder.open(disk.root / STORE, create=True)
                add_remote(store, "lab", remote)
                disk.last = disk.calls + dice.randrange(6)
                add_remote(store, "other", RemoteSettings("mlflow", "http://other.test"))
            disk.cut(dice, folder / "1")
            left = load(StoreFolder.open(folder / "1" / STORE), {}).remotes
            assert left["lab"] == remote, seed
            assert set(left) <= {"lab", "other"}
