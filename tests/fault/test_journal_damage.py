"""Whatever happens to a journal's bytes: no wrong event, no silence, nothing else lost."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.doubles.ordinary_user import NOBODY, as_ordinary_user
from tracker.events import Log
from tracker.journal import Gap, Journal, Mark, Position, Seal, Writer, journals
from tracker.journal.record import HEAD, PREAMBLE, decode_own, kind_of, scan, seed

LOG = 17
RUN = "0" * 31 + "a"
MASKS = range(1, 256) if "SOAK" in os.environ else (*(1 << bit for bit in range(8)), 0xFF)


def write(folder, events=12, segment_bytes=700, *, run=RUN, close=True, mark_at=4):
    """Two segments of events with a mark in the first, and what stands where in them."""
    writer = Writer(folder / run, run, segment_bytes=segment_bytes, sync_interval_s=3600)
    for n in range(1, events + 1):
        assert writer.append(LOG, n, {"loss": n / 8, "name": f"text {n}"})
        if n == mark_at:
            assert writer.sync()
    writer.close() if close else writer.abandon()
    return Journal(folder / run, writer.id)


START = Position()


def read(journal, start=START, *, alive=False):
    """Every event by its number, and the gaps; proves that events are right and in order."""
    events, gaps, end, ended = {}, [], start, False
    for block in journal.blocks(start, alive=alive):
        for event in block.events:
            assert isinstance(event, Log), event
            assert event.step == event.seq
            assert event.values == {"loss": event.seq / 8, "name": f"text {event.seq}"}
            assert event.seq > max(events, default=start.seq)
            events[event.seq] = event
        gaps += block.gaps
        end, ended = block.end, block.ended
    return events, gaps, end, ended


def layout(journal):
    """Per segment: (start, end, seq or None for the journal's own) of its records."""
    found = {}
    for number in journal.segments():
        data = journal.path(number).read_bytes()
        value = seed(journal.folder.name, journal.writer_id, number)
        found[number] = [
            (at, end, None if kind_of(payload) < 16 else payload)
            for at, end, payload in scan(data, len(PREAMBLE), value)
        ]
    return found


def lost(gaps):
    return {n for g in gaps if g.first_seq for n in range(g.first_seq, g.last_seq + 1)}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    journal = write(tmp_path_factory.mktemp("sound"))
    events, gaps, _, ended = read(journal)
    assert len(journal.segments()) == 2
    assert (sorted(events), gaps, ended) == (list(range(1, 13)), [], True)
    return journal


@pytest.fixture
def copy(sound, tmp_path):
    folder = tmp_path / RUN
    shutil.copytree(sound.folder, folder)
    return Journal(folder, sound.writer_id)


def places(journal):
    """Which event (or None) a byte belongs to, as {(segment, offset): seq}."""
    where, seq = {}, 0
    for number, records in layout(journal).items():
        for at, end, payload in records:
            seq += payload is not None
            for offset in range(at, end):
                where[number, offset] = seq if payload is not None else None
    return where


@pytest.mark.parametrize("mask", MASKS)
def test_any_byte_changed_costs_its_own_record_and_is_reported(sound, copy, mask):
    where, records = places(sound), layout(sound)
    for number in sound.segments():
        whole = sound.path(number).read_bytes()
        name, seal = sound.path(number).name, records[number][-1][0]
        for offset in range(len(whole)):
            bad = bytearray(whole)
            bad[offset] ^= mask
            copy.path(number).write_bytes(bad)
            events, gaps, _, _ = read(copy)
            hit = where.get((number, offset))
            assert set(events) == set(range(1, 13)) - {hit}, (number, offset)
            place = [(at, end) for at, end, _ in records[number] if at <= offset < end]
            ((start, end),) = place or [(0, len(PREAMBLE))]
            said = [(g.file, g.offset, g.length, g.first_seq, g.last_seq) for g in gaps]
            assert said == [(name, start, end - start, hit, hit)], (number, offset)
            assert [g.harmless for g in gaps] == [offset >= seal], (number, offset, gaps)
        copy.path(number).write_bytes(whole)


TAILS = {
    "nothing": b"", "zeros": bytes(50), "a page of zeros": bytes(4096),
    "garbage": random.Random(3).randbytes(64), "magic": b"\xc1\xf7" * 300,
}  # fmt: skip


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
@pytest.mark.parametrize("number", [1, 2])
def test_cut_anywhere_it_gives_all_that_stands_before_the_cut(sound, copy, number, tail):
    whole = sound.path(number).read_bytes()
    where = places(sound)
    edges = {0} | {end for _, end, _ in layout(sound)[2]} | {len(PREAMBLE)}
    for length in range(len(whole)):
        copy.path(number).write_bytes(whole[:length] + tail)
        events, gaps, _, ended = read(copy)
        ends = {seq: place for place, seq in where.items() if seq}
        kept = {seq for seq, (n, last) in ends.items() if n != number or last < length}
        assert set(events) == kept, length
        if number == 1:
            missing = set(range(1, 13)) - kept
            assert lost(gaps) == missing, (length, gaps)
            # What a header names as the previous segment's end is missed to the byte; the seal
            # behind it says nothing that the header does not.
            bound = copy.segment_header(2).previous_end
            assert length >= bound or [g for g in gaps if not g.harmless], (length, gaps)
        else:
            # A tail that begins as what was cut off (one time in 256, by its last byte) mends it.
            assert ended == (whole[:length] + tail).startswith(whole)
            if tail or length not in edges:
                assert gaps, length


def test_behind_the_last_mark_of_a_dead_writer_a_cut_is_a_torn_tail(tmp_path):
    journal = write(tmp_path, events=6, segment_bytes=8000, close=False)
    whole = journal.path(1).read_bytes()
    (marked,) = [
        decode_own(payload).end
        for _, _, payload in scan(whole, 8, seed(RUN, journal.writer_id, 1))
        if kind_of(payload) == 1
    ]
    mark_end = max(end for at, end, payload in layout(journal)[1] if payload is None)
    for length in range(mark_end, len(whole)):
        journal.path(1).write_bytes(whole[:length])
        events, gaps, _, _ = read(journal)
        assert {4} <= set(events)
        assert [g.kind for g in gaps] in ([], ["torn tail"])
    for offset in range(marked):
        bad = bytearray(whole)
        bad[offset] ^= 0x40
        journal.path(1).write_bytes(bad)
        _, gaps, _, _ = read(journal)
        assert [g.kind for g in gaps] == ["corruption"], offset


def test_a_live_writers_last_record_under_way_is_no_gap_and_is_read_when_it_is_whole(tmp_path):
    journal = write(tmp_path, events=6, segment_bytes=8000, close=False)
    whole = journal.path(1).read_bytes()
    got, end = {}, Position()
    for length in range(len(whole) + 1):
        journal.path(1).write_bytes(whole[:length])
        events, gaps, end, _ = read(journal, end, alive=True)
        assert not gaps or length < len(PREAMBLE), (length, gaps)
        assert not set(events) & set(got)
        got |= events
    assert sorted(got) == [1, 2, 3, 4, 5, 6]


def test_a_missing_segment_is_named_with_the_events_it_held(tmp_path):
    for gone in (1, 2, 3):
        journal = write(tmp_path / str(gone), events=30)
        held = [seq for (n, _), seq in places(journal).items() if n == gone and seq]
        journal.path(gone).unlink()
        events, gaps, _, ended = read(journal)
        assert set(range(1, 31)) - set(events) == set(held)
        assert [(g.kind, g.file, g.first_seq, g.last_seq) for g in gaps] == [
            ("missing segment", journal.path(gone).name, min(held), max(held))
        ]
        assert ended


def test_a_missing_last_segment_is_noticed_by_the_seal_before_it(tmp_path):
    journal = write(tmp_path)
    journal.path(2).unlink()
    _, gaps, _, ended = read(journal)
    # Nothing is left that tells which events it held.
    assert gaps == [Gap(journal.path(2).name, 0, 0, "missing segment")]
    assert not ended


def test_segments_in_each_others_place_give_nothing_and_say_so(sound, copy):
    one, two = (sound.path(n).read_bytes() for n in (1, 2))
    copy.path(1).write_bytes(two)
    copy.path(2).write_bytes(one)
    events, gaps, _, _ = read(copy)
    assert not events
    names = [copy.path(number).name for number in (1, 2)]
    said = [(g.file, g.offset, g.kind, g.first_seq) for g in gaps]
    assert (names[0], len(PREAMBLE), "corruption", None) in said
    assert {g.file for g in gaps} == set(names)


def test_a_segment_of_another_run_or_writer_gives_nothing(sound, copy, tmp_path):
    others = (write(tmp_path / "o", run="0" * 31 + "b"), write(tmp_path / "p"))
    for number, other in enumerate(others):
        copy.path(2).write_bytes(other.path(2).read_bytes())
        events, gaps, _, _ = read(copy)
        held = {seq for (n, _), seq in places(sound).items() if n == 1 and seq}
        assert set(events) == held, number
        (gap,) = gaps
        size = copy.path(2).stat().st_size
        assert gap[:3] == (copy.path(2).name, len(PREAMBLE), size - len(PREAMBLE)), number


KINDS = ("folder", "link", "dangling", "fifo", "empty", "garbage", "zeros")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [1, 2])
def test_what_is_no_segment_costs_that_segment_only(sound, copy, tmp_path, kind, number):
    path = copy.path(number)
    path.unlink()
    make = {
        "folder": path.mkdir,
        "link": lambda: path.symlink_to(sound.path(number)),
        "dangling": lambda: path.symlink_to(tmp_path / "nowhere"),
        "fifo": lambda: os.mkfifo(path),
        "empty": path.touch,
        "garbage": lambda: path.write_bytes(random.Random(7).randbytes(3000)),
        "zeros": lambda: path.write_bytes(bytes(3000)),
    }
    make[kind]()
    held = {seq for (n, _), seq in places(sound).items() if n != number and seq}
    events, gaps, _, _ = read(copy)
    assert set(events) == held
    assert gaps
    assert not copy.alive()
    if kind in ("folder", "link", "dangling", "fifo"):
        assert "not a segment" in {g.kind for g in gaps}
    copy.make_durable()
    assert journals(copy.folder)[0].writer_id == copy.writer_id
    assert copy.extent()[0] == max(held)


