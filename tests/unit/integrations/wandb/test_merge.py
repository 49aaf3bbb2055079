"""Events of several journals come in the order of steps, from as few open files as can be."""

from __future__ import annotations

import random

import pytest

from tracker.events import CONSOLE, LOG, Log
from tracker.integrations.wandb.merge import by_step
from tracker.journal import Journal, Writer

RUN = "0" * 31 + "e"


def journal(folder, *steps):
    """A journal that logs at these steps; a text is console output."""
    writer = Writer(folder / RUN, RUN, sync_interval_s=3600)
    for step in steps:
        if isinstance(step, str):
            writer.append(CONSOLE, "stdout", step)
        else:
            writer.append(LOG, step, {"x": 1})
    writer.close()
    return Journal(folder / RUN, writer.id)


def order(found):
    """Each event as the step it stands at, its journal and its own step or text."""
    return [
        (r.step, r.place, r.event.step if isinstance(r.event, Log) else r.event.text)
        for r in by_step(found)
    ]


def test_ranks_stand_together_step_by_step(tmp_path):
    found = [journal(tmp_path, 0, "a", 1, 2), journal(tmp_path, 0, 1, "b", 2)]
    assert order(found) == [
        (0, 0, 0), (0, 0, "a"), (0, 1, 0), (1, 0, 1), (1, 1, 1), (1, 1, "b"), (2, 0, 2), (2, 1, 2),
    ]  # fmt: skip


def test_a_late_step_stands_at_what_its_own_journal_had_reached(tmp_path):
    """Rank 1 runs ahead: that makes no step of rank 0 a late one."""
    found = [journal(tmp_path, 0, 2, 1, 3), journal(tmp_path, 5, 6)]
    assert order(found) == [(0, 0, 0), (2, 0, 2), (2, 0, 1), (3, 0, 3), (5, 1, 5), (6, 1, 6)]


@pytest.mark.parametrize("number", range(6))
def test_no_event_is_lost_and_the_step_never_falls(tmp_path, number):
    dice = random.Random(number)
    steps = [[dice.choice((n, n - 3, "c")) for n in range(dice.randint(0, 30))] for _ in range(4)]
    found = [journal(tmp_path, *each) for each in steps]
    given = order(found)
    assert [step for step, _, _ in given] == sorted(step for step, _, _ in given)
    for place, each in enumerate(steps):
        assert [what for _, number, what in given if number == place] == each


def test_attempts_that_follow_each_other_are_open_one_at_a_time(tmp_path, monkeypatch):
    """A run that was requeued often would else hold a segment of each attempt in memory."""
    found = [journal(tmp_path, *range(n * 10, n * 10 + 10)) for n in range(8)]
    held, most = set(), 0
    read = Journal.blocks

    def blocks(self, *arguments, **more):
        nonlocal most
        held.add(self.writer_id)
        most = max(most, len(held))
        try:
            yield from read(self, *arguments, **more)
        finally:
            held.discard(self.writer_id)

    monkeypatch.setattr(Journal, "blocks", blocks)
    assert len(order(found)) == 80
    assert most <= 2
