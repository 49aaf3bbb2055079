"""A question for runs, from what a caller gave to a page of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from tracker.errors import BadInput
from tracker.index import Index
from tracker.query import names, paging, search
from tracker.query.language import parse
from tracker.query.language.tree import Both, Compare, Condition, Field, IsNull, Query
from tracker.query.paging import Place
from tracker.query.runs import Runs
from tracker.query.runview import RunView


def asked(filter_: str | None, order_by: str | Sequence[str] | None, now: int) -> Query:
    """The query that a filter and an order say, at a time in nanoseconds.

    Raises:
        BadInput: one cannot be read, or the order is given in both.
    """
    at = datetime.fromtimestamp(now / 1e9, timezone.utc)
    query = parse(filter_ or "", at)
    if not order_by:
        return query
    if query.order:
        raise BadInput("the order is given twice: in the filter, and beside it. Leave one out.")
    orders = [order_by] if isinstance(order_by, str) else order_by
    return replace(query, order=parse(f"order by {', '.join(orders)}", at).order)


def narrowed(query: Query, project: str | None, status: str | None, tag: str | None) -> Query:
    """The query, of runs of a project, status or tag only."""
    wanted = list[Condition]()
    for key, value in (("project", project), ("status", status)):
        if value is not None:
            wanted.append(Compare(Field("attributes", key), "=", value))
    if tag is not None:
        name, equals, value = tag.partition("=")
        whole = IsNull(Field("tags", tag), negated=True)
        valued = Compare(Field("tags", name), "=", value)
        wanted.append(Both("or", (whole, valued)) if equals else whole)
    if not wanted:
        return query
    given = query.filter
    if isinstance(given, Both) and given.word == "and":
        wanted += given.conditions
    elif given is not None:
        wanted.append(given)
    return replace(query, filter=wanted[0] if len(wanted) == 1 else Both("and", tuple(wanted)))


def page(
    index: Index, query: Query, question: list[Any], place: Place | None, now: int,
    limit: int | None,
) -> Runs:  # fmt: skip
    """The runs of a query behind a place, and the token of the page behind them."""
    at = place.now if place else now
    behind = place.values if place else None
    if limit == 0:
        return Runs(index, [])
    more = None if limit is None else limit + 1
    found = search.find(index, query, at, behind=behind, limit=more)
    rows, token = found.runs(), None
    if limit is not None and len(rows) > limit:
        rows = rows[:limit]
        token = paging.token(question, Place(at, found.place(limit - 1)))
    named = names.fields(query)
    runs = [RunView(index, row) for row in rows]
    return Runs(index, runs, token=token, hints=names.hints(index, named), fields=named)
