"""`Store`: the runs of a store, for reading."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from tracker.errors import BadInput, RunError
from tracker.index import Index
from tracker.query import names, paging
from tracker.query.asking import asked, narrowed, page
from tracker.query.groups import Groups, grouped
from tracker.query.nearest import nearest_said
from tracker.query.paging import Place
from tracker.query.reference import referred, resolve
from tracker.query.runs import Runs
from tracker.query.runview import RunView, Steps
from tracker.query.selecting import Selected, select
from tracker.store import StoreFolder

if TYPE_CHECKING:
    import sqlite_utils

    from tracker.query.aligned import Aligned
    from tracker.query.best import Best
    from tracker.query.comparison import Comparison
    from tracker.query.diff import Diff
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
        filter: str | None = None,  # noqa: A002 - as MLflow's search_runs calls it
        order_by: str | Sequence[str] | None = None,
        limit: int | None = None,
        token: str | None = None,
    ) -> Runs:
        """List runs, newest first or as asked for.

        Args:
            project: only those of this project.
            status: only those of this status.
            tag: only those with this tag, "name" or "name=value".
            filter: only those that fulfil it, in the language of `tracker.query.language`:
                "metrics.loss < 0.1 and params.lr = 0.01"; may end with "order by ...".
            order_by: fields, each with "asc" or "desc" behind it if need be.
            limit: at most so many.
            token: go on where the page with this token ended; all else as for that page.

        Returns:
            A list of `RunView`, with the `token` of the next page.

        Raises:
            BadInput: the filter, order or token cannot be read; shows where.
        """
        question = [project, status, tag, filter, order_by]
        place = Place(time.time_ns()) if token is None else paging.place(question, token)
        if limit is not None and limit < 0:
            raise BadInput(f"limit={limit} cannot be used; give 0 or more.")
        query = asked(filter, order_by, place.now)
        if query.groups:
            raise BadInput('runs() lists runs; for "group by" there is groups().')
        self.index.catch_up()
        return page(self.index, narrowed(query, project, status, tag), question, place, limit)

    def groups(self, query: str) -> Groups:
        """Group runs and reckon figures over them.

        "status = 'finished' group by config.lr aggregate mean(metrics.loss), std, count": see
        `tracker.query.language`.

        Raises:
            BadInput: the query cannot be read, or has no "group by".
        """
        now = time.time_ns()
        read = asked(query, None, now)
        if not read.groups:
            raise BadInput(
                'groups() needs "group by FIELD" in the query; for runs there is runs().'
            )
        self.index.catch_up()
        return Groups(grouped(self.index, read, now), names.hints(self.index, names.fields(read)))

    def run(self, ref: str) -> RunView:
        """Find one run by its id, the first 4 or more characters of it, or its name.

        Raises:
            RunError: no run or several are meant; names the nearest or all of them.
        """
        self.index.catch_up()
        return resolve(self.index, ref)

    def compare(
        self,
        runs: Sequence[str | RunView],
        metric: str | None = None,
        baseline: str | RunView | None = None,
        *,
        mode: str | None = None,
        figure: str = "last",
        seeds: Sequence[str] = (),
    ) -> Comparison:
        """Compare runs by a metric: what differs, which is best, and how sure that is.

        Args:
            runs: run views, or what `run` finds them by.
            metric: what to compare by.
            baseline: the run that the others are held against: as above, or a tag that one run
                has; without it the first of `runs`. It need not be among them.
            mode: "min" or "max" is better; without it what `define_metric` or the metric's name
                says (see `tracker.query.direction`).
            figure: "last", "min", "max", "mean" or "first" value of the metric.
            seeds: config keys that tell repeats of one setting apart; without them those called
                "seed", "random_state" and the like.

        Raises:
            BadInput: fewer than two runs; no run has the metric (names the nearest), or none was
                given; which way is better is not known; no such mode or figure.
            RunError: a run is not found or ambiguous.
        """
        from tracker.query import comparison  # noqa: PLC0415 - for those who compare

        self.index.catch_up()
        found = [self._resolved(run) for run in runs]
        base = None
        if baseline is not None:
            base = baseline if isinstance(baseline, RunView) else referred(self.index, baseline)
        return comparison.compare(
            self.index, found, metric, base, mode=mode, figure=figure, seeds=seeds
        )

    def best(
        self,
        runs: Sequence[str | RunView],
        metric: str | None = None,
        *,
        mode: str | None = None,
        figure: str = "last",
    ) -> Best:
        """Find the run with the best finite value of a metric; arguments as those of `compare`.

        Raises:
            BadInput: no run has the metric or a finite value of it; and as `compare`.
            RunError: a run is not found or ambiguous.
        """
        from tracker.query import best  # noqa: PLC0415 - as above

        self.index.catch_up()
        found = [self._resolved(run) for run in runs]
        return best.best(self.index, found, metric, mode, figure)

    def diff(self, a: str | RunView, b: str | RunView) -> Diff:
        """Find everything that differs between two runs.

        Raises:
            BadInput: both are the same run.
            RunError: a run is not found or ambiguous.
        """
        from tracker.query import diff  # noqa: PLC0415 - as above

        self.index.catch_up()
        return diff.diff(self.index, self._resolved(a), self._resolved(b))

    def _resolved(self, run: str | RunView) -> RunView:
        return run if isinstance(run, RunView) else resolve(self.index, run)

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

    def select(self, sql: str, seconds: float = 60.0) -> Selected:
        """Read the index with one SELECT; changes are refused by SQLite itself.

        The views named in `tracker.index` are the documented surface.

        Args:
            sql: the statement.
            seconds: stop it after so long.

        Returns:
            Names of columns, and rows.

        Raises:
            BadInput: it cannot be used, or would do more than read.
            StoreError: it took too long, or the index cannot be read.
        """
        self.index.catch_up()
        with contextlib.closing(self.index.connection()) as connection:
            return select(connection, sql, seconds)

    def views(self) -> Selected:
        """The views of the index, and their columns: what `select` is for."""
        self.index.catch_up()
        rows = self.index.query(
            "SELECT m.name, group_concat(c.name, ', ') FROM sqlite_master AS m, "
            "pragma_table_info(m.name) AS c WHERE m.type = 'view' GROUP BY m.name ORDER BY m.name"
        )
        return Selected(["view", "columns"], rows)

    def tables(self) -> sqlite_utils.Database:
        """All of it as a sqlite-utils database, for free reading; changes are refused.

        The views named in `tracker.index` are the documented surface.
        """
        self.index.catch_up()
        return self.index.tables()


def _check_metric(key: str, views: Sequence[RunView], doubt: str) -> None:
    """Refuse a metric that none of some runs has.

    Raises:
        RunError: names the nearest ones that they have.
    """
    if any(view.has(key) for view in views):
        return
    near = nearest_said(key, (name for view in views for name in view.metrics))
    who = f"run {views[0].name} has no" if len(views) == 1 else f"none of {len(views)} runs has a"
    raise RunError(f"{who} metric {key!r}. {near or 'There is none at all.'}{doubt}")
