"""The packed form of a segment: the same bytes at the same offsets, whatever was recorded."""

from __future__ import annotations

import random
import shutil

import pytest

from tracker.journal import Journal, Position, Writer, packer, packing
from tracker.journal.packing import PACKED, packed
from tracker.journal.record import MAX_PAYLOAD, PREAMBLE, scan, seed

LOG, TAGS = 17, 20
RUN = "0" * 31 + "d"


def value(journal, number):
    return seed(journal.folder.name, journal.writer_id, number)


def written(folder, dice):
    """A journal of events of all sizes, with marks and failed writes in between."""
    writer = Writer(
        folder / RUN, RUN, segment_bytes=dice.choice((300, 5_000, 100_000)), sync_interval_s=3600
    )
    for step in range(dice.choice((1, 10, 150))):
        act = dice.random()
        if act < 0.02:
            writer.append(LOG, step, {"text": "x" * dice.choice((70_000, 200_000))})
        elif act < 0.05:
            writer.append(TAGS, {"tag": str(dice.random())}, [])
        elif act < 0.1:
            writer.sync()
        elif act < 0.12:
            writer._begin_behind_failure()
        else:
            writer.append(LOG, step, {f"k{n}": dice.random() for n in range(dice.randint(1, 9))})
    writer.close(final=dice.random() < 0.8)
    return Journal(folder / RUN, writer.id)


@pytest.mark.parametrize("number", range(12))
def test_packed_journals_read_as_the_raw_ones_from_every_position(tmp_path, monkeypatch, number):
    dice = random.Random(number)
    raw = written(tmp_path / "raw", dice)
    shutil.copytree(raw.folder, tmp_path / "packed" / RUN)
    other = Journal(tmp_path / "packed" / RUN, raw.writer_id)
    monkeypatch.setattr(packer, "LEAST_BYTES", 0)
    packer.pack(other)
    positions = [Position()]
    for segment in raw.segments():
        content = raw.path(segment).read_bytes()
        ends = [end for _, end, _ in scan(content, len(PREAMBLE), value(raw, segment))]
        assert other.size(segment) == len(content)
        for end in dice.sample(ends, min(4, len(ends))):
            assert other.read(segment, end)[:2] == (content[end:], len(content))
            positions.append(Position(segment, end, 0))
    for start in dice.sample(positions, min(10, len(positions))):
        for alive in (True, False):
            mine, theirs = (list(j.blocks(start, alive=alive)) for j in (raw, other))
            assert mine == theirs
        assert raw.extent(start) == other.extent(start)
    assert raw.header() == other.header()


def sealed(folder, *texts):
    """Bytes of a first segment with these texts in it, its seed, and where its records end."""
    writer = Writer(folder / RUN, RUN, segment_bytes=1 << 25, sync_interval_s=3600)
    for step, text in enumerate(texts):
        assert writer.append(LOG, step, {"text": text})
    writer.close()
    journal = Journal(folder / RUN, writer.id)
    return journal.path(1).read_bytes(), value(journal, 1)


def packs(content, start):
    """Offset and length of each pack."""
    found = (payload for _, _, payload in scan(content, len(PACKED), start))
    return [(p.offset, p.length) for p in map(packing._decode, list(found)[1:-1])]


def test_packs_hold_64_kib_of_whole_records_and_a_larger_one_stands_alone(tmp_path):
    texts = ["a" * 1000] * 200 + ["b" * 300_000] + ["c" * 1000] * 100
    raw, start = sealed(tmp_path, *texts)
    found = packs(packed(raw, start), start)
    edges = {end for _, end, _ in scan(raw, len(PREAMBLE), start)}
    assert all(offset in edges and offset + length in edges for offset, length in found)
    assert [o + n for o, n in found[:-1]] == [o for o, _ in found[1:]]
    lengths = [length for _, length in found]
    assert [n for n in lengths if n > packing.PACK_BYTES] == [max(lengths)]
    assert 300_000 < max(lengths) < 300_100
    assert 5 < len(found) < 9


def test_the_largest_record_there_is_can_be_packed(tmp_path):
    raw, start = sealed(tmp_path, "x" * (MAX_PAYLOAD - 100))
    content = packed(raw, start)
    assert len(content) < len(raw) / 100
    assert packing.expand(content, start, 0) == (raw, len(raw), True)


def test_a_pack_too_large_for_a_record_leaves_its_segment_raw(tmp_path, monkeypatch):
    raw, start = sealed(tmp_path, "x" * 1000)
    monkeypatch.setattr(packing, "MAX_PAYLOAD", 10)
    assert packed(raw, start) is None


def test_only_what_is_sound_from_preamble_to_seal_has_a_packed_form(tmp_path):
    raw, start = sealed(tmp_path, "x" * 1000, "y" * 1000)
    assert packed(raw, start)
    ends = [end for _, end, _ in scan(raw, len(PREAMBLE), start)]
    for cut in (0, 5, 8, *ends[:-1], len(raw) - 1):
        assert packed(raw[:cut], start) is None, cut
    for at in (0, 7, 9, 30, 500, ends[-2], len(raw) - 1):
        bad = bytearray(raw)
        bad[at] ^= 8
        assert packed(bytes(bad), start) is None, at
    assert packed(raw + raw[ends[0] : ends[1]], start) is None  # something stands behind the seal
    assert packed(raw[: ends[0]] + raw[8 : ends[0]] + raw[ends[0] :], start) is None
    assert packed(raw[: ends[0]] + raw[ends[-2] :], start) is None  # nothing to pack
    assert packed(raw, start + 1) is None
    assert packed(packed(raw, start), start) is None
