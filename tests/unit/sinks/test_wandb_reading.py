"""Every row is read from a server that thins out what is more than was asked for."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.sinks.wandb import reading
from syncd.sinks.wandb.api import Place, TooLongError
from syncd.sinks.wandb.reading import read_rows

PLACE = Place("e", "p", "r")


class Thinning:
    """A server with one row at each of some steps; `most` rows are no answer at all."""

    def __init__(self, steps, most=10**9):
        self.steps = sorted(steps)
        self.most = most
        self.asked = 0

    def history(self, _, low, high, samples):
        self.asked += 1
        found = [step for step in self.steps if low <= step < high]
        if min(len(found), samples) > self.most:
            raise TooLongError
        if len(found) > samples:
            found = [found[at * len(found) // samples] for at in range(samples)]
        return [{"_step": step} for step in reversed(found)]


@settings(max_examples=150, deadline=None)
@given(
    st.sets(st.one_of(st.integers(0, 60), st.integers(0, 2**40)), max_size=60),
    st.integers(1, 8), st.integers(1, 9),
)  # fmt: skip
def test_all_rows_are_read_in_their_order(steps, page, most):
    """Whatever a page holds, however far apart they are, and however long an answer may be."""
    server = Thinning(steps, most)
    before, reading.PAGE = reading.PAGE, page
    try:
        rows = list(read_rows(server, PLACE, max(steps, default=-1)))
    finally:
        reading.PAGE = before
    assert [row["_step"] for row in rows] == sorted(steps)


def test_a_dense_history_is_read_page_by_page():
    server = Thinning(range(10_000))
    assert len(list(read_rows(server, PLACE, 9_999))) == 10_000
    assert server.asked == 10
