"""The parser: recursive descent, a method a rule of the grammar in the package's text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, cast

from tracker.query.language import tokens
from tracker.query.language.attributes import (
    ABSENT,
    ALIASES,
    ATTRIBUTES,
    KINDS,
    PARTS,
)
from tracker.query.language.tokens import END, KEY, NAME, SIGN, Token
from tracker.query.language.tree import (
    Among,
    Both,
    Compare,
    Condition,
    Field,
    Figure,
    IsNull,
    Kind,
    Like,
    Not,
    Order,
    Query,
)
from tracker.query.language.values import Values, type_of

FIGURES = ("mean", "std", "min", "max", "sum", "median")

_SIGNS = ("=", "!=", "<", "<=", ">", ">=")
_TESTS = "=, !=, <, <=, >, >=, in, like, ilike or is null"
_DEEPEST = 50
"""Levels of brackets and `not`: Python's own stack is the limit otherwise."""


_MOST_FIELDS = 10
"""To group or order by: each is a table to join."""


_ABOUT = re.compile(r"[A-Za-z0-9_]{1,100}")


def parse(query: str, now: datetime | None = None) -> Query:
    """Read a query; times are reckoned from `now`, the present by default.

    Raises:
        BadInput: it cannot be read; shows where, with a caret, and what was expected there.
    """
    return _Parser(query, now or datetime.now(timezone.utc)).query()


