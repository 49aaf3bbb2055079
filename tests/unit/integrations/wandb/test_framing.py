"""The framing of `.wandb` files."""

import io
import random
import struct
import zlib

import pytest

from tests import wandb_client
from tracker.integrations.wandb import framing
from tracker.integrations.wandb.framing import BLOCK_BYTES, HEADER, Damage, Entry, Writer, read


def written(entries):
    file = io.BytesIO()
    writer = Writer(file)
    for data in entries:
        writer.write(data)
    assert writer.offset == len(file.getvalue())
    return file.getvalue()


def found(content, offset=0):
    return list(read(io.BytesIO(content), offset))


def payloads(content):
    return [item.data for item in found(content) if isinstance(item, Entry)]


def damages(content):
    return [item for item in found(content) if isinstance(item, Damage)]


def entries(rng, count):
    """Entries of all lengths, those that just fit a block and span several among them."""
    sizes = (0, 1, 30, 300, 5_000, BLOCK_BYTES - 14, BLOCK_BYTES - 7, 100_000)
    return [rng.randbytes(max(0, rng.choice(sizes) + rng.randrange(-2, 3))) for _ in range(count)]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_written_is_read(seed):
    """Entries of every length come back in order, and nothing else does."""
    given = entries(random.Random(seed), 60)
    assert [item.data for item in found(written(given))] == given


def test_every_end_of_a_block_is_right():
    """However few bytes a block has left, also none or fewer than a chunk's head."""
    for left in range(20):
        first = BLOCK_BYTES - len(HEADER) - 7 - left
        given = [b"a" * first, b"b" * 50, b"", b"c"]
        assert payloads(written(given)) == given, left


def test_the_client_writes_the_same_bytes(tmp_path):
    """What the real client wrote is read whole, and written again it is the same to the byte."""
    script = (
        "import wandb\n"
        "run = wandb.init(project='p', settings=wandb.Settings(x_disable_stats=True))\n"
        "for step in range(300): run.log({f'metric {n}': step / (n + 1) for n in range(9)})\n"
        "run.log({'long': 'x' * 100_000})\n"
        "run.finish()\n"
    )
    wandb_client.run(tmp_path, script)
    (path,) = wandb_client.logs(tmp_path)
    content = path.read_bytes()
    assert len(content) > 8 * BLOCK_BYTES
    assert not damages(content)
    assert len(payloads(content)) > 600
    assert written(payloads(content)) == content


def test_reading_goes_on_behind_an_entry():
    """From the end of each entry on, the rest is read."""
    given = entries(random.Random(5), 30)
    content = written(given)
    whole = found(content)
    for number, item in enumerate(whole, 1):
        assert found(content, item.end) == whole[number:]


@pytest.mark.parametrize("seed", range(25))
def test_damage_costs_the_entries_that_it_touches(seed):
    """Each undamaged entry arrives, and what was lost lies within the damages that are told."""
    rng = random.Random(seed)
    given = [rng.randbytes(rng.choice((40, 400, 3_000, 70_000))) for _ in range(80)]
    content = bytearray(written(given))
    sound = {item.start: item for item in found(bytes(content))}
    touched = set()
    for _ in range(rng.randrange(1, 6)):
        at, length = rng.randrange(len(HEADER), len(content)), rng.choice((1, 3, 200, 40_000))
        for place in range(at, min(at + length, len(content))):
            content[place] ^= rng.randrange(1, 256)
            touched.add(place)
    after = found(bytes(content))
    arrived = {item.start: item for item in after if isinstance(item, Entry)}
    lost = [item for item in after if isinstance(item, Damage)]
    for start, item in sound.items():
        hit = not touched.isdisjoint(range(item.start, item.end))
        near = any(damage.start <= start < damage.end for damage in lost)
        if hit:
            assert arrived.get(start) in (None, item)  # it may be zeros at a block's end
        else:
            assert arrived[start] == item
        assert (start in arrived) != near
    assert all(item == sound[start] for start, item in arrived.items())


@pytest.mark.parametrize("seed", range(20))
def test_a_file_cut_short_is_torn(seed):
    """Cut anywhere, all before the cut arrives, the rest is torn, and goes on once it is there."""
    rng = random.Random(seed)
    content = written([rng.randbytes(rng.choice((40, 400, 70_000))) for _ in range(40)])
    whole = found(content)
    cut = rng.randrange(len(HEADER) + 1, len(content))
    before = found(content[:cut])
    torn = [item for item in before if isinstance(item, Damage)]
    assert all(item.torn for item in torn)
    assert len(torn) <= 1
    arrived = before[: len(before) - len(torn)]
    assert arrived == [item for item in whole if item.end <= cut]
    again = arrived[-1].end if arrived else 0
    assert found(content, again) == whole[len(arrived) :]


def test_a_lost_block_is_told_by_its_place():
    """Zeros in place of a block, as a power cut leaves them, are one damage."""
    content = bytearray(written([bytes([n]) * 1000 for n in range(200)]))
    content[2 * BLOCK_BYTES : 3 * BLOCK_BYTES] = bytes(BLOCK_BYTES)
    (damage,) = damages(bytes(content))
    assert not damage.torn
    assert 2 * BLOCK_BYTES - 1007 <= damage.start <= 2 * BLOCK_BYTES
    assert 3 * BLOCK_BYTES <= damage.end <= 3 * BLOCK_BYTES + 1007


def test_another_file_gives_damage_only():
    """A file of something else is no reason to fail, nor to find entries."""
    content = random.Random(7).randbytes(3 * BLOCK_BYTES)
    assert not payloads(content)
    assert damages(content)[0].start == 0
    assert found(b"") == []


def test_crafted_bytes_do_not_hold_the_reader():
    """A block in which every place claims to be a long chunk is given up within its budget."""
    head = struct.pack("<IHB", zlib.crc32(b"no"), 0x0101, 1)
    block = (HEADER + b"\x01" * BLOCK_BYTES)[:BLOCK_BYTES]
    read_bytes = 0

    class Counting:
        def crc32(self, data, start=0):
            nonlocal read_bytes
            read_bytes += len(data)
            return zlib.crc32(data, start)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "zlib", Counting())
        assert not payloads(block + head)
    assert 0 < read_bytes < 300 * BLOCK_BYTES


def test_an_entry_without_end_is_given_up(monkeypatch):
    """Parts without end are not held in memory for ever."""
    monkeypatch.setattr(framing, "MAX_ENTRY_BYTES", 3 * BLOCK_BYTES)
    content = written([b"a" * 10 * BLOCK_BYTES, b"b"])
    assert payloads(content) == [b"b"]
    assert "more than" in damages(content)[0].reason
