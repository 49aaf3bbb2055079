"""What counts where a step was logged more than once: one point a step, by a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracker.errors import BadInput

if TYPE_CHECKING:
    from tracker.index.history import History

POLICIES = ("all", "last", "first", "mean")
BRANCHES = ("newest", "old", "all")


def check_choice(policy: str, branch: str) -> None:
    """Refuse what is no policy or no branch.

    Raises:
        BadInput: names what there is.
    """
    for word, value, known in (("policy", policy, POLICIES), ("branch", branch, BRANCHES)):
        if value not in known:
            raise BadInput(f"{word}={value!r} cannot be used; it is one of {', '.join(known)}.")


def settle(points: History, policy: str) -> History:
    """Leave one point a step, in the order of steps; with "all" every point as it was logged.

    "last" and "first" go by the order of logging, not by the clock. "mean" passes over NaN,
    unless a step has nothing else; its time and writer are those of the last point.
    """
    if policy == "all" or not len(points.steps):
        return points
    import numpy as np  # noqa: PLC0415 - only where points are read

    order = np.argsort(points.steps, kind="stable")
    steps = points.steps[order]
    begins = np.flatnonzero(np.r_[True, steps[1:] != steps[:-1]])
    ends = np.r_[begins[1:], len(steps)] - 1
    chosen = points.only(order[begins if policy == "first" else ends])
    if policy != "mean":
        return chosen
    values = points.values[order]
    numbers = ~np.isnan(values)
    with np.errstate(all="ignore"):
        sums = np.add.reduceat(np.where(numbers, values, 0.0), begins)
        means = sums / np.add.reduceat(numbers.astype(np.int64), begins)
    return chosen._replace(values=means)
