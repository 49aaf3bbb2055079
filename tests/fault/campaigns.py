"""The campaigns by name: each takes a seed and raises AssertionError where a promise is broken."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from tests.doubles.power import MEMORY
from tests.fault import test_journal_failures, test_journal_kill, test_power_cut
from tests.fault.test_journal_damage import lost, places, read, write
from tests.fault.test_journal_machine import FAILURES, JournalMachine

ROOT = Path(__file__).parents[2]
EVENTS = set(range(1, 13))


def damage(seed):
    """A journal of two segments, the bytes of one of which are no longer what was written."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        journal = write(Path(folder, "sound"))
        assert set(read(journal)[0]) == EVENTS
        dice.choice((_flip, _cut, _foreign))(journal, dice, Path(folder, "other"))


def _flip(journal, dice, _):
    """Any byte changed costs its own record, and that is said."""
    number = dice.choice((1, 2))
    data = bytearray(journal.path(number).read_bytes())
    at = dice.randrange(len(data))
    hit = {places(journal).get((number, at))} - {None}
    data[at] ^= dice.randrange(1, 256)
    journal.path(number).write_bytes(data)
    events, gaps, _, _ = read(journal)
    assert set(events) == EVENTS - hit
    assert lost(gaps) == hit
    assert gaps


def _cut(journal, dice, _):
    """Of the last segment there is a part, and something that is no record behind it."""
    where = places(journal)
    data = journal.path(2).read_bytes()
    length = dice.randrange(8, len(data))
    tail = dice.choice((b"", bytes(100), b"\xc1\xf7" * 50))
    journal.path(2).write_bytes(data[:length] + tail)
    events, gaps, _, ended = read(journal)
    cut = {seq for (n, at), seq in where.items() if seq and n == 2 and at >= length}
    assert set(events) == EVENTS - cut
    assert ended == (data[:length] + tail).startswith(data)  # by chance, its last byte
    assert gaps or not tail


def _foreign(journal, _, folder):
    """In place of the last segment lies that of another writer of the run."""
    held = {seq for (n, _), seq in places(journal).items() if seq and n == 1}
    journal.path(2).write_bytes(write(folder).path(2).read_bytes())
    events, gaps, _, _ = read(journal)
    assert set(events) == held
    assert gaps


def random_story(seed):
    """What the state machine does, its steps drawn from the seed."""
    dice = random.Random(seed)
    machine = JournalMachine()
    machine.folder.rmdir()
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        machine.folder = Path(folder, "machine")
        machine.open(size=dice.choice((200, 500, 3000)))
        try:
            for _ in range(30):
                _step(machine, dice)
            if machine.writer is not None:
                machine.leave(crash=dice.random() < 0.5)
        finally:
            machine.teardown()


def _step(machine, dice):
    act = dice.choice(("append", "append", "fail", "heal", "sync", "look"))
    if machine.writer is None:
        machine.begin()
    elif act == "append":
        machine.append(length=dice.randrange(400), count=dice.randint(1, 6))
    elif act == "fail":
        machine.fail(dice.choice(FAILURES), dice.choice((1, 2, None)), dice.randrange(4))
    else:
        getattr(machine, act)()


def sigkill(seed, bug=None):
    """A training process is killed; a bug is planted in that process, not in this one."""
    planting = ""
    if bug is not None:
        planting = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
            f"from tests.fault import planted; planted.{bug.__name__}().__enter__()\n"
        )
    test_journal_kill.campaign(seed, planting + test_journal_kill.TRAINING)


CAMPAIGNS = {
    "power cut": test_power_cut.campaign,
    "failing calls": test_journal_failures.campaign,
    "damage": damage,
    "random story": random_story,
    "SIGKILL": sigkill,
}
