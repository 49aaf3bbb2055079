"""What runs are called among others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tracker.query.runview import RunView

_LEAST = 8
"""Characters of an id that a person is shown at least."""


def labels(runs: Sequence[RunView]) -> dict[str, str]:
    """What to call each of some runs, by id: its name, and where others have it as well its id too.

    The id is cut to what tells it from those of the others.
    """
    names = Counter(run.name for run in runs)
    length = _LEAST
    while len({run.id[:length] for run in runs}) < len(runs):
        length += 1
    return {
        run.id: run.name if run.name and names[run.name] == 1
        else f"{run.name or '?'} ({run.id[:length]})"
        for run in runs
    }  # fmt: skip
