"""So many bytes a second on the average, and events before files."""

from __future__ import annotations

import time

import httpx
import pytest

from syncd.sinks.budget import Budget
from syncd.sinks.http import HttpClient


def spend(budget, sizes, *, file):
    """Seconds that sending these one after the other takes."""
    now = 0.0
    for size in sizes:
        now += budget.take(size, now, file=file)
    return now


@pytest.mark.parametrize("file", [False, True])
def test_the_average_is_what_was_set(file):
    """A first second's worth goes at once (half of it for files), the rest at the rate."""
    took = spend(Budget(1000), [100] * 1000, file=file)
    assert 98.0 <= took <= 100.0


def test_one_piece_larger_than_the_budget_goes_and_the_next_waits():
    budget = Budget(1000)
    assert budget.take(10_000, 0.0, file=False) == 0.0
    assert budget.take(1, 0.0, file=False) == 9.0


def test_a_rest_saves_up_one_second_and_no_more():
    budget = Budget(1000)
    budget.take(0, 0.0, file=False)
    budget.take(1000, 3600.0, file=False)
    assert budget.take(500, 3600.0, file=False) == 0.0
    assert budget.take(1, 3600.0, file=False) == 0.5


def test_events_hardly_wait_while_files_take_all_they_get():
    """Pieces of files stop at half of the bucket; an event waits a quarter of a second at most."""
    budget, now, waited = Budget(1000), 0.0, []
    for number in range(200):
        now += budget.take(250, now, file=True)
        if number % 10 == 0:
            waited.append(budget.take(20, now, file=False))
    assert max(waited) <= 0.25


def test_a_file_is_cut_into_pieces_of_a_quarter_of_a_second():
    assert [len(piece) for piece in Budget(1000).pieces(b"x" * 600)] == [250, 250, 100]


def test_a_request_waits_for_the_budget_and_its_time_is_not_used_up_by_that():
    """Though the deadline would end a transfer that is slower on its own account."""
    seen = []

    def answer(request):
        seen.append(len(request.read()))
        return httpx.Response(200)

    client = HttpClient(
        "http://remote.test", bytes_per_s=100_000, deadline_s=0.05,
        transport=httpx.MockTransport(answer),
    )  # fmt: skip
    began = time.monotonic()
    client.request("PUT", "/a", content=iter([b"x" * 90_000]), headers={"Content-Length": "90000"})
    assert seen == [90_000]
    assert time.monotonic() - began >= 0.24
