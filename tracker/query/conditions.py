"""Conditions of a query as SQL on the index's tables; values are always bound, never joined in.

Each comparison is an expression over the row `run`, so that `and`, `or` and `not` are SQL's own. A
value of a run is found by (key, run), the primary keys of `metric` and `setting`.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tracker.index.schema import clamp
from tracker.index.settings import CONFIG, SUMMARY, TAG, encode, number_in
from tracker.query.language.attributes import ATTRIBUTES, place_in_about
from tracker.query.language.tree import (
    Among,
    Both,
    Compare,
    Condition,
    Field,
    IsNull,
    Like,
    Not,
    Value,
)
from tracker.query.records import nanoseconds

WORD = "(SELECT id FROM word WHERE text = ?)"
"""The number of a key; no run has one that has none."""

RUN = "run = run.id"
"""What ties a value to the run that a condition is about."""

PREFIX = 64
"""Characters of a value that the index `setting_by_value` holds."""

KIND_NUMBERS = {"params": CONFIG, "config": CONFIG, "summary": SUMMARY, "tags": TAG}

_TYPED = ("config", "summary")
_IS_TEXT = "substr({0}value, 1, 1) = '\"'"
_UNQUOTED = f"CASE WHEN {_IS_TEXT} THEN json_extract({{0}}value, '$') "
_NO_WORDS = ("true", "false", "infinity", "-infinity")
"""Texts that are numbers where they stand without quotes, in JSON."""

_PARTS = {"step": "last_step", "count": "count"}


class Part(NamedTuple):
    """Some SQL, and the values for its question marks."""

    sql: str
    values: tuple[Any, ...] = ()


def values_of(*parts: Part) -> tuple[Any, ...]:
    """The values of some SQL that stands in this order."""
    return tuple(value for part in parts for value in part.values)


def condition(tree: Condition, now: int) -> Part:
    """A condition of a query; `now` is its time, in nanoseconds."""
    if isinstance(tree, Both):
        parts = [condition(one, now) for one in tree.conditions]
        values = values_of(*parts)
        return Part(f"({f' {tree.word.upper()} '.join(part.sql for part in parts)})", values)
    if isinstance(tree, Not):
        inner = condition(tree.condition, now)
        return Part(f"(NOT {inner.sql})", inner.values)
    if isinstance(tree, Compare):
        return _compare(tree, now)
    if isinstance(tree, Among):
        return _among(tree, now)
    return _like(tree, now) if isinstance(tree, Like) else _is_null(tree, now)


def attribute(field: Field, now: int) -> Part:
    """The value of an attribute, of git.K or of host.K."""
    if field.kind == "attributes":
        sql = ATTRIBUTES[field.key].sql
        return Part(sql.replace(":now", "?"), (now,) * sql.count(":now"))
    path = f'$."{place_in_about(field.kind, field.key)}"'
    return Part("CASE WHEN json_valid(run.about) THEN json_extract(run.about, ?) END", (path,))


def figure(field: Field) -> str:
    """The column of the table `metric` that a part of a metric is."""
    return _PARTS.get(field.part, field.part)


def _metric(field: Field, wanted: str) -> Part:
    sql = f"(SELECT {wanted} FROM metric WHERE key = {WORD} AND {RUN})"  # noqa: S608 - ours
    return Part(sql, (field.key,))


def _setting(field: Field, wanted: str) -> Part:
    sql = f"(SELECT {wanted} FROM setting WHERE kind = ? AND key = {WORD} AND {RUN})"  # noqa: S608 - ours
    return Part(sql, (KIND_NUMBERS[field.kind], field.key))


def _test(column: Part, test: str, *values: Any) -> Part:
    return Part(f"({column.sql} {test})", (*column.values, *values))


def _compare(tree: Compare, now: int) -> Part:
    field, sign, value = tree.field, tree.sign, tree.value
    if isinstance(value, float) and math.isnan(value):
        return _is_nan(field)
    if field.kind in KIND_NUMBERS:
        return _compare_setting(field, sign, value)
    if field.kind == "metrics":
        return _test(_metric(field, figure(field)), f"{sign} ?", value)
    column = attribute(field, now)
    if field.kind == "attributes":
        return _test(column, f"{sign} ?", bound(value))
    is_text = "=" if isinstance(value, str) else "<>"  # SQLite has every text behind all numbers
    sql = f"(CASE WHEN typeof({column.sql}) {is_text} 'text' THEN {column.sql} {sign} ? END)"
    return Part(sql, (*column.values * 2, bound(value)))


def _compare_setting(field: Field, sign: str, value: Value) -> Part:
    if isinstance(value, bool):
        wanted = f"CASE WHEN value IN ('true', 'false') THEN value {sign} ? END"
        column = _setting(field, wanted)
        return Part(column.sql, (encode(value), *column.values))
    if isinstance(value, float):
        return _test(_setting(field, number_of(field)), f"{sign} ?", value)
    if sign in ("=", "!="):
        return _is_text(field, (str(value),), negated=sign == "!=")
    return _test(_setting(field, text_of(field)), f"{sign} ?", value)


def number_of(field: Field, at: str = "") -> str:
    """What a config, param, summary or tag is as a number; `at` is what names its row ("o.")."""
    if field.kind not in _TYPED:
        return f"{at}number"
    return f"CASE WHEN NOT {_IS_TEXT.format(at)} THEN {at}number END"


def text_of(field: Field, at: str = "") -> str:
    """What a config, param, summary or tag is as a text, see `number_of`."""
    if field.kind == "tags":
        return f"{at}value"
    unquoted = _UNQUOTED.format(at)
    return (
        f"{unquoted}END"
        if field.kind in _TYPED
        else f"nullif({unquoted}ELSE {at}value END, 'null')"
    )


def spellings(field: Field, text: str) -> tuple[str, ...]:
    """How a value that equals a text may stand in the table `setting`."""
    if field.kind == "tags":
        return (text,)
    if field.kind in _TYPED:
        return (encode(text),)
    raw = {"True": "true", "False": "false", "null": "\0"}.get(text, text)  # as MLflow has bools
    return (encode(text), raw)


def _is_text(field: Field, texts: tuple[str, ...], *, negated: bool) -> Part:
    """Whether a value is one of some texts; a config of another type is no text, so neither."""
    wanted = tuple(word for text in texts for word in spellings(field, text))
    marks = ", ".join("?" * len(wanted))
    test = f"value {'NOT ' if negated else ''}IN ({marks})"
    if field.kind in _TYPED:
        test = f"CASE WHEN {_IS_TEXT.format('')} THEN {test} END"
    elif field.kind == "params":
        test = f"CASE WHEN value <> 'null' THEN {test} END"
    column = _setting(field, test)
    return Part(column.sql, (*wanted, *column.values))


def _is_nan(field: Field) -> Part:
    if field.kind == "metrics":
        return _metric(field, f"{figure(field)} IS NULL AND count > 0")
    if field.kind in KIND_NUMBERS:
        return _setting(field, "value = 'NaN'")
    return Part("0")


def _among(tree: Among, now: int) -> Part:
    field, negated = tree.field, tree.negated
    if field.kind in KIND_NUMBERS and all(isinstance(value, str) for value in tree.values):
        return _is_text(field, tuple(map(str, tree.values)), negated=negated)
    any_of = [_compare(Compare(field, "=", value), now) for value in tree.values]
    if field.kind in KIND_NUMBERS:  # of several types
        values = values_of(*any_of)
        joined = f"({' OR '.join(part.sql for part in any_of)})"
        return Part(f"(NOT {joined})" if negated else joined, values)
    marks = ", ".join("?" * len(tree.values))
    column = _metric(field, figure(field)) if field.kind == "metrics" else attribute(field, now)
    test = f"{'NOT ' if negated else ''}IN ({marks})"
    return _test(column, test, *map(bound, tree.values))


def _like(tree: Like, now: int) -> Part:
    field = tree.field
    known = field.kind in KIND_NUMBERS
    column = _setting(field, text_of(field)) if known else attribute(field, now)
    word, pattern = ("LIKE", tree.pattern) if tree.any_case else ("GLOB", _glob(tree.pattern))
    return _test(column, f"{'NOT ' if tree.negated else ''}{word} ?", pattern)


def _glob(pattern: str) -> str:
    """A pattern of LIKE as one of GLOB, which minds the case."""
    signs = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(signs.get(char, char) for char in pattern)


def _is_null(tree: IsNull, now: int) -> Part:
    field, no = tree.field, "" if tree.negated else "NOT "
    if field.kind == "metrics":
        sql = f"({no}EXISTS (SELECT 1 FROM metric WHERE key = {WORD} AND {RUN}))"  # noqa: S608 - ours
        return Part(sql, (field.key,))
    if field.kind in KIND_NUMBERS:
        there = "value IS NOT NULL" if field.kind == "tags" else "value <> 'null'"
        column = _setting(field, there)
        return Part(f"({no}coalesce({column.sql}, 0))", column.values)
    return _test(attribute(field, now), "IS NOT NULL" if tree.negated else "IS NULL")


def bound(value: Value) -> float | str:
    """A value as SQLite takes it."""
    if isinstance(value, datetime):
        return clamp(nanoseconds(value))
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value


def indexed(tree: Condition) -> Part | None:
    """The rows that fulfil a comparison, found by an index: `FROM ... WHERE ...`; or None.

    What it finds may be more than the comparison, never less.
    """
    if not isinstance(tree, Compare) or tree.sign == "!=" or tree.value != tree.value:
        return None
    field, value = tree.field, tree.value
    if field.kind == "metrics" and field.part == "last":
        sql = f"metric INDEXED BY metric_by_last WHERE key = {WORD} AND last {tree.sign} ?"
        return Part(sql, (field.key, value))
    if field.kind not in KIND_NUMBERS or isinstance(value, bool):
        return None
    head = f"setting INDEXED BY setting_by_value WHERE kind = ? AND key = {WORD}"
    key = (KIND_NUMBERS[field.kind], field.key)
    if isinstance(value, float):
        return Part(f"{head} AND number {tree.sign} ?", (*key, value))
    if tree.sign != "=" or not isinstance(value, str) or value.lower() in _NO_WORDS:
        return None
    wanted = [word[:PREFIX] for word in spellings(field, value)]
    marks = ", ".join("?" * len(wanted))
    test = f"number IS ? AND substr(value, 1, {PREFIX}) IN ({marks})"
    return Part(f"{head} AND {test}", (*key, number_in(value), *wanted))
