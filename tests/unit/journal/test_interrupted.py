"""Ctrl-C inside `log`, wherever it comes, costs no event that was logged and doubles none.

A signal's handler runs where a function begins or a call into C returns: there the profiler's
hook throws, and the tracer's where a second one comes while the first is dealt with.
"""

from __future__ import annotations

import gc
import random
import sys
import threading
from itertools import islice, repeat

import pytest

from tracker.journal import Writer, WriterBroken, journals, newest
from tracker.journal.segment import Chain

LOGS = 24
SEGMENT_BYTES = 500
"""Some five events."""

NEVER = 0
SOON = 25
SEEDS = 200


class Interrupts:
    """A context in which the `first` chance to throw is taken, then the `second` one after it.

    If there is a second one, chances are counted from the beginning of a segment on.

    Attributes:
        chances: how many there were, the one that was taken included.
    """

    def __init__(self, first, second=None):
        self.chances = 0
        self._first, self._second = first, second
        self._after = 0
        self._counts = second is None

    def __enter__(self):
        sys.setprofile(self._profile)
        return self

    def __exit__(self, kind, error, trace):
        sys.settrace(None)
        sys.setprofile(None)
        return kind is KeyboardInterrupt

    def _profile(self, frame, event, _):
        self._counts |= event == "call" and frame.f_code is Chain.begin.__code__
        if event in ("call", "c_return") and self._counts and frame.f_code.co_filename != __file__:
            self.chances += 1
            if self.chances == self._first:  # what throws is no hook any more
                if self._second is not None:
                    sys.settrace(self._trace)
                raise KeyboardInterrupt

    def _trace(self, frame, event, _):
        self._after += event == "call" and frame.f_code.co_filename != __file__
        if self._after == self._second:
            raise KeyboardInterrupt


def alone(folder):
    """The same step of each call, step after step."""
    most = logged_with_interrupts(folder, repeat((NEVER,)), "never")
    assert most > 100  # segments are begun
    for first in range(1, most + 1):
        yield f"at {first}", repeat((first,))


def apart(folder):
    """Some step of each call, so that what one leaves behind meets another one."""
    most = logged_with_interrupts(folder, repeat((NEVER,)), "never")
    for seed in range(SEEDS):
        dice = random.Random(seed)
        yield f"apart, seed {seed}", [(dice.randint(1, most),) for _ in range(LOGS)]


def together(folder):
    """Some step of each call from the beginning of a segment on, and one soon behind it."""
    most = logged_with_interrupts(folder, repeat((NEVER, NEVER)), "never")
    for seed in range(SEEDS):
        dice = random.Random(seed)
        pairs = [(dice.randint(1, most), dice.randint(1, SOON)) for _ in range(LOGS)]
        yield f"together, seed {seed}", pairs


def logged_with_interrupts(folder, drawn, what):
    """Log over some segments, each call with the interrupts drawn for it; most chances in one."""
    writer = begun(folder)
    kept, most = [], 0
    for value, at in enumerate([*islice(drawn, LOGS), (NEVER,)]):
        try:
            with Interrupts(*at) as interrupts:
                if writer.log(value, {"v": value}):
                    kept.append(value)
        except WriterBroken:  # as `tracker.recording` does
            writer.close()
            writer = begun(folder, newest(folder))
            assert writer.log(value, {"v": value}), what
            kept.append(value)
        most = max(most, interrupts.chances)
        if value % 7 == 6:
            assert writer.sync(), what
    writer.close()
    assert kept[-1] == LOGS, what
    check(folder, kept, what)
    return most


def begun(folder, after=0):
    writer = Writer(folder, "run", segment_bytes=SEGMENT_BYTES, after=after)
    writer._thread = threading.current_thread()  # syncs come between calls, not into them
    return writer


def check(folder, kept, what):
    """Every call that returned True is there, none twice, and nothing that counted is damaged."""
    blocks = [block for journal in journals(folder) for block in journal.blocks()]
    gaps = [gap for block in blocks for gap in block.gaps]
    assert all(gap.harmless and gap.first_seq is None for gap in gaps), f"{what}: {gaps}"
    found = [event.values["v"] for block in blocks for event in block.events]
    assert found == sorted(set(found)), what
    assert set(kept) <= set(found), what


@pytest.fixture
def folders(tmp_path):
    """New folders of runs; in a time without collections, which would be chances too."""
    gc.collect()
    gc.disable()
    yield (tmp_path / f"run{number}" for number in range(10_000))
    gc.enable()


@pytest.mark.parametrize("draws", [alone, apart, together])
def test_interrupts_leave_no_hole(folders, draws):
    for what, drawn in draws(next(folders)):
        logged_with_interrupts(next(folders), drawn, what)
