"""The process behind tests/doubles/calls.c: a forked child for each case, and one that looks.

A line of JSON on standard input names a case; one on standard output says which calls were
made, and what the fresh look at the disk found to be wrong.
"""

from __future__ import annotations

import errno
import gc
import itertools
import json
import mmap
import os
import shutil
import signal
import struct
import sys
import tempfile
import traceback
from pathlib import Path

import platformdirs

import tracker
import tracker.index.history
import tracker.index.sheets
from tests.doubles.calls import (
    FAIL,
    KILL_AFTER,
    KILL_BEFORE,
    LIE,
    SEAM_KINDS,
    SHORT,
    Preloaded,
    Seams,
)
from tests.doubles.failing_files import LIE as SEAM_LIE
from tests.doubles.failing_files import SHORT as SEAM_SHORT
from tests.doubles.failing_files import FailingFiles
from tests.unit.index.stories import dump
from tracker import recording
from tracker.artifacts import Blobs, Manifest
from tracker.errors import StoreError
from tracker.events import Artifact, Config, Finish, Log
from tracker.index import Index, catchup
from tracker.journal import Files, Writer, WriterBroken, journals
from tracker.journal import writer as writer_module
from tracker.query import Store
from tracker.store import StoreFolder

LIMIT_S = 60
LOG = 17
RUN = "run"
AFTER = 5
ONE_FILE, A_FOLDER = "weights", "data"


def begin(place, *, run_id=RUN, segment_bytes=100_000, **options):
    os.environ["TRACKER_SEGMENT_BYTES"] = str(segment_bytes)
    return tracker.init("p", id=run_id, dir=place.store, **options)


def log_some(run, values):
    for value in values:
        run.log({"v": value})
    return [("log", value) for value in values]


# A story makes its preparations and yields what was recorded by then. From there on the disk is
# watched; after each thing that returned it yields the run, what it was, and what is to be found.


def init(place):
    yield []
    run = begin(place, config={"a": 1})
    yield run, "config", 1
    run.log({"v": 0})
    yield run, "log", 0


def log(place):
    run = begin(place)
    yield []
    for value in range(8):
        run.log({"v": value})
        yield run, "log", value
        if value % 3 == 2:
            yield run, "sync", run.flush()


def rotation(place):
    run = begin(place, segment_bytes=330)
    yield []
    for value in range(12):
        run.log({"v": value})
        yield run, "log", value
        if value % 5 == 4:
            yield run, "sync", run.flush()


def artifact_of_a_file(place):
    run = begin(place)
    yield []
    yield run, "artifact", run.log_artifact(place.sources / ONE_FILE)
    run.log({"v": 0})
    yield run, "log", 0


def artifact_of_a_folder(place):
    run = begin(place)
    yield []
    yield run, "artifact", run.log_artifact(place.sources / A_FOLDER)


def projection(place):
    run = begin(place)
    before = log_some(run, range(20))
    log_some(other := begin(place, run_id="other", segment_bytes=400), range(20))
    other.finish()
    yield before
    yield run, "read", len(Store(place.store).runs())


def projection_of_what_is_new(place):
    run = begin(place)
    before = log_some(run, range(5))
    Store(place.store).runs()
    before += log_some(run, range(5, 10))
    begin(place, run_id="other").finish()
    yield before
    yield run, "read", len(Store(place.store).runs())


def finish(place):
    run = begin(place)
    before = log_some(run, [0])
    yield before
    run.summary["best"] = 1
    yield run, "summary", 1
    run.finish()
    yield run, "finish", "finished"


STORIES = {
    story.__name__: story
    for story in (
        init, log, rotation, artifact_of_a_file, artifact_of_a_folder, projection,
        projection_of_what_is_new, finish,
    )
}  # fmt: skip


class Place:
    """Where a case takes place: the disk that fails, and what lies beside it."""

    def __init__(self, root, sources):
        self.disk = root / "disk"
        self.store = self.disk / "store"
        self.report = root / "report"
        self.elsewhere = root / "elsewhere"
        self.sources = sources
        self.disk.mkdir()
        self.elsewhere.mkdir()


def make_sources(folder):
    (folder / A_FOLDER / "deep").mkdir(parents=True)
    (folder / ONE_FILE).write_bytes(bytes(range(256)) * 20)
    for number, name in enumerate(("a", "b", "deep/c")):
        (folder / A_FOLDER / name).write_bytes(bytes([number]) * 3000)


