"""`Points`: histories of runs, read again only where something was added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracker.query import RunView

if TYPE_CHECKING:
    from tracker.index.history import History

_POINTS = 4096
"""Of a curve: more than a terminal has dots across; no spike is left out."""


class Points:
    """Histories of what was asked for since the last `sweep`."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, bool], tuple[int, History]] = {}
        self._asked: set[tuple[str, str, bool]] = set()

    def of(self, run: RunView, key: str, *, measure: bool = False) -> History:
        """Points of a metric, or of a measure of the machine, as far as `run` was read.

        Raises:
            RunError: the run has none of that name.
        """
        place = run.id, key, measure
        self._asked.add(place)
        known = self._kept.get(place)
        if known is None or known[0] != run.events:
            found = run.system(key) if measure else run.history(key, points=_POINTS)
            known = self._kept[place] = run.events, found
        return known[1]

    def sweep(self) -> None:
        """Let go of what was not asked for since the last time."""
        self._kept = {place: self._kept[place] for place in self._asked if place in self._kept}
        self._asked.clear()
