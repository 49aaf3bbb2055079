"""What was taken from a source: counts, and what was not and why."""

from __future__ import annotations

import msgspec

from tracker.events import SOURCE, START
from tracker.recording import KINDS


class Lost(msgspec.Struct, frozen=True):
    """Bytes of a source from `start` to `end` that gave nothing, and why.

    `first` and `last` are the numbers of the records that were there; 0 where nothing follows
    that tells. `torn`: the end of a file, where perhaps the rest is still to come. `file`: which,
    where a run has several.
    """

    start: int
    end: int
    reason: str
    first: int = 0
    last: int = 0
    torn: bool = False
    file: str = ""


class Taken(msgspec.Struct):
    """What one import took from one place: a file, a folder or a run in a database.

    Attributes:
        file: its path; of a run in a database also its id, behind "#".
        run, name, project: the run that it was taken into; empty if nothing was to be had yet.
        status: "finished", "failed" or "killed" as the tool says; "open" where it does not: the
            run goes on, or its process was killed.
        records: how many entries were taken now; `known` are those of earlier imports.
        points: metric points and texts taken now.
        events: what was taken now, by kind.
        left_out: what was not taken, by what it is.
        trouble: what of that a person can do something about, in words.
        lost: damage of the file.
        error: why the run was not taken, or not to its end; empty if all is well.
    """

    file: str
    run: str = ""
    name: str = ""
    project: str = ""
    status: str = "open"
    records: int = 0
    known: int = 0
    points: int = 0
    events: dict[str, int] = {}
    left_out: dict[str, int] = {}
    trouble: list[str] = []
    lost: list[Lost] = []
    error: str = ""

    def count(self, kind: int, number: int = 1) -> None:
        """Count events that were taken."""
        if kind not in (START, SOURCE):  # those tell of our journal
            self.events[KINDS[kind]] = self.events.get(KINDS[kind], 0) + number
