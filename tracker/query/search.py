"""Finding the runs that a query means, a page at a time.

The index is entered at one of three places. Where a comparison of the query, one that has to hold,
is fulfilled by few runs, these are looked at. Else, where an index has the order, it is followed
until the page is full. Else the runs are gone through, newest first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tracker.errors import BadInput
from tracker.index import Index
from tracker.query.conditions import RUN, Part, condition, indexed, values_of
from tracker.query.language.tree import Both, Condition, Query
from tracker.query.ordering import Ordering, ordering
from tracker.query.runview import COLUMNS

FEW = 2500
"""Runs that are looked at one by one rather than followed in the order: of 100,000, with pages of
50, it costs about the same."""

_RUN_COLUMNS = len(COLUMNS.split(","))


class Found(NamedTuple):
    """Rows of runs, each with what it is ordered by behind it."""

    rows: list[tuple[Any, ...]]

    def runs(self) -> list[tuple[Any, ...]]:
        """The columns that a `RunView` is made of."""
        return [row[:_RUN_COLUMNS] for row in self.rows]

    def place(self, number: int) -> list[Any]:
        """The place of a row in the order, to go on behind."""
        return list(self.rows[number][_RUN_COLUMNS:])


def find(
    index: Index, query: Query, now: int, *, behind: list[Any] | None = None,
    limit: int | None = None,
) -> Found:  # fmt: skip
    """Read the runs that a query means, in its order.

    Args:
        index: read as it is.
        query: what to find; its groups are not looked at.
        now: its time, in nanoseconds.
        behind: only runs behind this place in the order.
        limit: at most so many.

    Raises:
        BadInput: the place is none in this order.
    """
    order = ordering(query.order, now)
    wanted = [condition(query.filter, now)] if query.filter is not None else []
    if behind is not None:
        if len(behind) != len(order.columns):
            raise BadInput("the token is damaged; give the one that the page before ended with.")
        wanted.append(order.behind(behind))
    few = _few(index, query.filter)
    at_numbers = behind is None or behind[0] == 0
    if few is None and order.first is not None and limit is not None and at_numbers:
        source = _following(order, order.first, wanted)
        followed = _read(index, source, order, limit, followed=True)
        if len(followed) == limit:
            return Found(followed)
    return Found(_read(index, _gone_through(order, few, wanted), order, limit))


def matching(index: Index, tree: Condition | None, now: int) -> Part:
    """The rows `run` that fulfil a condition, `FROM ... WHERE ...`, for who reads other columns."""
    few = _few(index, tree)
    wanted = [condition(tree, now)] if tree is not None else []
    return _gone_through(Ordering([], [], None), few, wanted)


def _few(index: Index, tree: Condition | None) -> Part | None:
    """Where the runs stand that fulfil the comparison which the fewest do; None if many do."""
    conditions = tree.conditions if isinstance(tree, Both) and tree.word == "and" else (tree,)
    found = [part for one in conditions if one is not None and (part := indexed(one)) is not None]
    counted = list[tuple[int, int]]()
    for part in found:
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {part.sql} LIMIT {FEW})"  # noqa: S608 - ours
        counted.append((index.query(sql, part.values)[0][0], len(counted)))
    if not counted or min(counted)[0] >= FEW:
        return None
    return found[min(counted)[1]]


def _following(order: Ordering, first: Part, wanted: list[Part]) -> Part:
    """Runs in the order of an index."""
    table, _, there = first.sql.partition(" WHERE ")
    parts = [Part(f"{table} CROSS JOIN run ON run.id = o0.run"), *order.joins[1:]]
    # Said of the row of the index, a comparison is made before the run itself is looked for.
    early = [Part(part.sql.replace(RUN, "run = o0.run"), part.values) for part in wanted]
    return _joined(parts, [Part(there, first.values), *early])


def _gone_through(order: Ordering, few: Part | None, wanted: list[Part]) -> Part:
    """Runs as they come."""
    table = Part("run")
    if few is not None:
        inner = f"(SELECT run AS place FROM {few.sql}) AS few"  # noqa: S608 - ours
        table = Part(f"{inner} CROSS JOIN run ON run.id = few.place", few.values)
    return _joined([table, *order.joins], wanted)


def _joined(tables: list[Part], conditions: list[Part]) -> Part:
    where = " AND ".join(part.sql for part in conditions) or "1"
    sql = f"{' '.join(part.sql for part in tables)} WHERE {where}"
    return Part(sql, values_of(*tables, *conditions))


def _read(
    index: Index, source: Part, order: Ordering, limit: int | None, *, followed: bool = False
) -> list[tuple[Any, ...]]:
    """Read the runs of a source; only those of the page are read whole."""
    columns = [column.part for column in order.columns]
    if followed:  # all of one rank, and in the words of the index, so that nothing is sorted
        columns[:2] = [Part("0"), Part(order.first_number)]
    keys = ", ".join(f"{part.sql} AS k{n}" for n, part in enumerate(columns))
    names = ", ".join(f"k{n}" for n in range(len(columns)))
    page = (
        f"SELECT run.run_id AS place, {keys} FROM {source.sql} "  # noqa: S608 - names are ours
        f"ORDER BY {order.clause(skipped=int(followed))} LIMIT ?"
    )
    sql = (
        f"SELECT {COLUMNS}, {names} FROM ({page}) AS page "  # noqa: S608 - names are ours
        f"CROSS JOIN runs ON runs.id = place ORDER BY {order.clause()}"
    )
    return index.query(sql, (*values_of(*columns, source), -1 if limit is None else limit))
