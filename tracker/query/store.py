"""`Store`: the runs of a store, for reading."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tracker.index import Index
from tracker.query.reference import referred, resolve
from tracker.query.runview import COLUMNS, RunView
from tracker.store import StoreFolder

if TYPE_CHECKING:
    import sqlite_utils

    from tracker.query.best import Best
    from tracker.query.comparison import Comparison
    from tracker.query.diff import Diff


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
