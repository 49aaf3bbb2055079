"""What doctor, show and ls say of files that are damaged, gone, or of a later version."""

from __future__ import annotations

import os

import pytest

from tests.e2e.recording import GOOD, document, record, strict, tracker
from tracker.events import Log, decode
from tracker.journal import Journal, Mark
from tracker.journal.record import PREAMBLE, decode_own, kind_of, scan, seed

SYNCED = """
import tracker
with tracker.init(project="digits", name="good") as run:
    for step in range(100):
        run.log({"loss": 1 / (step + 1)}, step=step)
        if step == 80:
            run.flush()
"""
LOST = 50


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


def journal_of(store):
    (segment,) = store.glob("journals/*/*.seg")
    return Journal(segment.parent, segment.name[:16])


def flip_before_the_mark(store):
    """Change one bit of an event that was synced; its place, length and sequence number."""
    journal = journal_of(store)
    data = bytearray(journal.path(1).read_bytes())
    value = seed(journal.folder.name, journal.writer_id, 1)
    records = list(scan(bytes(data), len(PREAMBLE), value))
    marks = [decode_own(payload) for _, _, payload in records if kind_of(payload) < 16]
    promised = max(mark.end for mark in marks if isinstance(mark, Mark))
    events = [(at, end, decode(payload)) for at, end, payload in records if kind_of(payload) >= 16]
    ((at, end, event),) = [found for found in events if getattr(found[2], "step", None) == LOST]
    assert isinstance(event, Log)
    assert end <= promised
    data[end - 3] ^= 4
    journal.path(1).write_bytes(data)
    return journal.path(1).name, at, end - at, event.seq


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def one_line(text):
    return " ".join(text.split())


def findings(store, *arguments):
    done = tracker(store, "doctor", *arguments, "--json")
    report = strict(done.stdout)
    assert report["exit_code"] == done.returncode
    return done.returncode, report["findings"]


@pytest.mark.parametrize("deep", [[], ["--deep"]])
def test_doctor_names_file_offset_and_number_of_a_damaged_event_and_ends_with_3(store, deep):
    assert record(store, SYNCED) == 0
    if deep:
        tracker(store, "ls")  # the index read it while it was whole, and does not look again
    file, offset, length, seq = flip_before_the_mark(store)

    done = tracker(store, "doctor", *deep)
    code, found = findings(store, *deep)

    place = f"corruption in {file} at byte {offset}, {length} bytes, event {seq} lost"
    (damage,) = [finding for finding in found if finding["level"] == "damage"]
    assert done.returncode == code == 3
    assert place in one_line(done.stdout)
    assert damage["facts"]["places"] == [
        {
            "file": file, "offset": offset, "length": length, "kind": "corruption",
            "first_seq": seq, "last_seq": seq,
        }
    ]  # fmt: skip
    assert damage["facts"]["events_lost"] == 1
    assert document(store, "show", "good")["metrics"]["loss"]["count"] == (100 if deep else 99)


@pytest.mark.parametrize("which", ["content", "manifest"])
@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_doctor_deep_names_a_damaged_or_lost_blob_and_ends_with_3(store, which, how):
    assert record(store, GOOD) == 0
    manifest = document(store, "show", "good")["artifacts"][0]["manifest"]
    (blob,) = [
        path
        for path in store.glob("blobs/??/*")
        if (path.name == manifest) == (which == "manifest")
    ]
    assert findings(store, "--deep")[0] != 3
    flip(blob) if how == "damaged" else blob.unlink()

    done = tracker(store, "doctor", "--deep")
    code, found = findings(store, "--deep")

    (damage,) = [finding for finding in found if finding["level"] == "damage"]
    assert done.returncode == code == 3
    assert "model.bin:v0" in done.stdout
    assert blob.name in "".join(done.stdout.split())
    assert damage["area"] == "artifacts"
    assert damage["facts"]["manifest"] == manifest
    assert which == "manifest" or damage["facts"]["path"] == "model.bin"


def test_a_damaged_blob_of_no_artifact_is_named_too(store):
    assert record(store, GOOD) == 0
    (store / "blobs" / "00").mkdir(exist_ok=True)
    (store / "blobs" / "00" / ("0" * 64)).write_bytes(b"not what it is called")

    code, found = findings(store, "--deep")

    (damage,) = [finding for finding in found if finding["level"] == "damage"]
    assert code == 3
    assert damage["facts"] == {"blob": "0" * 64}


@pytest.mark.parametrize("seen", ["before", "never"])
def test_a_journal_of_a_newer_format_is_refused_by_name_and_version_and_left_alone(store, seen):
    assert record(store, GOOD) == 0
    if seen == "before":
        tracker(store, "ls")
    segment = journal_of(store).path(1)
    segment.unlink()
    segment.write_bytes(b"TRKSEG" + (9).to_bytes(2, "little") + os.urandom(3000))
    before = segment.read_bytes(), segment.stat()

    run = segment.parent.name
    ls, doctor, show = (tracker(store, *args) for args in (["ls"], ["doctor"], ["show", run]))
    code, found = findings(store)

    words = f"{segment.name} has the newer format 9, this version reads up to 1"
    (todo,) = [
        finding for finding in found if finding["area"] == "runs" and finding["level"] == "todo"
    ]
    assert ls.returncode == show.returncode == 0
    assert words in ls.stderr
    assert words in one_line(doctor.stdout)
    assert "pip install --upgrade tracker-syncd" in ls.stderr
    assert "pip install --upgrade tracker-syncd" in doctor.stdout
    assert f"newer format 9 in {segment.name}" in one_line(show.stdout)
    assert "pip install --upgrade tracker-syncd" in one_line(show.stdout)
    assert doctor.returncode == code == 1
    assert todo["facts"]["files"] == [segment.name]
    assert (segment.read_bytes(), segment.stat().st_mtime_ns) == (before[0], before[1].st_mtime_ns)