class _Parser(Values):
    # -- rules -----------------------------------------------------------------------------

    def query(self) -> Query:
        begun = self._sees("group", "by") or self._sees("order", "by")
        condition = None if begun or self._token.kind == END else self._filter()
        groups: tuple[Field, ...] = ()
        figures: tuple[Figure, ...] = ()
        order: tuple[Order, ...] = ()
        if self._takes("group", "by"):
            groups = self._list(self._field)
            if self._takes("aggregate"):
                figures = self._figures()
        if self._takes("order", "by"):
            order = self._list(lambda: self._order(grouped=bool(groups)))
        if len(groups) > _MOST_FIELDS or len(order) > _MOST_FIELDS:
            raise self._refused(f"more than {_MOST_FIELDS} fields to group or order by")
        if self._token.kind != END:
            raise self._expected("and, or, group by, order by or the end")
        self._check_order(order, groups)
        return Query(condition, groups, figures or ((Figure("count"),) if groups else ()), order)

    def _filter(self) -> Condition:
        return self._joined("or", lambda: self._joined("and", self._term))

    def _joined(self, word: Any, rule: Callable[[], Condition]) -> Condition:
        conditions = [rule()]
        while self._takes(word):
            conditions.append(rule())
        return conditions[0] if len(conditions) == 1 else Both(word, tuple(conditions))

    def _term(self) -> Condition:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._refused(f"more than {_DEEPEST} brackets or not within another")
        try:
            if self._takes("not"):
                return Not(self._term())
            if self._takes_sign("("):
                condition = self._filter()
                self._need_sign(")")
                return condition
            return self._test(self._field())
        finally:
            self._depth -= 1

    def _test(self, field: Field) -> Condition:
        self._count()
        if self._token.kind == SIGN and self._token.text in _SIGNS:
            sign = self._next()
            return Compare(field, sign.text, self._value(field, sign))
        if self._takes("is"):
            negated = self._takes("not")
            if not self._takes("null"):
                raise self._expected("null")
            return IsNull(field, negated)
        negated = self._takes("not")
        if self._takes("in"):
            self._need_sign("(")
            values = self._list(lambda: self._value(field, None))
            self._need_sign(")")
            return Among(field, values, negated)
        if self._sees("like") or self._sees("ilike"):
            any_case = self._next().text.lower() == "ilike"
            return Like(field, self._pattern(field), any_case, negated)
        raise self._expected("in or like" if negated else _TESTS)

    def _order(self, *, grouped: bool) -> Order:
        at = self._token.at
        by = self._figure() if grouped and self._sees_figure() else self._field()
        descending = self._takes("desc")
        if not descending:
            self._takes("asc")
        return Order(by, descending, at)

    def _figures(self) -> tuple[Figure, ...]:
        """Figures; one without a field is of the field before it: mean(metrics.loss), std."""
        figures = [self._figure()]
        while self._takes_sign(","):
            name, before = self._token, figures[-1].field
            after = self._tokens[min(self._place + 1, len(self._tokens) - 1)]
            if name.text.lower() in FIGURES and after.text != "(" and before is not None:
                self._next()
                figures.append(Figure(name.text.lower(), before))
            else:
                figures.append(self._figure())
        return tuple(figures)

    def _figure(self) -> Figure:
        token = self._token
        if self._takes("count"):
            return Figure("count")
        if token.kind != NAME or token.text.lower() not in FIGURES:
            raise self._expected(f"count, or {', '.join(FIGURES)} of a field in brackets")
        self._next()
        self._need_sign("(")
        inner = self._token
        field = self._field()
        if type_of(field) not in ("number", "seconds", "either"):
            raise self._refused(f"{field} is no number, so it has no {token.text.lower()}", inner)
        self._need_sign(")")
        return Figure(token.text.lower(), field)

    def _sees_figure(self) -> bool:
        if self._sees("count"):
            return True
        following = self._tokens[min(self._place + 1, len(self._tokens) - 1)]
        return self._token.text.lower() in FIGURES and following.text == "("

    # -- fields ----------------------------------------------------------------------------

    def _field(self) -> Field:
        token = self._token
        if token.kind not in (NAME, KEY):
            raise self._expected("a field, as metrics.loss, params.lr, tags.team or status")
        self._next()
        if token.kind == KEY:
            return self._attribute(token.text, token)
        kind, dot, key = token.text.partition(".")
        if not dot and self._follows(token, "."):
            return self._quoted(kind, token)
        if not dot:
            return self._attribute(kind, token)
        known = self._kind(kind, token)
        if known == "metrics":
            name, _, part = key.rpartition(".")
            if name and part in PARTS:
                return Field(known, name, part, token.at)
        return self._made(known, key, token)

    def _quoted(self, word: str, token: Token) -> Field:
        """A field whose key is in quotes, and a part behind it."""
        kind = self._kind(word, token)
        self._next()
        key = self._token
        if key.kind != KEY:
            raise self._expected('a name, or one in quotes: metrics."val/acc"')
        self._next()
        if not self._follows(key, "."):
            return self._made(kind, key.text, token)
        self._next()
        part = self._token
        if kind != "metrics" or part.text not in PARTS:
            raise self._expected(
                f"one of {', '.join(PARTS)}"
                if kind == "metrics"
                else f"no dot: {kind} have no parts"
            )
        self._next()
        return Field(kind, key.text, part.text, token.at)

    def _made(self, kind: Kind, key: str, token: Token) -> Field:
        if not key:
            raise self._refused("a name of no characters", token)
        if kind == "attributes":
            return self._attribute(key, token)
        if kind in ("git", "host") and not _ABOUT.fullmatch(key):
            raise self._refused(
                f"nothing of {kind} has such a name; give letters, digits, _", token
            )
        return Field(kind, key, at=token.at)

    def _kind(self, word: str, token: Token) -> Kind:
        known = KINDS.get(word.lower())
        if known is None:
            near = difflib.get_close_matches(word.lower(), KINDS, 1)
            hint = f"did you mean {near[0]}?" if near else _fields()
            raise self._refused(f"there is no kind of field {word!r}; {hint}", token)
        return cast("Kind", known)

    def _attribute(self, word: str, token: Token) -> Field:
        name = word.lower()
        name = ALIASES.get(name, name)
        if name in ABSENT:
            raise self._refused(f"{word} cannot be asked for: {ABSENT[name]}", token)
        if name not in ATTRIBUTES:
            near = difflib.get_close_matches(name, [*ATTRIBUTES, *ALIASES], 1)
            hint = f"did you mean {near[0]}?" if near else _fields()
            raise self._refused(f"there is no attribute {word!r}; {hint}", token)
        return Field("attributes", name, at=token.at)

    def _check_order(self, order: tuple[Order, ...], groups: tuple[Field, ...]) -> None:
        for one in order:
            if groups and isinstance(one.by, Field) and one.by not in groups:
                raise tokens.refused(
                    self._text, one.at,
                    f"groups are ordered by what they are grouped by, or by a figure; {one.by} is "
                    "neither",
                )  # fmt: skip


def _fields() -> str:
    return (
        "fields are metrics.K, params.K, config.K, summary.K, tags.K, git.K, host.K and attributes"
    )
