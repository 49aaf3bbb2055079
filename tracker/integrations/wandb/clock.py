"""When a row is: the keys by which rows of W&B say it, and what we add to them."""

from __future__ import annotations

STEP, TIME, RUNTIME = "_step", "_timestamp", "_runtime"
"""W&B's own: the step; seconds since 1970, and since the run began."""

TRUE_STEP, TIMES = "_tracker_step", "_tracker_times"
"""Of a row: the step of its log calls, if it stands at another one; a JSON text of milliseconds by
key, of those that were logged at another one than the row."""

_NS_PER_US, _US_PER_S = 1_000, 1e6


def when(time_ns: int, start_ns: int) -> dict[str, float]:
    """Say when a row is, in seconds; of both the microseconds are exact."""
    ran_ns = max(time_ns - start_ns, 0)
    return {TIME: time_ns // _NS_PER_US / _US_PER_S, RUNTIME: ran_ns // _NS_PER_US / _US_PER_S}
