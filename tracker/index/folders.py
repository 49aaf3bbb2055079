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

MANY = 5_000
"""Runs in a store up to which every folder is looked at each time."""

REST = 10
"""With more, there is no look for so many times what the last one took."""

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


class Looks:
    """Looks at the store, one after the other, for one connection to the index.

    A look at very many folders takes long. With more than `MANY` it is repeated only after `REST`
    times as long, unless a run's folder came or went; until then only what is known to be open is
    looked at. So in such a store a run that had ended, and is gone on with by another process,
    is noticed so much later.
    """

    def __init__(self) -> None:
        self._until = 0.0
        self._seen: int | None = None

    def look(self, connection: sqlite3.Connection, root: Path) -> Folders:
        """As the function `look`.

        Raises:
            OSError: the store's folder cannot be listed.
        """
        began, now = time.monotonic(), time.time_ns()
        mtime = root.stat().st_mtime_ns
        if self._seen == mtime and began < self._until:
            return _known_open(connection)
        found = look(connection, root)
        self._until = time.monotonic() + REST * (time.monotonic() - began)
        settled = mtime < now - RACY_NS and not found.changed and not found.gone
        (runs,) = connection.execute("SELECT count(*) FROM run").fetchone()
        self._seen = mtime if settled and runs > MANY else None
        return found


def _known_open(connection: sqlite3.Connection) -> Folders:
    """The folders of journals that are not known to be complete."""
    return Folders({}, dict(connection.execute(
        "SELECT DISTINCT run.folder, run.id FROM journal JOIN run ON run.id = journal.run "
        "WHERE NOT settled"
    )), [])  # fmt: skip


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
