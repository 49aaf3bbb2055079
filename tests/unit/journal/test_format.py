"""The package's text is enough to read a journal: a second reader, written from it alone."""

from __future__ import annotations

import hashlib
import struct
import zlib

import msgspec
import pytest

from tracker.journal import Writer, journals, packer
from tracker.store import run_folder

OWN_RUN = "0123456789abcdef0123456789abcdef"


def events_by_the_text(folder, run_id):
    """Events of all journals in a run's folder, read as the specification tells."""
    own = len(run_id) == 32 and not set(run_id) - set("0123456789abcdef")
    name = run_id if own else "x" + hashlib.sha256(run_id.encode()).hexdigest()[:32]
    assert folder.name == name
    writers = {}
    for path in folder.iterdir():
        if path.suffix == ".seg":
            writer, number = path.stem.split("-")
            data = unpacked(name, writer, int(number), path.read_bytes())
            writers.setdefault(writer, {})[int(number)] = data
    return {writer: journal(name, writer, segments) for writer, segments in writers.items()}


def journal(folder, writer, segments):
    found, expected = [], 1
    for number in sorted(segments):
        records = segment(folder, writer, number, segments[number])
        kind, form, run_id, writer_id, place, first, *_, cause, previous = records[0]
        assert (kind, form, writer_id, place, first) == (0, 1, writer, number, expected)
        assert (cause, previous) == ((0, 0) if number == 1 else (1, previous))
        assert run_id
        if number > 1:
            seal_length = len(segments[number - 1]) - previous
            assert 0 < seal_length < 40
        for record in records[1:]:
            if record[0] >= 16:
                assert record[1] == expected
                expected += 1
                found.append(record)
            elif record[0] == 1:
                _, seq, marked, end, _ = record
                assert seq < expected
                assert end <= len(segments[marked])
            else:
                assert record[:3] == [2, expected - 1, number == max(segments)]
    return found


def segment(folder, writer, number, data):
    assert data[:6] == b"TRKSEG"
    return [record for record, _ in records_of(data, seed(folder, writer, number))]


def seed(folder, writer, number):
    return zlib.crc32(f"{folder}/{writer}/{number}".encode("ascii"))


def unpacked(folder, writer, number, data):
    if data[:6] != b"TRKPAK":
        return data
    (header, head), *packs, (seal, tail) = records_of(data, seed(folder, writer, number))
    assert (header[0], seal[0], {pack[0] for pack, _ in packs}) == (0, 2, {3})
    raw = b"TRKSEG" + data[6:8] + head
    for (_, offset, length, _, content), _ in packs:
        assert offset == len(raw)
        raw += zlib.decompress(content)
        assert offset + length == len(raw)
    assert {pack[3] for pack, _ in packs} == {len(raw + tail)}
    return raw + tail


def records_of(data, start):
    """Each record decoded, and as it stands."""
    assert int.from_bytes(data[6:8], "little") == 1
    at, records = 8, []
    while at < len(data):
        assert data[at : at + 2] == b"\xc1\xf7"
        length, crc = struct.unpack("<II", data[at + 2 : at + 10])
        assert 4 <= length <= 4 * 1024 * 1024
        end = at + 10 + length
        payload = data[at + 10 : end]
        assert zlib.crc32(payload, start ^ length) == crc
        records.append((msgspec.msgpack.decode(payload), data[at:end]))
        at = end
    assert at == len(data)
    return records


@pytest.mark.parametrize("run_id", [OWN_RUN, "my-run", "MY-RUN", "0" * 31])
@pytest.mark.parametrize("segment_bytes", [300, 4000, 1 << 20])
def test_a_reader_written_from_the_text_reads_what_the_writer_wrote(
    tmp_path, run_id, segment_bytes, monkeypatch
):
    folder = tmp_path / run_folder(run_id)
    written = {}
    for _ in range(2):
        writer = Writer(folder, run_id, segment_bytes=segment_bytes, sync_interval_s=3600)
        rows = []
        for step in range(60):
            values = {"loss": step / 7, "n": -step, "flag": step % 2 == 0, "text": "héé"}
            writer.append(17, step, values)
            rows.append([step, values])
            if step % 9 == 0:
                writer.sync()
        writer.append(18, {"lr": 0.1, "none": None, "list": [1, "a"]})
        rows.append([{"lr": 0.1, "none": None, "list": [1, "a"]}])
        writer.close()
        written[writer.id] = rows
    expected = {
        w: [event[3:] for event in events]
        for w, events in events_by_the_text(folder, run_id).items()
    }
    assert expected == written
    monkeypatch.setattr(packer, "LEAST_BYTES", 0)
    done = sum(packer.pack(journal) for journal in journals(folder))
    assert done >= (segment_bytes >= 4000), "a segment of an event or two may not get smaller"
    found = events_by_the_text(folder, run_id)
    assert {w: [event[3:] for event in events] for w, events in found.items()} == written