@pytest.fixture
def public(sound):
    """A copy where any user may look, but not at what is in the second segment."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / RUN
        shutil.copytree(sound.folder, folder)
        for path in (folder.parent, folder, *folder.iterdir()):
            path.chmod(0o755)
        journal = Journal(folder, sound.writer_id)
        journal.path(2).chmod(0)
        yield journal


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a child becomes another user")
def test_a_segment_that_may_not_be_read_costs_that_segment_and_is_said_by_that_name(sound, public):
    held = {seq for (n, _), seq in places(sound).items() if n == 1 and seq}

    def look():
        events, gaps, _, _ = read(public)
        assert set(events) == held
        assert gaps == [Gap(public.path(2).name, 0, 0, "unreadable")]
        assert public.extent()[0] == max(held)
        assert journals(public.folder)[0].writer_id == public.writer_id

    as_ordinary_user(look)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives away")
def test_a_segment_that_somebody_else_owns_is_read_by_whoever_may(copy):
    os.chown(copy.path(2), NOBODY, NOBODY)
    events, gaps, _, ended = read(copy)
    assert (sorted(events), gaps, ended) == (list(range(1, 13)), [], True)


def test_a_huge_sparse_segment_is_read_in_bounded_time_and_reported(copy):
    with copy.path(2).open("r+b") as file:
        file.truncate(1 << 40)
    events, gaps, _, _ = read(copy)
    assert sorted(events) == list(range(1, 13))
    assert sum(g.length for g in gaps) > 1 << 39


def test_a_newer_format_is_said_by_that_name(copy):
    newer = b"TRKSEG" + (9).to_bytes(2, "little") + b"who knows what" * 20
    copy.path(2).write_bytes(newer)
    _, gaps, _, _ = read(copy)
    assert gaps == [Gap(copy.path(2).name, 0, len(newer), "newer format 9")]
    assert copy.path(2).read_bytes() == newer


def damaged(content, dice):
    """Bytes with up to four places overwritten, cut out, doubled or flipped."""
    data = bytearray(content)
    for _ in range(dice.randint(0, 4)):
        at = dice.randrange(len(data))
        act = dice.randrange(4)
        if act == 0:
            data[at : at + dice.randint(1, 30)] = dice.randbytes(dice.randint(0, 30))
        elif act == 1:
            del data[at : at + dice.randint(1, 99)]
        elif act == 2:
            data[at:at] = data[dice.randrange(len(data)) :][: dice.randint(1, 300)]
        else:
            data[at] ^= 1 << dice.randrange(8)
    return data


@pytest.mark.parametrize("value", range(4))
def test_random_damage_never_gives_a_wrong_event(sound, copy, value):
    dice = random.Random(value)
    for _ in range(100):
        for number in (1, 2):
            data = damaged(sound.path(number).read_bytes(), dice)
            copy.path(number).write_bytes(data)
        events, gaps, _, _ = read(copy)
        missing = set(range(1, 13)) - set(events)
        assert lost(gaps) <= missing
        assert gaps or not missing


def test_own_records_are_decoded_as_what_they_are(sound):
    kinds = [
        type(decode_own(payload))
        for number in sound.segments()
        for _, _, payload in scan(
            sound.path(number).read_bytes(), 8, seed(RUN, sound.writer_id, number)
        )
        if kind_of(payload) < 16
    ]
    assert Mark in kinds
    assert kinds[-1] is Seal
    assert HEAD.size == 10


def test_a_record_behind_the_end_that_the_next_header_names_does_not_count(tmp_path):
    writer = Writer(tmp_path / RUN, RUN, sync_interval_s=3600)
    ends = []
    for n in (1, 2, 3):
        writer.append(LOG, n, {"loss": 99.0 if n == 3 else n / 8, "name": f"text {n}"})
        ends.append(writer._chain.current.end)
    writer._chain.current.end, writer._seq = ends[1], 2  # its write was told to have failed
    assert writer._begin_behind_failure()
    writer.append(LOG, 3, {"loss": 3 / 8, "name": "text 3"})
    writer.close()
    events, gaps, _, ended = read(Journal(tmp_path / RUN, writer.id))
    assert sorted(events) == [1, 2, 3]
    assert gaps == []
    assert ended


def test_a_live_journal_that_rotates_between_two_looks_loses_nothing(tmp_path):
    writer = Writer(tmp_path / RUN, RUN, segment_bytes=700, sync_interval_s=3600)
    journal = Journal(tmp_path / RUN, writer.id)
    dice, end, seen, n = random.Random(5), START, [], 0
    for _ in range(60):
        for _ in range(dice.randint(0, 9)):
            n += 1
            writer.append(LOG, n, {"loss": n / 8, "name": f"text {n}"})
        listed = journal.segments()
        journal.segments = lambda found=listed: found  # the writer goes on after this look
        for _ in range(dice.randint(0, 9)):
            n += 1
            writer.append(LOG, n, {"loss": n / 8, "name": f"text {n}"})
        events, gaps, end, _ = read(journal, end, alive=True)
        del journal.segments
        assert not gaps
        seen += sorted(events)
    writer.close()
    events, gaps, _, ended = read(journal, end)
    assert (seen + sorted(events), gaps, ended) == (list(range(1, n + 1)), [], True)
