"""`Store`: the runs of a store, for reading."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from tracker.errors import BadInput, RunError
from tracker.index import Index
from tracker.query.nearest import nearest
from tracker.query.reference import resolve
from tracker.query.runview import COLUMNS, RunView, Steps
from tracker.store import StoreFolder

if TYPE_CHECKING:
    import sqlite_utils

    from tracker.query.aligned import Aligned
    from tracker.query.trend import Trend

AXES = ("step", "time", "relative time")
"""What several runs are aligned by, beside any metric."""


class Project(NamedTuple):
    """A project and how many runs it has; `last` is the start of its newest, in nanoseconds."""

    name: str
    runs: int
    running: int
    last: int


class Store:
    """A store, read through its index, which every call brings up to date first.

    Use one per thread.

    Args:
        dir: the store's folder (default: `$TRACKER_DIR`, else the user's data folder).

    Raises:
        StoreError: there is no store, or it cannot be used.
    """

    def __init__(self, dir: str | os.PathLike[str] | None = None) -> None:  # noqa: A002 - as tracker.init calls it
        self.folder = StoreFolder.open(dir)
        self.index = Index(self.folder)

    def __repr__(self) -> str:
        return f"Store({str(self.folder.root)!r})"

    def close(self) -> None:
        """Let go of the index. The next use opens it again."""
        self.index.close()

    def runs(
        self,
        project: str | None = None,
        *,
        status: str | None = None,
        tag: str | None = None,
        limit: int | None = None,
    ) -> list[RunView]:
        """List runs, newest first.

        Args:
            project: only those of this project.
            status: only those of this status.
            tag: only those with this tag, "name" or "name=value".
            limit: at most so many.
        """
        self.index.catch_up()
        conditions, values = _conditions(project, status, tag)
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        rows = self.index.query(
            f"SELECT {COLUMNS} FROM runs {where}ORDER BY started_at DESC, id DESC LIMIT ?",  # noqa: S608 - names are ours
            (*values, -1 if limit is None else limit),
        )
        return [RunView(self.index, row) for row in rows]

    def run(self, ref: str) -> RunView:
        """Find one run by its id, the first 4 or more characters of it, or its name.

        Raises:
            RunError: no run or several are meant; names the nearest or all of them.
        """
        self.index.catch_up()
        return resolve(self.index, ref)

    def history(
        self, runs: Sequence[RunView | str], key: str, *, by: str = "step", step: Steps = None,
        points: int | None = None, policy: str = "last", branch: str = "newest",
        rank: int | None = None,
    ) -> Aligned:  # fmt: skip
        """One metric of several runs side by side, a column a run, named by its id.

        Args:
            runs: the runs, or what names them (see `run`). One without the metric has an empty
                column.
            key: the metric.
            by: the axis: "step"; "time" of the clock; "relative time" since each run's start; or
                the name of another metric, which then tells where on it a point stands that was
                logged at the same step (its last finite value there; points without are left out).
            step: as of `RunView.history`.
            points: at most so many rows, of equal width on the axis. Without it: by step, a row
                for each step; else 1,000.
            policy: what a row's value is: the "last" or "first" of it in the order of the axis, or
                the "mean". The least and largest stand beside it, so that no spike vanishes.
            branch: as of `RunView.history`.
            rank: as there.

        Raises:
            BadInput: an argument cannot be used; says what can.
            RunError: no run has the metric, or a run is not there; names the nearest.
        """
        from tracker.query import curves  # noqa: PLC0415 - numpy, only where points are read

        want = curves.wanted(step, points, policy, branch, rank)
        views = [self.run(run) if isinstance(run, str) else run for run in runs]
        self.index.catch_up()
        for name in (key,) if by in AXES else (key, by):
            _check_metric(name, views, self.index.doubt)
        ids = [view.id for view in views]
        return curves.columns(self.index, ids, [(run, key) for run in ids], by, want)

    def trend(
        self, key: str, *, project: str | None = None, since: datetime | None = None,
        until: datetime | None = None, points: int = 30,
    ) -> Trend:  # fmt: skip
        """A metric over wall time, all runs together (the newest branch of each).

        Args:
            key: the metric.
            project: runs of this project only.
            since: points of this time or later, aware.
            until: points before this time, aware.
            points: at most so many rows. They are of a round width and begin at round times of
                this machine's zone.

        Raises:
            BadInput: points is less than 1.
            RunError: no run has the metric; names the nearest.
        """
        from tracker.query import trend  # noqa: PLC0415 - numpy, only where points are read

        if points < 1:
            raise BadInput(f"points={points!r} cannot be used; it is 1 or more.")
        self.index.catch_up()
        reach, zone_s = trend.reach(since, until), trend.zone_s(until)
        asked = trend.Question(key, project, reach, points, zone_s, self.index.doubt)
        return self.index.read(lambda connection: trend.read(connection, asked))

    def projects(self) -> list[Project]:
        """List projects by name."""
        self.index.catch_up()
        rows = self.index.query(
            "SELECT project, count(*), sum(status = 'running'), max(started_at) FROM runs "
            "GROUP BY project ORDER BY project"
        )
        return [Project(*row) for row in rows]

    def tables(self) -> sqlite_utils.Database:
        """All of it as a sqlite-utils database, for free reading; changes are refused.

        The views named in `tracker.index` are the documented surface.
        """
        self.index.catch_up()
        return self.index.tables()


def _conditions(
    project: str | None, status: str | None, tag: str | None
) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    for column, wanted in (("project", project), ("status", status)):
        if wanted is not None:
            conditions.append(f"{column} = ?")
            values.append(wanted)
    if tag is not None:
        name, equals, value = tag.partition("=")
        matching = "tag = ?" + (" OR (tag = ? AND value = ?)" if equals else "")
        conditions.append(f"id IN (SELECT run FROM tags WHERE {matching})")  # noqa: S608 - names are ours
        values.extend((tag, name, value) if equals else (tag,))
    return conditions, values


def _check_metric(key: str, views: Sequence[RunView], doubt: str) -> None:
    """Refuse a metric that none of some runs has.

    Raises:
        RunError: names the nearest ones that they have.
    """
    if any(view.has(key) for view in views):
        return
    near = nearest(key, (name for view in views for name in view.metrics))
    who = f"run {views[0].name} has no" if len(views) == 1 else f"none of {len(views)} runs has a"
    raise RunError(f"{who} metric {key!r}. {near or 'There is none at all.'}{doubt}")
