"""Lines of a console: what a terminal shows in the end, however the text was cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.sinks.wandb.console import MAX_LINE, take
from tracker.events import Console

T0 = 1_790_000_000_123_456_789


def lines(*texts, stream="stdout", state=None):
    """Take texts one after the other: the lines in the end, without their times."""
    state, held = state or {}, {}
    for seq, text in enumerate(texts, 1):
        state, changed = take(state, "w", Console(seq, T0, stream, text))
        held |= changed
    assert list(held) == list(range(len(held)))
    return [line.split(" ", 1)[1] for line in held.values()]


@settings(max_examples=100, deadline=None)
@given(st.text("ab\n\r", max_size=30), st.lists(st.integers(0, 30), max_size=5))
def test_it_is_the_same_however_it_is_cut(text, places):
    """Events may end anywhere in a line."""
    bounds = [0, *sorted(min(at, len(text)) for at in places), len(text)]
    pieces = [text[a:b] for a, b in pairwise(bounds)]
    assert lines(*pieces) == lines(text)


def test_a_progress_bar_is_one_line():
    assert lines("start\n", "10%\r", "20%\r", "30%\rdone\n", "end\r\n") == ["start", "done", "end"]


def test_an_open_line_shows_what_it_has():
    assert lines("one\ntw") == ["one", "tw"]
    assert lines("one\ntw", "o\n\nthree") == ["one", "two", "", "three"]


def test_streams_and_writers_do_not_mix():
    state, first = take({}, "w", Console(1, T0, "stdout", "out"))
    state, second = take(state, "w", Console(2, T0, "stderr", "err"))
    state, third = take(state, "x", Console(1, T0, "stdout", "other\n"))
    state, last = take(state, "w", Console(3, T0 + 10**9, "stdout", "put\n"))
    assert [*first, *second, *third, *last] == [0, 1, 2, 0]
    assert last[0] == "2026-09-21T14:13:20.123456 output"  # the time of its beginning
    assert second[1] == "ERROR 2026-09-21T14:13:20.123456 err"


def test_a_line_without_end_goes_on_in_the_next():
    held = lines("x" * MAX_LINE, "y" * 10)
    assert held == ["x" * MAX_LINE, "y" * 10]
