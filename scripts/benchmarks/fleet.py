"""Ten thousand daemons come back to one server after an outage of an hour, in simulation."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from scripts.benchmarks.outage import Fleet, Policy, Server
from scripts.benchmarks.table import show
from syncd.retry import Breaker, quick_pause, slow_pause
from tracker.settings import Settings

SEED = 4
LIMIT_S = 3_600.0
RETRY_AFTER_S = 30.0
FIXED_S = 30.0

_OURS = Settings()
_NONE = partial(Breaker, sys.maxsize, 0.0, 0.0)
_BREAKER = partial(
    Breaker, _OURS.breaker_failures, _OURS.breaker_pause_s, _OURS.slow_retry_s
)  # fmt: skip


def _fixed(_failures: int, _retry_after: float | None) -> float:
    return FIXED_S


def _none(_failed: int, _retry_after: float | None, _settings: Settings) -> None:
    """One attempt, whatever comes of it."""


def _slow(failures: int, retry_after: float | None) -> float:
    return slow_pause(failures, retry_after, _OURS)


POLICIES = {
    "each lane again after 30 s": Policy(_none, _fixed, _NONE),
    "quick attempts, slow schedule, jitter": Policy(quick_pause, _slow, _NONE),
    "and the breaker": Policy(quick_pause, _slow, _BREAKER),
    "and the server says Retry-After: 30": Policy(quick_pause, _slow, _BREAKER, RETRY_AFTER_S),
}


def figures(fleet: Fleet, policy: Policy, limit_s: float = LIMIT_S) -> dict[str, float]:
    """What the server saw, rates as multiples of its capacity."""
    server = fleet.comes_back(policy, limit_s, SEED)
    back = int(fleet.away_s)

    def rate(first: int, last: int) -> float:
        return sum(map(server.asked.__getitem__, range(first, last))) / (last - first)

    rates = {
        "away": rate(back // 2, back),
        "first_1_s": rate(back, back + 1),
        "first_10_s": rate(back, back + 10),
        "first_60_s": rate(back, back + 60),
        "peak": float(max(server.asked[second] for second in range(back, back + int(limit_s)))),
    }
    return {name: found / fleet.capacity for name, found in rates.items()} | _drained(fleet, server)


def _drained(fleet: Fleet, server: Server) -> dict[str, float]:
    return {
        "sent": server.served / fleet.work,
        "seconds": server.last_at - fleet.away_s,
        "refused": server.refused / (server.refused + server.served),
    }


def measure(daemons: int = 10_000, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    whole = Fleet()
    share = daemons / whole.daemons
    fleet = Fleet(daemons, capacity=whole.capacity * share, queue=int(whole.queue * share))
    taken = {}
    for name, policy in POLICIES.items():
        print(f"  {name}", file=sys.stderr)
        taken[name] = figures(fleet, policy)
    rows = [
        (
            name, f["away"], f["first_1_s"], f["first_10_s"], f["first_60_s"], f["peak"],
            f"{f['seconds']:,.0f} s" if f["sent"] == 1 else f"{f['sent']:.0%} after an hour",
            f"{f['refused']:.0%}",
        )
        for name, f in taken.items()
    ]  # fmt: skip
    show(
        f"{fleet.daemons:,} daemons come back after an outage of an hour: requests in a second, "
        "of those that the server takes",
        ("policy", "away", "first 1 s", "10 s", "60 s", "peak", "all sent", "refused"), rows,
        f"each has {fleet.lanes * fleet.batches} batches in {fleet.lanes} lanes; the server takes "
        f"{fleet.capacity:,.0f} a second: {fleet.work / fleet.capacity:,.0f} s at the least",
        "away: in the last half of the outage; refused: of the requests since the server is back",
    )  # fmt: skip
    return taken