class Player:
    """In the child: plays a story, and notes on the shared page what returned and was kept."""

    def __init__(self, place, page, calls):
        self.place, self.page, self.calls = place, page, calls
        self.told = []
        self.run = None

    def play(self, story, arm):
        writer_module.RETRY_INTERVAL_S = recording.REOPEN_INTERVAL_S = 0.0
        catchup.COMMIT_INTERVAL_S = 3600.0  # however slow the machine, the calls are the same
        acts = STORIES[story](self.place)
        self.told = [(what, value, True) for what, value in next(acts)]
        self.note()
        self.calls.arm(self.place.disk, **arm)
        try:
            for self.run, what, value in acts:
                self.tell(what, value)
        except StoreError:  # reading may say so; nothing that records does
            if not story.startswith("projection"):
                raise
        seen = self.calls.seen()
        self.calls.disarm()
        if arm.get("act") is not None:
            self.go_on()
        self.report(seen)

    def tell(self, what, value):
        lost = sum(self.run._recording.dropped.values())
        earlier = sum(not kept for _, _, kept in self.told)
        if (
            self.run.store is not None and lost < earlier
        ):  # what was put off of the config is kept with the run's end
            self.told = [(w, v, kept or w == "config") for w, v, kept in self.told]
            earlier -= 1
        kept = self.run.store is not None and lost == earlier and value is not None
        self.told.append((what, value, kept))
        assert lost <= earlier + 1 or self.run.store is None or len(self.told) == 1
        self.note()

    def note(self):
        """On the page, which outlives this process."""
        text = json.dumps(self.told).encode()
        self.page[8 : 8 + len(text)] = text
        self.page[:8] = struct.pack("<Q", len(text))

    def go_on(self):
        """The disk is well again: from here on all is kept."""
        run = self.run
        if run is None or run._recording.finished:
            return
        for value in (100, 101):
            run.log({"v": value})
            self.tell("log", value)
        run.finish()
        self.tell("finish", "finished")
        if run.store is not None:
            assert all(kept for _, _, kept in self.told[-3:]), "it did not go on"

    def report(self, seen):
        about = {"seen": seen, "told": self.told}
        if self.run is not None and self.run.store is not None:
            about["events"] = self.run._recording.kept
        self.place.report.write_text(json.dumps(about))


class Look:
    """A fresh look at what a case left on the disk.

    `told` is what returned, and whether it was kept; `under_way` what may have been done too;
    `also` what is looked at besides the events: "index", "artifacts".
    """

    def __init__(self, place, told, under_way, also):
        self.place, self.told, self.under_way, self.also = place, told, under_way, also
        self.folder = None
        self.found = []

    def all_is_well(self):
        if (self.place.store / "store.json").exists():
            self.folder = StoreFolder.open(self.place.store)
            self.read()
            for what in ("config", "log", "artifact", "finish"):
                self.is_there_once(what)
            self.blobs_are_whole()
            if "index" in self.also:
                Store(self.place.store).runs()
        else:
            assert not any(kept for _, _, kept in self.told), self.told
        self.the_run_goes_on()
        if "index" in self.also:
            self.the_index_is_as_one_made_anew()

    def read(self):
        """Every event of the run: gaps are harmless, numbers have no holes."""
        self.found = []
        for journal in journals(self.folder.run(RUN)):
            blocks = list(journal.blocks())
            bad = [gap for block in blocks for gap in block.gaps if not gap.harmless]
            assert not bad, bad
            events = [event for block in blocks for event in block.events]
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            self.found += events

    def values(self, what):
        """What is found of one kind."""
        kind, field = {
            "config": (Config, "values"), "log": (Log, "values"),
            "artifact": (Artifact, "manifest"), "finish": (Finish, "status"),
        }[what]  # fmt: skip
        found = [getattr(event, field) for event in self.found if isinstance(event, kind)]
        return [next(iter(value.values())) if isinstance(value, dict) else value for value in found]

    def is_there_once(self, what):
        sure = [value for told, value, kept in self.told if told == what and kept]
        perhaps = [value for told, value in self.under_way if told == what]
        found = sorted(self.values(what))
        assert found in (sorted(sure), sorted(sure + perhaps)), (what, found, sure, perhaps)

    def blobs_are_whole(self):
        blobs = Blobs(self.folder.blobs)
        for digest in blobs:
            blobs.verify(digest)
        for digest in self.values("artifact"):
            for entry in Manifest.load(blobs, digest).files:
                blobs.verify(entry.digest)

    def the_run_goes_on(self):
        """Resumed, it keeps all there was, and the artifacts can be put again."""
        before = self.values("log")
        run = tracker.init("p", id=RUN, dir=self.place.store)
        run.log({"v": 999})
        names = (ONE_FILE, A_FOLDER) if "artifacts" in self.also else ()
        digests = [run.log_artifact(self.place.sources / name) for name in names]
        run.finish()
        assert not run._recording.dropped
        self.folder = StoreFolder.open(self.place.store)
        self.read()
        assert sorted(self.values("log")) == sorted([*before, 999])
        assert not names or self.values("artifact")[-2:] == digests
        self.blobs_are_whole()

    def the_index_is_as_one_made_anew(self):
        store = Store(self.place.store)
        assert store.run(RUN).status == "finished"
        anew = StoreFolder(self.folder.root, self.folder.id)
        anew.index = self.place.elsewhere / "index.db"
        index = Index(anew)
        index.catch_up()
        assert dump(store.index) == dump(index)


