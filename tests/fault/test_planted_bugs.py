"""Each bug of `planted.TABLE` is caught, so the campaigns can fail; without it they pass.

`pytest -rP` shows after how many seeds.
"""

from __future__ import annotations

import pytest

from tests.fault import planted
from tests.fault.campaigns import CAMPAIGNS, sigkill
from tests.fault.planted import TABLE


def caught_after(row):
    """How many seeds it took, None if all that the table allows were not enough."""
    for seed in range(row.seeds):
        try:
            if row.campaign == "SIGKILL":
                sigkill(seed, row.bug)
            else:
                with row.bug():
                    CAMPAIGNS[row.campaign](seed)
        except AssertionError:  # noqa: PERF203 - each seed is tried
            return seed + 1
    return None


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.bug.__name__}-{row.campaign}")
def test_a_planted_bug_is_caught_by_seeds_that_pass_without_it(row):
    after = caught_after(row)
    print(f"{row} Caught after {after}.")  # noqa: T201 - the table, with what was measured
    assert after is not None, "not within the seeds that the table states"
    for seed in range(after):
        CAMPAIGNS[row.campaign](seed)


def test_the_table_names_each_bug_and_campaign_and_stands_in_the_text():
    bugs = {
        bug for bug in vars(planted).values() if getattr(bug, "__module__", "") == planted.__name__
    }
    assert {row.bug for row in TABLE} == bugs - {planted.Planted}
    assert {row.campaign for row in TABLE} == set(CAMPAIGNS)
    assert all(str(row) in planted.__doc__ for row in TABLE)
