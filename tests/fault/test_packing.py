"""Packing: whatever dies, fails or is damaged, one whole copy stands and no wrong event is read."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tracker
from tests.doubles.watched_files import CALLS, WatchedFiles
from tests.fault.test_journal_damage import MASKS, RUN, START, TAILS, damaged, lost, read, write
from tracker.events import Log
from tracker.journal import Files, Journal, Position, Writer, journals, packer, packing
from tracker.journal.packing import PACKED, Pack, packed
from tracker.journal.record import PREAMBLE, kind_of, scan, seed

ROOT = Path(__file__).parents[2]
LOG = 17
SOAK = "SOAK" in os.environ
ROUNDS = int(os.environ.get("SOAK_ROUNDS", "40"))
SEED = int(os.environ.get("SOAK_SEED", "2026"))
EVENTS = range(1, 13)
ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES)


def value(journal, number):
    return seed(journal.folder.name, journal.writer_id, number)


def pack_all(journal):
    """Pack in place, however small a segment is."""
    for number in journal.segments():
        content = packed(journal.path(number).read_bytes(), value(journal, number))
        assert content is not None
        journal.path(number).write_bytes(content)


def is_packed(path):
    return path.read_bytes()[:8] == PACKED


def parts(data, start):
    """Where the records of a packed segment are, and the raw bytes that each stands for."""
    found, raw = [(0, 8, 0, 8)], 8
    for at, end, payload in scan(data, 8, start):
        if kind_of(payload) == packing.PACK:
            pack = packing._decode(payload)
            found.append((at, end, pack.offset, pack.offset + pack.length))
        else:
            found.append((at, end, raw, raw + end - at))
        assert found[-1][2] == raw
        raw = found[-1][3]
    return found


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Two raw segments of twelve events."""
    return write(tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def sound(raw, tmp_path_factory):
    """The same, packed, with about two events in a pack."""
    folder = tmp_path_factory.mktemp("packed") / RUN
    shutil.copytree(raw.folder, folder)
    journal = Journal(folder, raw.writer_id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "PACK_BYTES", 100)
        pack_all(journal)
    assert all(is_packed(journal.path(n)) for n in (1, 2))
    assert len(parts(journal.path(1).read_bytes(), value(journal, 1))) > 5
    return journal


@pytest.fixture
def copy(sound, tmp_path):
    folder = tmp_path / RUN
    shutil.copytree(sound.folder, folder)
    return Journal(folder, sound.writer_id)


@pytest.fixture(scope="module")
def held(raw, sound):
    """Per segment: (start, end, raw start, raw end, events) of each of its records."""
    where, seq = {}, 0
    for number in (1, 2):
        records = []
        for _, end, payload in scan(raw.path(number).read_bytes(), 8, value(raw, number)):
            seq += kind_of(payload) >= 16
            records.append((end, seq if kind_of(payload) >= 16 else None))
        where[number] = [
            (*part, {event for end, event in records if event and part[2] < end <= part[3]})
            for part in parts(sound.path(number).read_bytes(), value(sound, number))
        ]
    return where


# -- damage --------------------------------------------------------------------------------


def test_a_packed_journal_reads_as_the_raw_one_from_every_position(raw, sound):
    positions = [START]
    for number in (1, 2):
        for _, end, _ in scan(raw.path(number).read_bytes(), 8, value(raw, number)):
            positions.append(Position(number, end, 0))
    for start in positions:
        for alive in (True, False):
            mine, other = (list(j.blocks(start, alive=alive)) for j in (raw, sound))
            assert mine == other
        assert raw.extent(start) == sound.extent(start)
    for number in (1, 2):
        assert raw.segment_header(number) == sound.segment_header(number)
        assert raw.size(number) == sound.size(number)
        whole = raw.path(number).read_bytes()
        for offset in (0, 1, 8, 100, len(whole) - 1, len(whole)):
            assert sound.read(number, offset)[:2] == (whole[offset:], len(whole))


@pytest.mark.parametrize("mask", range(1, 256) if SOAK else MASKS)
def test_any_byte_of_a_packed_segment_changed_costs_its_pack_and_is_reported(
    sound, copy, held, mask
):
    for number in (1, 2):
        whole = sound.path(number).read_bytes()
        for at, end, raw_at, raw_end, gone in held[number]:
            for offset in range(at, end):
                bad = bytearray(whole)
                bad[offset] ^= mask
                copy.path(number).write_bytes(bad)
                events, gaps, _, _ = read(copy)
                assert set(events) == set(EVENTS) - gone, (number, offset)
                assert lost(gaps) == gone, (number, offset)
                (gap,) = gaps
                assert (gap.file, gap.offset) == (copy.path(number).name, raw_at)
                assert gap.length == raw_end - raw_at
                # The seal of the first segment says nothing that the header behind it does not.
                assert gap.harmless == (number == 1 and end == len(whole)), (offset, gap)
        copy.path(number).write_bytes(whole)


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
@pytest.mark.parametrize("number", [1, 2])
def test_a_packed_segment_cut_anywhere_gives_all_packs_before_the_cut_and_says_so(
    sound, copy, held, number, tail
):
    whole = sound.path(number).read_bytes()
    others = {seq for *_, gone in held[3 - number] for seq in gone}
    for length in range(len(whole)):
        data = whole[:length] + tail
        if data.startswith(whole):  # one time in 256 a tail begins as what was cut off
            continue
        copy.path(number).write_bytes(data)
        events, gaps, _, ended = read(copy)
        intact = [part for part in held[number] if data[: part[1]] == whole[: part[1]]]
        kept = {seq for *_, gone in intact for seq in gone}
        assert set(events) == kept | others, length
        missing = set(EVENTS) - set(events)
        assert lost(gaps) == (missing if number == 1 else set()), (length, gaps)
        assert gaps, length
        assert ended == (number == 1)
        # Only what is no longer known for packed can be taken for a raw one's torn tail.
        assert not missing or length < 8 or not all(gap.harmless for gap in gaps), (length, gaps)


def test_a_pack_and_the_header_or_preamble_damaged_together_are_still_reported(sound, copy, held):
    """The damage of a lone pack leaves header and seal, which tell what is lost."""
    for number in (1, 2):
        whole = bytearray(sound.path(number).read_bytes())
        for first in (0, 4, 7, 20):
            for at, end, *_, gone in held[number][2:-1]:
                bad = bytearray(whole)
                bad[first] ^= 0x55
                bad[(at + end) // 2] ^= 0x55
                copy.path(number).write_bytes(bad)
                events, gaps, _, _ = read(copy)
                assert set(events) == set(EVENTS) - gone
                assert lost(gaps) == gone
                assert not any(gap.harmless for gap in gaps)
        copy.path(number).write_bytes(whole)


@pytest.mark.parametrize("first", [None, 0, 3, 7, 20])
def test_the_only_pack_of_a_segment_damaged_is_reported_with_its_events(raw, tmp_path, first):
    """Nothing is left then that tells how large the raw segment was."""
    folder = tmp_path / RUN
    shutil.copytree(raw.folder, folder)
    journal = Journal(folder, raw.writer_id)
    pack_all(journal)
    for number in (1, 2):
        whole = journal.path(number).read_bytes()
        (_, (_, header, *_), (at, end, *_), _) = parts(whole, value(journal, number))
        for offset in (at, at + 3, at + 8, (at + end) // 2, end - 1):
            bad = bytearray(whole)
            bad[offset] ^= 0x20
            if first is not None:
                bad[first] ^= 0x20
            journal.path(number).write_bytes(bad)
            events, gaps, _, _ = read(journal)
            assert set(events) | lost(gaps) == set(EVENTS)
            assert not set(events) & lost(gaps)
            assert len(events) < 12
            assert any(not gap.harmless for gap in gaps), gaps
        journal.path(number).write_bytes(whole[:header])  # silence where packs should be
        events, gaps, _, _ = read(journal)
        assert gaps
        assert not any(gap.harmless for gap in gaps)
        journal.path(number).write_bytes(whole)


def test_random_damage_of_packed_segments_never_gives_a_wrong_event(sound, copy):
    print("seed", SEED)  # noqa: T201 - shown when it fails
    dice = random.Random(SEED)
    for _ in range(10 * ROUNDS):
        for number in (1, 2):
            data = damaged(sound.path(number).read_bytes(), dice)
            copy.path(number).write_bytes(data)
        events, gaps, _, _ = read(copy)
        missing = set(EVENTS) - set(events)
        assert lost(gaps) <= missing
        assert gaps or not missing


def test_raw_and_packed_segments_in_each_others_place_give_nothing(raw, sound, copy):
    copy.path(1).write_bytes(sound.path(2).read_bytes())
    copy.path(2).write_bytes(raw.path(1).read_bytes())
    events, gaps, _, _ = read(copy)
    assert not events
    assert not any(gap.harmless for gap in gaps[:1])


def test_a_newer_packed_form_is_said_by_that_name_and_left_alone(copy):
    newer = PACKED[:6] + (9).to_bytes(2, "little") + b"who knows what" * 20
    copy.path(2).write_bytes(newer)
    _, gaps, _, _ = read(copy)
    assert [gap.kind for gap in gaps] == ["newer format 9"]
    assert not packer.pack_segment(copy, 2)
    assert copy.path(2).read_bytes() == newer


# -- the swap ------------------------------------------------------------------------------


@pytest.fixture
def large(tmp_path):
    """A dead writer's journal with segments that are worth packing."""
    return write(tmp_path, events=1200, segment_bytes=20_000)


def temporaries(journal):
    return [p for p in journal.folder.iterdir() if p.suffix == ".tmp"]


def whole(journal, events=1200):
    """Everything reads as it was logged, whichever form stands there."""
    found, gaps, _, ended = read(journal)
    return sorted(found) == list(range(1, events + 1)) and not gaps and ended


def moments(journal):
    """Every call of packing one segment, before and after."""
    found = []
    assert packer.pack_segment(journal, 1, WatchedFiles(lambda *moment: found.append(moment)))
    return found


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.doubles.watched_files import WatchedFiles
from tracker.journal import Journal, packer
left = int(sys.argv[3])
def act(name, when):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
packer.pack_segment(Journal(Path(sys.argv[1]), sys.argv[2]), 1, WatchedFiles(act))
"""


def test_killed_at_any_system_call_of_packing_one_whole_copy_stands(large):
    """And what is left over goes with the next look, when the segment is packed after all."""
    before = large.path(1).read_bytes()
    calls = moments(large)
    names = ["create", "write", "resemble", "sync", "close", "replace", "sync_folder"]
    assert calls == [(name, when) for name in names for when in ("before", "after")]
    for number in range(len(calls)):
        large.path(1).write_bytes(before)
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(large.folder), large.writer_id, str(number)],
            cwd=ROOT, check=False, capture_output=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, (number, done.stderr)
        place = calls.index(("replace", "after"))
        assert is_packed(large.path(1)) == (number >= place), calls[number]
        assert whole(large), calls[number]
        assert len(temporaries(large)) == (0 < number < place), calls[number]
        packer.sweep(large.folder)
        assert temporaries(large) == []
        assert packer.pack_segment(large, 1) == (number < place)
        assert is_packed(large.path(1))
        assert whole(large)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", CALLS[:-1])
def test_any_system_call_of_packing_that_fails_leaves_a_whole_copy(large, name, when):
    before = large.path(1).read_bytes()
    for error in (*ERRORS, "interrupted"):
        large.path(1).write_bytes(before)

        def act(*moment, error=error):
            if moment == (name, when):
                raise KeyboardInterrupt if error == "interrupted" else OSError(error, "broken")

        with pytest.raises((OSError, KeyboardInterrupt)):
            packer.pack_segment(large, 1, WatchedFiles(act))
        if not is_packed(large.path(1)):
            assert large.path(1).read_bytes() == before
        assert whole(large)
        if (name, when) != ("create", "after"):
            assert temporaries(large) == []
        assert is_packed(large.path(1)) or packer.pack_segment(large, 1)
        assert whole(large)
        packer.sweep(large.folder)


def test_a_write_cut_short_or_changed_on_its_way_never_takes_the_raw_ones_place(large):
    before = large.path(1).read_bytes()
    for change in (lambda data: data[:-1], lambda data: data[:99] + b"\0" + data[100:]):
        files = Files()
        files.write = lambda fd, data, change=change: os.write(fd, change(data))
        with pytest.raises(OSError, match=r"No space left|reads otherwise"):
            packer.pack_segment(large, 1, files)
        assert large.path(1).read_bytes() == before
        assert temporaries(large) == []


def test_a_full_disk_is_left_to_those_who_record(large, monkeypatch):
    size = large.path(1).stat().st_size
    usage = shutil.disk_usage(large.folder)._replace(free=2 * size - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match="No space left"):
        packer.pack(large)
    assert not is_packed(large.path(1))
    assert whole(large)


def test_a_failed_unlink_leaves_a_file_that_readers_pass_over(large):
    def act(name, when):
        if name in ("replace", "unlink") and when == "before":
            raise OSError(errno.EIO, "broken")

    with pytest.raises(OSError, match="broken"):
        packer.pack_segment(large, 1, WatchedFiles(act))
    assert len(temporaries(large)) == 1
    assert whole(large)
    packer.sweep(large.folder)
    assert temporaries(large) == []


def test_a_temporary_that_a_writer_or_a_packer_still_makes_is_not_swept(large):
    writers = large.folder / f"{'1' * 16}-000001.1.tmp"
    writers.write_bytes(PREAMBLE)
    seen = []

    def act(name, when):
        if (name, when) == ("sync", "before"):
            packer.sweep(large.folder)
            seen.extend(temporaries(large))

    assert packer.pack_segment(large, 1, WatchedFiles(act))
    assert len(seen) == 2
    assert temporaries(large) == [writers]


def test_a_dead_writer_never_looks_alive_while_its_first_segment_is_packed(large):
    seen = []
    packer.pack_segment(
        large, 1, WatchedFiles(lambda *moment: seen.append((moment, large.alive())))
    )
    assert seen
    assert not any(alive for _, alive in seen), seen


def test_packing_keeps_mode_and_times_of_a_segment(large):
    large.path(1).chmod(0o640)
    os.utime(large.path(1), ns=(10**18, 10**18 + 1))
    assert packer.pack_segment(large, 1)
    about = large.path(1).stat()
    assert (about.st_mode & 0o777, about.st_mtime_ns) == (0o640, 10**18 + 1)


def test_a_segment_of_somebody_else_stays_as_it_is(large, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert not packer.pack_segment(large, 1)
    assert not is_packed(large.path(1))


# -- who is packed -------------------------------------------------------------------------


def test_only_sound_sealed_segments_of_the_dead_are_packed(large):
    numbers = large.segments()
    assert packer.packable(large) == numbers[:-1] or packer.packable(large) == numbers
    damaged = bytearray(large.path(2).read_bytes())
    damaged[9000] ^= 1
    large.path(2).write_bytes(damaged)
    cut = large.path(3).read_bytes()[:-1]
    large.path(3).write_bytes(cut)
    large.path(4).unlink()
    large.path(4).symlink_to(large.path(1))
    assert packer.pack(large) >= len(numbers) - 4
    assert packer.pack(large) == 0
    assert large.path(2).read_bytes() == damaged
    assert large.path(3).read_bytes() == cut
    assert large.path(4).is_symlink()


def test_a_live_writers_first_and_last_segments_and_its_lock_stay(tmp_path):
    writer = Writer(tmp_path / RUN, RUN, segment_bytes=10_000, sync_interval_s=3600)
    for n in range(1, 601):
        writer.append(LOG, n, {"loss": n / 8, "name": f"text {n}"})
    journal = Journal(writer.folder, writer.id)
    numbers = journal.segments()
    assert packer.pack(journal) == len(numbers) - 2
    assert [is_packed(journal.path(n)) for n in numbers] == [
        False,
        *[True] * (len(numbers) - 2),
        False,
    ]
    assert journal.alive()
    writer.append(LOG, 601, {"loss": 601 / 8, "name": "text 601"})
    assert writer.sync()
    writer.close()
    assert not journal.alive()
    assert packer.pack(journal) >= 1
    assert is_packed(journal.path(1))
    assert whole(journal, 601)


def test_where_no_lock_tells_who_lives_nothing_is_packed(tmp_path, monkeypatch):
    monkeypatch.setattr("tracker.journal.liveness.hold", lambda _: False)
    journal = write(tmp_path, events=1200, segment_bytes=20_000)
    assert packer.packable(journal) == []
    monkeypatch.undo()
    locked = write(tmp_path / "locked", events=1200, segment_bytes=20_000)
    assert packer.packable(locked)
    monkeypatch.setattr("tracker.journal.liveness.held", lambda _: None)
    assert packer.packable(locked) == []


# -- while others work ---------------------------------------------------------------------

PACKING = """
import sys, time
from pathlib import Path
from tracker.journal import Journal, packer
journal = Journal(Path(sys.argv[1]), sys.argv[2])
while not Path(sys.argv[3]).exists():
    try:
        packer.sweep(journal.folder)
        packer.pack(journal)
    except OSError as error:  # another one sweeps
        print(error, flush=True)
    time.sleep(0.001)
packer.pack(journal)
"""


@pytest.fixture
def packers(tmp_path):
    """Starts processes that pack a journal again and again until they are told to end."""
    started, stop = [], tmp_path / "stop"

    def start(journal):
        command = [sys.executable, "-c", PACKING, str(journal.folder), journal.writer_id, str(stop)]
        started.append(subprocess.Popen(command, cwd=ROOT))

    def end():
        stop.touch()
        assert [process.wait(60) for process in started] == [0] * len(started)

    yield start, end
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_a_live_writer_is_packed_by_two_processes_while_a_follower_reads_all_once(
    tmp_path, packers
):
    print("seed", SEED)  # noqa: T201 - shown when it fails
    dice, (start, end) = random.Random(SEED), packers
    writer = Writer(tmp_path / RUN, RUN, segment_bytes=10_000, sync_interval_s=0.01)
    journal = Journal(writer.folder, writer.id)
    start(journal)
    start(journal)
    n, seen, position, limit = 0, [], START, time.monotonic() + 60 + ROUNDS
    while n < 200 * ROUNDS or sum(is_packed(journal.path(k)) for k in journal.segments()) < 10:
        assert time.monotonic() < limit
        for _ in range(dice.randint(1, 400)):
            n += 1
            assert writer.append(LOG, n, {"loss": n / 8, "name": f"text {n}"})
        events, gaps, position, _ = read(journal, position, alive=True)
        assert not gaps
        seen += sorted(events)
        assert journal.alive()
        assert journal.extent(position)[0] == n
    assert not is_packed(journal.path(1))
    writer.close()
    while not is_packed(journal.path(1)):
        assert time.monotonic() < limit
        time.sleep(0.01)
    events, gaps, _, ended = read(journal, position)
    assert (seen + sorted(events), gaps, ended) == (list(range(1, n + 1)), [], True)
    end()
    assert whole(journal, n)
    assert temporaries(journal) == []


def test_a_reader_of_a_segment_that_is_swapped_goes_on(large):
    """The whole segment was read when it was opened; from its positions the packed one is read."""
    blocks = [block for j in (large,) for block in j.blocks(alive=False)]
    ends = [block.end for block in blocks]
    assert packer.pack(large) > 1
    for end in [*ends, Position(2, large.segment_header(3).previous_end, 0)]:
        events = [e.seq for block in large.blocks(end, alive=False) for e in block.events]
        assert events == list(range(1201 - len(events), 1201))


# -- bounds --------------------------------------------------------------------------------


def crafted(journal, *packs):
    """A packed segment with these packs under checksums that are right."""
    from tracker.journal import record  # noqa: PLC0415 - the name is short and taken

    start = value(journal, 1)
    whole = journal.path(1).read_bytes()
    header = whole[8 : next(iter(scan(whole, 8, start)))[1]]
    framed = [record.pack(packing._encode(each), start) for each in packs]
    journal.path(1).write_bytes(PACKED + header + b"".join(framed))


def test_a_stream_that_holds_more_than_it_says_is_damage_and_costs_no_memory(raw, tmp_path):
    import tracemalloc  # noqa: PLC0415 - for this test alone
    import zlib  # noqa: PLC0415 - for this test alone

    folder = tmp_path / RUN
    shutil.copytree(raw.folder, folder)
    journal = Journal(folder, raw.writer_id)
    whole = raw.path(1).read_bytes()
    at = next(iter(scan(whole, 8, value(raw, 1))))[1]
    crafted(journal, Pack(at, 100, len(whole), zlib.compress(bytes(64 << 20))))
    data = journal.path(1).read_bytes()
    tracemalloc.start()
    try:
        found = packing.expand(data, value(journal, 1), 0)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert found.data == whole[:at] + bytes(len(whole) - at)
    events, gaps, _, _ = read(journal)
    assert 1 not in events
    assert not any(gap.harmless for gap in gaps)


@pytest.mark.parametrize(
    "about",
    [(0, 9, 9), (-9, 20, 900), (50, 10, 1 << 60), (1 << 62, 10, 1 << 63), (50, 0, 900),
     (50, 1 << 23, 1 << 24), (50, 100, 120), (50, -1, 900)],
)  # fmt: skip
def test_a_pack_that_says_what_cannot_be_is_damage(raw, tmp_path, about):
    import zlib  # noqa: PLC0415 - for this test alone

    folder = tmp_path / RUN
    shutil.copytree(raw.folder, folder)
    journal = Journal(folder, raw.writer_id)
    crafted(journal, Pack(*about, zlib.compress(b"x")))
    events, gaps, _, _ = read(journal)
    assert 1 not in events
    assert gaps
    assert not any(isinstance(e, Log) and e.seq == 1 for e in events.values())


def test_reading_from_a_position_inflates_nothing_that_stands_before_it(sound, monkeypatch):
    inflated = []
    real = Pack.raw
    monkeypatch.setattr(Pack, "raw", lambda self: inflated.append(self.offset) or real(self))
    found = sound.read(2, 0)
    everything, inflated[:] = list(inflated), []
    assert len(everything) > 2
    assert sound.read(2, everything[-1]).data == found.data[everything[-1] :]
    assert inflated == everything[-1:]
    inflated.clear()
    assert sound.size(2) == found.size
    assert sound.segment_header(2)
    assert inflated == []


# -- on finish -----------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run that packs when it finishes, with something to pack."""
    monkeypatch.setenv("TRACKER_PACK", "finish")
    monkeypatch.setenv("TRACKER_SILENT", "1")
    monkeypatch.setenv("TRACKER_SEGMENT_BYTES", "10000")
    started = tracker.init("p", id=RUN, dir=tmp_path / "store")
    for step in range(600):
        started.log({"loss": step / 8, "name": "a text"})
    return started


def forms(run):
    """Which of a run's larger segments are packed."""
    paths = sorted(run.store.run(run.id).glob("*.seg"))
    return {is_packed(path) for path in paths if path.stat().st_size > packer.LEAST_BYTES}


def test_a_run_packs_itself_when_it_finishes_if_it_is_asked_to(run):
    run.finish()
    assert forms(run) <= {True}
    (journal,) = journals(run.store.run(run.id))
    assert is_packed(journal.path(1))
    assert sum(isinstance(event, Log) for event in journal.events()) == 600


def test_a_run_that_is_killed_is_in_a_hurry_and_does_not_pack(run):
    run.finish(status="killed")
    assert forms(run) == {False}


def test_a_run_that_cannot_pack_ends_as_ever(run, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(packer, "pack", fail)
    run.finish()
    assert forms(run) == {False}
    (journal,) = journals(run.store.run(run.id))
    blocks = list(journal.blocks())
    assert blocks[-1].ended
    assert not any(block.gaps for block in blocks)
