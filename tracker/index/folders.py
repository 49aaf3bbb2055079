"""What is new in the store: found by one look at each run's folder and each open journal."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import time
from pathlib import Path
from typing import NamedTuple

from tracker.journal import Journal

_NAME = re.compile(r"x?[0-9a-f]{32}")

RACY_NS = 3_000_000_000
"""A folder changed less than this before it was listed may change again under the same
time stamp; it is listed again next time."""

SETTLE_S = 10.0
"""A dead writer's journal touched less than this ago may be a copy under way."""


class Folders(NamedTuple):
    """Folders of runs that want a look, and runs whose folder is gone."""

    changed: dict[str, int | None]
    """Name and change time; None where it cannot be trusted, as it is too new."""
    open: dict[str, int]
    """Unchanged ones with journals that are not known to be complete, and their run."""
    gone: list[int]


def look(connection: sqlite3.Connection, root: Path) -> Folders:
    """Compare the store with the index.

    Raises:
        OSError: the store's folder cannot be listed.
    """
    known = {
        name: (run, mtime)
        for name, run, mtime in connection.execute("SELECT folder, id, folder_mtime FROM run")
    }
    unsettled = {row[0] for row in connection.execute("SELECT run FROM journal WHERE NOT settled")}
    found = Folders({}, {}, [])
    newest_trusted = time.time_ns() - RACY_NS
    with os.scandir(root) as entries:
        for entry in entries:
            if not _NAME.fullmatch(entry.name) or not entry.is_dir(follow_symlinks=False):
                continue
            mtime = entry.stat(follow_symlinks=False).st_mtime_ns
            run, seen = known.pop(entry.name, (None, None))
            if mtime != seen:
                found.changed[entry.name] = mtime if mtime < newest_trusted else None
            elif run in unsettled:
                found.open[entry.name] = run
    found.gone.extend(run for run, _ in known.values())
    return found


class Extent(NamedTuple):
    """How much there is of a journal, to see whether it changed after it was complete.

    Sizes are those of the raw segments: packing changes nothing. What may not be opened has no
    size, so that it is seen when it may.
    """

    segments: int
    size: int
    settled: bool
    open: bool

    @classmethod
    def of(cls, journal: Journal) -> Extent:
        """Measure."""
        numbers = journal.segments()
        paths = [journal.path(number) for number in numbers]
        stats = [path.lstat() for path in paths]
        may = [_may_open(path, found) for path, found in zip(paths, stats, strict=True)]
        newest = max((found.st_mtime for found in stats), default=0.0)
        return cls(
            len(stats),
            sum(journal.size(n) for n, ours in zip(numbers, may, strict=True) if ours),
            all(may) and abs(time.time() - newest) > SETTLE_S,
            all(may),
        )


def _may_open(path: Path, found: os.stat_result) -> bool:
    return not stat.S_ISREG(found.st_mode) or os.access(path, os.R_OK)
