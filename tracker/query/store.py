"""`Store`: the runs of a store, for reading."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tracker.errors import BadInput
from tracker.index import Index
from tracker.query import names, paging
from tracker.query.asking import asked, narrowed, page
from tracker.query.groups import Groups, grouped
from tracker.query.reference import resolve
from tracker.query.runs import Runs
from tracker.query.runview import RunView
from tracker.store import StoreFolder

if TYPE_CHECKING:
    import sqlite_utils


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
        now = time.time_ns()
        question = [project, status, tag, filter, order_by]
        place = None if token is None else paging.place(question, token)
        if limit is not None and limit < 0:
            raise BadInput(f"limit={limit} cannot be used; give 0 or more.")
        query = asked(filter, order_by, place.now if place else now)
        if query.groups:
            raise BadInput('runs() lists runs; for "group by" there is groups().')
        self.index.catch_up()
        return page(self.index, narrowed(query, project, status, tag), question, place, now, limit)

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
            raise BadInput('groups() needs "group by FIELD" in the query; for runs there is runs().')
        self.index.catch_up()
        return Groups(grouped(self.index, read, now), names.hints(self.index, names.fields(read)))

    def run(self, ref: str) -> RunView:
        """Find one run by its id, the first 4 or more characters of it, or its name.

        Raises:
            RunError: no run or several are meant; names the nearest or all of them.
        """
        self.index.catch_up()
        return resolve(self.index, ref)

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
