"""Names: what runs are called among others, and names near to one that is not there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

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


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that names what is nearest to a name, or that there is nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for an error

    names = sorted(known)
    near = get_close_matches(name, names, 3, 0.5) or names[:3]
    return f"Nearest: {', '.join(map(repr, near))}." if near else "They have no metrics."
