"""What runs are ordered by, as SQL: columns, and what follows behind a place in that order.

A field that may be missing takes several columns. The first is its rank: 0 where there is a number
(or what an attribute is), 1 NaN, 2 a text, 3 nothing; it rises in both directions. The last two
columns of all are the start and the id, so that no two runs have one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tracker.query.conditions import (
    KIND_NUMBERS,
    WORD,
    Part,
    attribute,
    figure,
    number_of,
    text_of,
)
from tracker.query.language.tree import Field, Order

_ALWAYS_THERE = ("id", "start_time", "name", "project", "status", "events")
_TEXT_CHARACTERS = 256
"""Texts are ordered by so many of their characters."""


class Column(NamedTuple):
    """An expression to order by, and its direction."""

    part: Part
    descending: bool


class Ordering(NamedTuple):
    """The columns, and the tables that they need beside `run`."""

    columns: list[Column]
    joins: list[Part]
    first: Part | None
    """Where runs that have a number in the first field stand in its order: `FROM ... WHERE ...`,
    with the row as `o0`; None where no index has them."""
    first_number: str = ""
    """That number there."""

    def clause(self, skipped: int = 0) -> str:
        """The ORDER BY, of the columns as they are named in the SELECT: k0, k1, ..."""
        terms = enumerate(self.columns)
        return ", ".join(
            f"k{n}{' DESC' if column.descending else ''}" for n, column in terms if n >= skipped
        )

    def behind(self, values: Sequence[Any]) -> Part:
        """The condition that a run stands behind the one that has these values in the columns."""
        condition = Part("0")
        for column, value in reversed(list(zip(self.columns, values, strict=True))):
            sql, bound = column.part
            further = f"({sql} IS ? AND {condition.sql})"
            inner = (*bound, value, *condition.values)
            if value is None:  # among equal ranks all others are NULL too
                condition = Part(further, inner)
            else:
                sign = "<" if column.descending else ">"
                condition = Part(f"({sql} {sign} ? OR {further})", (*bound, value, *inner))
        return condition


def ordering(order: Sequence[Order], now: int) -> Ordering:
    """The order that a query wants; newest first where it says nothing, and among equals."""
    columns, joins, first, number_there = list[Column](), list[Part](), None, ""
    for number, one in enumerate(order):
        assert isinstance(one.by, Field)  # noqa: S101 - figures order groups, not runs
        at = f"o{number}"
        joins += _join(one.by, at)
        columns += [Column(part, descending) for part, descending in _columns(one, at, now)]
    if order and isinstance(order[0].by, Field):
        first = _first(order[0].by)
        number_there = "o0.last" if order[0].by.kind == "metrics" else "o0.number"
    newest = True
    if order and isinstance(order[-1].by, Field) and order[-1].by.key == "start_time":
        newest = order[-1].descending
    else:
        columns.append(Column(Part("run.started_at"), True))
    columns.append(Column(Part("run.run_id"), newest))
    return Ordering(columns, joins, first, number_there)


def _join(field: Field, at: str) -> list[Part]:
    if field.kind == "metrics":
        on = f"{at}.key = {WORD} AND {at}.run = run.id"
        return [Part(f"LEFT JOIN metric AS {at} ON {on}", (field.key,))]
    if field.kind in KIND_NUMBERS:
        on = f"{at}.kind = ? AND {at}.key = {WORD} AND {at}.run = run.id"
        return [Part(f"LEFT JOIN setting AS {at} ON {on}", (KIND_NUMBERS[field.kind], field.key))]
    return []


def _columns(order: Order, at: str, now: int) -> list[tuple[Part, bool]]:
    field, down = order.by, order.descending
    assert isinstance(field, Field)  # noqa: S101 - see ordering
    if field.kind == "metrics":
        value = f"{at}.{figure(field)}"
        rank = f"CASE WHEN {value} IS NOT NULL THEN 0 WHEN {at}.run IS NOT NULL THEN 1 ELSE 3 END"
        return [(Part(rank), False), (Part(value), down)]
    if field.kind in KIND_NUMBERS:
        number = number_of(field, f"{at}.")
        text = f"substr({text_of(field, f'{at}.')}, 1, {_TEXT_CHARACTERS})"
        rank = (
            f"CASE WHEN {number} IS NOT NULL THEN 0 WHEN {at}.value = 'NaN' THEN 1 "
            f"WHEN {text} IS NOT NULL THEN 2 ELSE 3 END"
        )
        only = f"CASE WHEN {number} IS NULL THEN {text} END"
        return [(Part(rank), False), (Part(number), down), (Part(only), down)]
    value = attribute(field, now)
    if field.key in _ALWAYS_THERE and field.kind == "attributes":
        return [(value, down)]
    rank = f"CASE WHEN {value.sql} IS NULL THEN 3 ELSE 0 END"
    return [(Part(rank, value.values), False), (value, down)]


def _first(field: Field) -> Part | None:
    if field.kind == "metrics" and field.part == "last":
        table = "metric AS o0 INDEXED BY metric_by_last"
        return Part(f"{table} WHERE o0.key = {WORD} AND o0.last IS NOT NULL", (field.key,))
    if field.kind in KIND_NUMBERS:
        table = "setting AS o0 INDEXED BY setting_by_value"
        there = f"o0.number IS NOT NULL AND {number_of(field, 'o0.')} IS NOT NULL"
        return Part(
            f"{table} WHERE o0.kind = ? AND o0.key = {WORD} AND {there}",
            (KIND_NUMBERS[field.kind], field.key),
        )
    return None
