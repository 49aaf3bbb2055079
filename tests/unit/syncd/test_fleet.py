"""What many daemons do to one server that comes back is bounded, and all of them get through."""

from __future__ import annotations

import pytest

from scripts.benchmarks.fleet import POLICIES, figures
from scripts.benchmarks.outage import Fleet

FLEET = Fleet(daemons=100, away_s=900.0, capacity=2.0, queue=4)


@pytest.mark.parametrize(
    ("name", "most"),
    [("and the breaker", 10.0), ("and the server says Retry-After: 30", 8.0)],
)
def test_a_fleet_that_comes_back_leaves_the_server_room(name, most):
    """Multiples of its capacity: below half of it while it is away, a peak, and all is sent."""
    found = figures(FLEET, POLICIES[name])
    assert found["sent"] == 1
    assert found["seconds"] < 1.6 * FLEET.work / FLEET.capacity
    assert found["away"] < 0.5
    assert found["peak"] <= most


def test_without_the_breaker_the_same_fleet_asks_more_than_the_server_takes():
    """The bound above is the breaker's work: this can fail."""
    found = figures(FLEET, POLICIES["quick attempts, slow schedule, jitter"], limit_s=10.0)
    assert found["away"] > 1.5