def write_all(folder, files):
    """What becomes of 30 events: by what was reported, and by what is read."""
    writer, kept, dropped, refused = None, [], 0, 0
    for value in range(30):
        for _ in range(2):
            try:
                if writer is None:
                    writer = Writer(folder / RUN, RUN, segment_bytes=400, files=files)
                if writer.append(LOG, value, {"v": value}):
                    kept.append(value)
            except WriterBroken:
                writer.close(final=False)
                dropped, writer = dropped + writer.dropped[LOG], None
                continue
            except OSError:  # no writer to be had
                refused += 1
            break
        if writer is not None and value % 7 == 6:
            writer.sync()
    if writer is not None:
        writer.close()
        dropped += writer.dropped[LOG]
    there = journals(folder / RUN)
    events = [event.values["v"] for journal in there for event in journal.events()]
    return {"kept": kept, "dropped": dropped, "refused": refused, "read": events}


class Server:
    """Plays cases, each in a child of its own, so that none knows of another."""

    def __init__(self, folder, calls):
        self.folder, self.calls = folder, calls
        self.sources = folder / "sources"
        self.page = mmap.mmap(-1, 1 << 16)
        self.stories = {}
        make_sources(self.sources)

    def answer(self, story, also=("index", "artifacts"), **arm):
        """Play a case; what was seen, and what went wrong ("" for nothing)."""
        root = Path(tempfile.mkdtemp(dir=self.folder))
        place = Place(root, self.sources)
        self.page[:10] = struct.pack("<Q", 2) + b"[]"
        died, trouble = self.child(lambda: Player(place, self.page, self.calls).play(story, arm))
        kills = arm.get("act") in (KILL_BEFORE, KILL_AFTER)
        if not trouble and died != (signal.SIGKILL if kills else 0):
            trouble = f"it died of {died}"
        seen = []
        if not trouble and not kills:
            seen = json.loads(place.report.read_text())["seen"]
        told = json.loads(self.page[8 : 8 + struct.unpack("<Q", self.page[:8])[0]])
        if not arm:
            self.stories[story] = [(what, value) for what, value, _ in told]
        if not trouble:
            under_way = self.stories[story][len(told) :][:1] if kills else []
            died, trouble = self.child(Look(place, told, under_way, also).all_is_well)
            if died:
                trouble = f"the look died of {died}"
        shutil.rmtree(root)
        return {"seen": seen, "trouble": trouble}

    def compare(self, name, error):
        """Fail a call of a writer at the seam, and then for real: the same must come of it."""
        root = Path(tempfile.mkdtemp(dir=self.folder))
        died, trouble = self.child(lambda: self.compare_all(root, name, error))
        shutil.rmtree(root)
        return {"trouble": trouble or (f"it died of {died}" if died else "")}

    def compare_all(self, root, name, error):
        writer_module.RETRY_INTERVAL_S = 0.0
        act, number = {SEAM_SHORT: (SHORT, 0), SEAM_LIE: (LIE, errno.EIO)}.get(error, (FAIL, error))
        for times, after in itertools.product((1, None), range(AFTER)):
            at_seam, real = (root / f"{times}-{after}-{where}" for where in ("seam", "real"))
            real.mkdir()
            files = FailingFiles()
            files.fail(name, error, times=times, after=after)
            expected = write_all(at_seam, files)
            self.calls.arm(
                real, after + 1, act, number, onward=times is None, kinds=(SEAM_KINDS[name],)
            )
            found = write_all(real, Files())
            self.calls.disarm()
            assert found == expected, (name, error, times, after, found, expected)

    def child(self, act):
        """Do `act` in a forked child; the signal that it died of, and its traceback."""
        (_the_only_thread,) = Path("/proc/self/task").iterdir()  # a fork would lose others
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            signal.alarm(LIMIT_S)
            try:
                act()
            except BaseException:  # noqa: BLE001 - whatever it is, the parent is to say it
                os.write(writing, traceback.format_exc().encode()[-20_000:])
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            trouble = pipe.read().decode()
        _, status = os.waitpid(pid, 0)
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, trouble


if __name__ == "__main__":
    os.environ.update(TRACKER_SILENT="1", TRACKER_SYNC_INTERVAL_S="3600")
    gc.disable()  # when it closes the database of a store is chance, and shows in the calls
    platformdirs.user_config_dir()  # it imports what it needs when it is asked first
    ways = {"preloaded": Preloaded, "seams": Seams}
    server = Server(Path(sys.argv[2]), ways[sys.argv[1]]())
    for line in sys.stdin:
        case = json.loads(line)
        answer = server.compare(**case) if "name" in case else server.answer(**case)
        print(json.dumps(answer), flush=True)  # noqa: T201 - the answer to who asked
