"""Each bug of `planted.TABLE` is caught, so the simulator can fail; without it the seeds pass.

`pytest -rP` shows after how many seeds.
"""

from __future__ import annotations

import pytest

from tests.sim import planted
from tests.sim.planted import TABLE
from tests.sim.story import campaign


def caught_after(row):
    """How many seeds it took, None if all that the table allows were not enough."""
    for seed in range(row.seeds):
        try:
            with row.bug():
                campaign(seed)
        except AssertionError:  # noqa: PERF203 - each seed is tried
            return seed + 1
    return None


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.bug.__name__)
def test_a_planted_bug_is_caught_by_seeds_that_pass_without_it(row):
    after = caught_after(row)
    print(f"{row} Caught after {after}.")  # noqa: T201 - the table, with what was measured
    assert after is not None, "not within the seeds that the table states"
    campaign(after - 1)


def test_the_table_names_each_bug_and_stands_in_the_text():
    bugs = {
        bug for bug in vars(planted).values() if getattr(bug, "__module__", "") == planted.__name__
    }
    assert {row.bug for row in TABLE} == bugs - {planted.Planted}
    assert all(str(row) in planted.__doc__ for row in TABLE)
