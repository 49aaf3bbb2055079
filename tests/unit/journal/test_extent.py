"""How far a journal is, told from its end, is what reading all of it tells."""

from __future__ import annotations

import random

import pytest

from tracker.journal import Position, Writer, journals
from tracker.journal.record import MAGIC, MARK, kind_of, scan, scan_back, seed

LOG = 17
SEED = random.randrange(2**32)
RUN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def journal(tmp_path):
    """Of a writer that died; events of all sizes, and marks between them."""
    folder = tmp_path / RUN
    writer = Writer(folder, RUN, sync_interval_s=3600)
    for step in range(60):
        writer.append(LOG, step, {"a": float(step), "text": "x" * (step % 7) ** 6})
        if step % 20 == 19:
            writer.sync()
    writer.close(final=False)
    [found] = journals(folder)
    return found


def forwards(journal, offset=0):
    """Last event and highest mark, by reading every record."""
    value = seed(journal.folder.name, journal.writer_id, 1)
    data = journal.path(1).read_bytes()[offset:]
    found = [r for _, _, r in scan(data, 0 if offset else 8, value) if r is not None]
    return len([r for r in found if kind_of(r) >= 16]), [r for r in found if kind_of(r) == MARK]


def test_from_the_end_come_the_same_records(journal):
    """As far as none is larger than what is looked through."""
    value = seed(journal.folder.name, journal.writer_id, 1)
    data = journal.path(1).read_bytes()
    records = [(at, payload) for at, _, payload in scan(data, 8, value)]
    back = list(scan_back(data, value))
    assert len(back) > 3
    assert records[-len(back) :] == back[::-1]


def test_whatever_is_cut_off_or_damaged(journal):
    """Also where bytes that look like a record's beginning stand at the end."""
    print("seed", SEED)  # noqa: T201 - shown when it fails
    chance = random.Random(SEED)
    whole = journal.path(1).read_bytes()
    assert journal.extent() == (60, 60)
    for _ in range(200):
        content = bytearray(whole[: chance.randrange(200, len(whole))])
        if chance.random() < 0.3:
            content[chance.randrange(150, len(content))] ^= 0xFF
        if chance.random() < 0.3:
            content += MAGIC + chance.randbytes(chance.randrange(40))
        journal.path(1).write_bytes(content)
        written = [e.seq for e in journal.events()]
        _, marks = forwards(journal)
        assert journal.written() == max(written, default=0)
        assert journal.extent() == (max(written, default=0), 20 * len(marks))


def test_nothing_behind_a_position_is_where_that_is(journal):
    end = [block.end for block in journal.blocks()][-1]
    assert journal.written(end) == end.seq == 60
    assert journal.written(Position(1, 0, 0)) == 60
