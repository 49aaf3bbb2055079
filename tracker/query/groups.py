"""`Groups`: runs grouped by fields, with figures over each group."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from tracker.index import Index
from tracker.query import frames, search
from tracker.query.answer import Answer
from tracker.query.conditions import (
    KIND_NUMBERS,
    WORD,
    Part,
    attribute,
    figure,
    number_of,
    values_of,
)
from tracker.query.language.tree import Field, Figure, Query
from tracker.query.printed import Cell
from tracker.query.records import moment


class Group(NamedTuple):
    """Runs that have the same values in the fields they are grouped by.

    `by` and `figures` are by the names that a query has for them; a missing value is None.
    """

    by: dict[str, Any]
    figures: dict[str, float | int | None]


class Groups(Answer, list[Group]):
    """Groups in the order that was asked for, else by their values; prints as a table.

    Attributes:
        hints: keys that no run has, with the nearest names.
    """

    def __init__(self, groups: Iterable[Group], hints: Sequence[str] = ()) -> None:
        super().__init__(groups)
        self.hints = list(hints)

    def table(self) -> dict[str, list[Cell]]:
        """Columns of equal length: what it is grouped by, then the figures."""
        rows = [{**group.by, **group.figures} for group in self]
        return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}

    def columns(self) -> dict[str, list[Any]]:
        """As `table`, each column of one type (see `Runs.columns`)."""
        return {name: frames.of_one_type(values) for name, values in self.table().items()}


def grouped(index: Index, query: Query, now: int) -> list[Group]:
    """Group the runs that a query means, and reckon its figures."""
    figures = dict.fromkeys([*query.figures, *_ordered_by(query)])
    numbers = [figure.field for figure in figures if figure.field is not None]
    parts: list[Part] = [
        *(_value(field, now) for field in query.groups),
        *(_number(f, now) for f in numbers),
    ]
    source = search.matching(index, query.filter, now)
    rows = index.query(
        f"SELECT {', '.join(part.sql for part in parts)} FROM {source.sql}",  # noqa: S608 - ours
        values_of(*parts, source),
    )
    width = len(query.groups)
    members: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for row in rows:
        members.setdefault(row[:width], []).append(row[width:])
    found = [
        (Group(_by(query.groups, key), _figures(list(figures), found)), key)
        for key, found in members.items()
    ]
    found.sort(key=lambda item: tuple(map(_rank, item[0].by.values())))
    groups = [group for group, _ in found]
    for order in reversed(query.order):
        name = str(order.by)
        groups.sort(key=lambda g: _place({**g.by, **g.figures}[name], down=order.descending))
    wanted = {str(figure) for figure in query.figures}
    return [Group(g.by, {k: v for k, v in g.figures.items() if k in wanted}) for g in groups]


def _ordered_by(query: Query) -> list[Figure]:
    return [order.by for order in query.order if isinstance(order.by, Figure)]


def _value(field: Field, now: int) -> Part:
    """What a group is told apart by: of config and the like the JSON, so that 1 is not '1'."""
    if field.kind in KIND_NUMBERS:
        sql = f"(SELECT value FROM setting WHERE kind = ? AND key = {WORD} AND run = run.id)"  # noqa: S608 - ours
        return Part(sql, (KIND_NUMBERS[field.kind], field.key))
    return _number(field, now) if field.kind == "metrics" else attribute(field, now)


def _number(field: Field, now: int) -> Part:
    if field.kind == "metrics":
        sql = f"(SELECT {figure(field)} FROM metric WHERE key = {WORD} AND run = run.id)"  # noqa: S608 - ours
        return Part(sql, (field.key,))
    if field.kind in KIND_NUMBERS:
        wanted = number_of(field)
        sql = f"(SELECT {wanted} FROM setting WHERE kind = ? AND key = {WORD} AND run = run.id)"  # noqa: S608 - ours
        return Part(sql, (KIND_NUMBERS[field.kind], field.key))
    return attribute(field, now)


def _by(fields: Sequence[Field], key: tuple[Any, ...]) -> dict[str, Any]:
    found = {}
    for field, value in zip(fields, key, strict=True):
        said = value
        if value is not None and field.kind in ("config", "summary", "params"):
            said = json.loads(value)
        elif value is not None and field.key in ("start_time", "end_time"):
            said = moment(value)
        found[str(field)] = said
    return found


def _figures(
    figures: Sequence[Figure], members: Sequence[tuple[Any, ...]]
) -> dict[str, float | int | None]:
    found: dict[str, float | int | None] = {}
    column = 0
    for one in figures:
        if one.field is None:
            found[str(one)] = len(members)
            continue
        numbers = [row[column] for row in members if isinstance(row[column], (int, float))]
        found[str(one)] = _FIGURES[one.name](numbers) if numbers else None
        column += 1
    return found


def _mean(numbers: list[float]) -> float:
    return _sum(numbers) / len(numbers)


def _sum(numbers: list[float]) -> float:
    """Exact but for the last rounding; with infinities, or beyond them, as floats add up."""
    try:
        return math.fsum(numbers)
    except (ValueError, OverflowError):
        return float(sum(numbers))


def _median(numbers: list[float]) -> float:
    ordered, middle = sorted(numbers), len(numbers) // 2
    if len(numbers) % 2:
        return ordered[middle]
    return ordered[middle - 1] / 2 + ordered[middle] / 2


def _std(numbers: list[float]) -> float | None:
    if len(numbers) == 1:
        return None
    mean = _mean(numbers)
    return math.sqrt(_sum([(n - mean) * (n - mean) for n in numbers]) / (len(numbers) - 1))


_FIGURES: dict[str, Callable[[list[float]], float | None]] = {
    "mean": _mean, "std": _std, "min": min, "max": max, "sum": _sum, "median": _median,
}  # fmt: skip


def _rank(value: Any) -> tuple[int, float, str]:
    """Numbers by number, then texts, then nothing."""
    if value is None:
        return 3, 0.0, ""
    if isinstance(value, (int, float)):
        return (1, 0.0, "") if value != value else (0, float(value), "")  # noqa: PLR0124 - NaN
    return 2, 0.0, str(value)


def _place(value: Any, *, down: bool) -> Any:
    """A key of sorting in one of two directions; NaN and nothing stand last in both."""
    kind, number, text = _rank(value)
    return kind, -number if down else number, _Reversed(text) if down else text


class _Reversed(str):
    """A text that sorts the other way."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)
