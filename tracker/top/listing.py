"""`Listing`: the runs in their order, of which only what is on the screen is read whole.

A filter is plain words, each of which is in a run's name, project, id or status; or, as soon as
it compares something, one of the query language, as `Store.runs` takes it. Its "order by" goes
before the sorting of the list.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tracker.errors import BadInput
from tracker.query import RunView, Store
from tracker.query.runview import COLUMNS
from tracker.top.wish import Wish

_ORDERS = {
    "started": "started_at DESC, id DESC",
    "name": "name COLLATE NOCASE, started_at DESC, id DESC",
    "project": "project COLLATE NOCASE, started_at DESC, id DESC",
    "status": "status = 'running' DESC, status, started_at DESC, id DESC",
    "took": "coalesce(ended_at, strftime('%s', 'now') * 1000000000) - started_at DESC, id DESC",
    "metric": "last IS NULL, last DESC, started_at DESC, id DESC",
}
"""Of each of `SORTS`. The other way round is the whole list turned, but for runs without it."""


_LANGUAGE = re.compile(r"[<>=]|\b(in\s*\(|i?like\b|is\s|order\s+by\b)", re.IGNORECASE)
_ORDERED = re.compile(r"\border\s+by\b", re.IGNORECASE)


class Row(NamedTuple):
    """A run of the list and the last value of its metric, if it has it."""

    run: RunView
    last: float | None


class Listing:
    """The list as it stood when it was read; `read` again reads what changed.

    Attributes:
        store: where it is read from.
        ids: of all runs that match, in their order.
        rows: those that are on the screen, by id.
        runs: how many runs the store has.
        running: how many of them run.
        filter: the one that `ids` match.
        trouble: why that is not the one that was wished for; None if it is.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._stood: tuple[Any, ...] = ()
        self.ids: list[str] = []
        self.rows: dict[str, Row] = {}
        self.runs = 0
        self.running = 0
        self.filter = ""
        self.trouble: str | None = None

    def read(self, wish: Wish, metric: str | None, version: object) -> None:
        """Read the order, unless nothing changed since, and the rows that are on the screen.

        Args:
            wish: what is on the screen.
            metric: whose last value stands in the rows.
            version: what the index stands at, see `Reader`.
        """
        by = metric if wish.sort == "metric" else None
        stands = (version, wish.filter, wish.sort, wish.ascending, by)
        if stands != self._stood:
            try:
                self.ids = self._ids(wish, metric)
                self.filter, self.trouble = wish.filter, None
            except BadInput as error:  # most are not typed to their end yet
                self.trouble = str(error)
            ((self.runs, self.running),) = self.store.index.query(
                "SELECT count(*), coalesce(sum(status = 'running'), 0) FROM runs"
            )
            self._stood = stands
        wanted = self.ids[wish.first : wish.first + wish.count]
        if wish.cursor is not None:
            wanted = [*wanted, wish.cursor]
        self.rows = self._rows([*wanted, *wish.marked], metric)

    def _ids(self, wish: Wish, metric: str | None) -> list[str]:
        if not in_language(wish.filter):
            return self._ordered(wish, metric, *_matching(wish.filter))
        found = [run.id for run in self.store.runs(filter=wish.filter)]
        if _ORDERED.search(wish.filter):
            return found
        wanted = set(found)
        return [run for run in self._ordered(wish, metric, "", ()) if run in wanted]

    def _ordered(
        self, wish: Wish, metric: str | None, where: str, values: tuple[Any, ...]
    ) -> list[str]:
        table = "runs"
        if wish.sort == "metric":
            table = "runs LEFT JOIN (SELECT run, last FROM metrics WHERE key = ?) ON run = id"
            values = (metric, *values)
        order = _ORDERS[wish.sort]
        found = self.store.index.query(
            f"SELECT id FROM {table} {where} ORDER BY {order}",  # noqa: S608 - words of ours
            values,
        )
        ids = [run for (run,) in found]
        return ids[::-1] if wish.ascending else ids

    def _rows(self, ids: list[str], metric: str | None) -> dict[str, Row]:
        index = self.store.index
        marks = ", ".join("?" * len(ids))
        runs = index.query(f"SELECT {COLUMNS} FROM runs WHERE id IN ({marks})", tuple(ids))  # noqa: S608 - names are ours
        last = dict(
            index.query(
                f"SELECT run, last FROM metrics WHERE key = ? AND run IN ({marks})",  # noqa: S608 - names are ours
                (metric, *ids),
            )
        )
        return {row[0]: Row(RunView(index, row), last.get(row[0])) for row in runs}


def in_language(text: str) -> bool:
    """Whether a filter is one of the query language (`tracker.query.language`), not plain words."""
    return _LANGUAGE.search(text) is not None


def _matching(text: str) -> tuple[str, tuple[Any, ...]]:
    """The condition that a filter stands for: each word is in the name, project, id or status."""
    if not text.strip():
        return "", ()
    words = text.split()
    each = "instr(lower(name || char(31) || project || char(31) || id || char(31) || status), ?)"
    return f"WHERE {' AND '.join([each] * len(words))}", tuple(word.lower() for word in words)
