"""The parser: recursive descent, a method a rule of the grammar in the package's text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar, cast

from tracker.errors import BadInput
from tracker.moments import length, moment
from tracker.query.language import tokens
from tracker.query.language.attributes import (
    ABSENT,
    ALIASES,
    ATTRIBUTES,
    KINDS,
    PARTS,
    STATUSES,
)
from tracker.query.language.tokens import END, KEY, LENGTH, NAME, NUMBER, SIGN, TEXT, Token
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
    Value,
)

FIGURES = ("mean", "std", "min", "max", "sum", "median")

_SIGNS = ("=", "!=", "<", "<=", ">", ">=")
_TESTS = "=, !=, <, <=, >, >=, in, like, ilike or is null"
_DEEPEST = 200
"""Levels of brackets and `not`: Python's own stack is the limit otherwise."""

_MOST = 900
"""Comparisons and values in a query: SQLite's own limits lie behind it."""

_MOST_FIELDS = 10
"""To group or order by: each is a table to join."""

_ABOUT = re.compile(r"[A-Za-z0-9_]{1,100}")

_Item = TypeVar("_Item")


def parse(query: str, now: datetime | None = None) -> Query:
    """Read a query; times are reckoned from `now`, the present by default.

    Raises:
        BadInput: it cannot be read; shows where, with a caret, and what was expected there.
    """
    return _Parser(query, now or datetime.now(timezone.utc)).query()


class _Parser:
    def __init__(self, text: str, now: datetime) -> None:
        self._text = text
        self._now = now
        self._tokens = tokens.scan(text)
        self._place = 0
        self._depth = 0
        self._terms = 0

    # -- rules -----------------------------------------------------------------------------

    def query(self) -> Query:
        condition = None
        if self._token.kind != END and not self._sees("group", "by") and not self._sees("order", "by"):
            condition = self._filter()
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

    def _count(self) -> None:
        self._terms += 1
        if self._terms > _MOST:
            raise self._refused(f"more than {_MOST} comparisons and values in one query")

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
        if _type(field) not in ("number", "seconds", "either"):
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
                f"one of {', '.join(PARTS)}" if kind == "metrics" else f"no dot: {kind} have no parts"
            )
        self._next()
        return Field(kind, key.text, part.text, token.at)

    def _made(self, kind: Kind, key: str, token: Token) -> Field:
        if not key:
            raise self._refused("a name of no characters", token)
        if kind == "attributes":
            return self._attribute(key, token)
        if kind in ("git", "host") and not _ABOUT.fullmatch(key):
            raise self._refused(f"nothing of {kind} has such a name; give letters, digits, _", token)
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

    # -- values ----------------------------------------------------------------------------

    def _value(self, field: Field, sign: Token | None) -> Value:
        """What follows, as what the field is compared with; of a list where there is no sign."""
        token = self._token
        found = self._literal()
        type_ = _type(field)
        if isinstance(found, float) and found != found and (not sign or sign.text != "="):  # noqa: PLR0124 - NaN is what differs from itself
            raise self._refused("nan is compared with = alone; NaN is neither less nor more", token)
        if type_ == "time":
            return self._time(found, token)
        if type_ == "status":
            return self._status(found, token)
        if isinstance(found, timedelta):
            if type_ != "seconds":
                raise self._refused(f"{field} is no time; a length of time is for start_time, "
                                    "end_time and duration", token)  # fmt: skip
            return found.total_seconds()
        if type_ == "seconds" and isinstance(found, str) and (wanted := length(found)) is not None:
            return wanted.total_seconds()
        if type_ in ("number", "seconds") and not isinstance(found, float):
            example = "90 or 2h" if type_ == "seconds" else "0.5 or 1e-3, without quotes"
            raise self._refused(f"{field} is a number; compare it with one, as {example}", token)
        if type_ == "text" and not isinstance(found, str):
            raise self._refused(f"{field} is a text; put it in quotes: '{token.text}'", token)
        if isinstance(found, bool) and field.kind not in ("config", "summary", "params"):
            raise self._refused(f"{field} is never true or false; put a text in quotes", token)
        return found

    def _literal(self) -> float | bool | str | timedelta:
        token = self._token
        self._count()
        word = token.text.lower()
        if token.kind == NUMBER or (token.kind == NAME and word in ("inf", "infinity", "nan")):
            self._next()
            return float(token.text)
        if token.kind == NAME and word in ("true", "false"):
            self._next()
            return word == "true"
        if token.kind == LENGTH:
            found = length(token.text)
            if found is None:
                raise self._refused("this length of time is too long", token)
            self._next()
            return found
        if token.kind == TEXT or (token.kind == KEY and token.quote == '"'):
            self._next()
            return token.text
        if token.kind == NAME:
            raise self._expected(f"a value; put a text in quotes: '{token.text}'")
        raise self._expected("a value: a number, a text in quotes, true, false or 7d")

    def _time(self, found: float | bool | str | timedelta, token: Token) -> datetime:
        try:
            if isinstance(found, timedelta):
                return self._now - found
            if isinstance(found, str):
                return moment(found, self._now)
            if isinstance(found, float):  # as MLflow has times
                return datetime.fromtimestamp(found / 1000, timezone.utc)
        except (BadInput, ValueError, OverflowError, OSError):
            pass
        raise self._refused(
            "this is no time; give '2026-11-24', '2026-11-24T18:30', 7d (so long ago), or "
            "milliseconds since 1970", token,
        )  # fmt: skip

    def _status(self, found: object, token: Token) -> str:
        word = found.lower() if isinstance(found, str) else ""
        if word not in STATUSES:
            near = difflib.get_close_matches(word, STATUSES, 1)
            hint = f" did you mean '{near[0]}'?" if near else ""
            raise self._refused(f"no status is that; it is one of {', '.join(STATUSES)}.{hint}", token)
        return word

    def _pattern(self, field: Field) -> str:
        token = self._token
        if _type(field) in ("number", "time", "seconds"):
            raise self._refused(f"{field} is no text; like is for texts", token)
        if token.kind == TEXT or (token.kind == KEY and token.quote == '"'):
            self._next()
            return token.text
        raise self._expected("a pattern in quotes, as '%net%'")

    # -- tokens ----------------------------------------------------------------------------

    @property
    def _token(self) -> Token:
        return self._tokens[self._place]

    def _next(self) -> Token:
        token = self._token
        self._place += token.kind != END
        return token

    def _sees(self, *words: str) -> bool:
        found = self._tokens[self._place : self._place + len(words)]
        return [t.text.lower() for t in found if t.kind == NAME] == list(words)

    def _takes(self, *words: str) -> bool:
        sees = self._sees(*words)
        self._place += len(words) if sees else 0
        return sees

    def _takes_sign(self, sign: str) -> bool:
        sees = self._token.kind == SIGN and self._token.text == sign
        self._place += sees
        return sees

    def _need_sign(self, sign: str) -> None:
        if not self._takes_sign(sign):
            raise self._expected(f"{sign!r}")

    def _follows(self, token: Token, sign: str) -> bool:
        """Whether a sign stands right behind a token, without a space."""
        return self._token.kind == SIGN and self._token.text == sign and self._token.at == token.end

    def _list(self, rule: Callable[[], _Item]) -> tuple[_Item, ...]:
        items = [rule()]
        while self._takes_sign(","):
            items.append(rule())
        return tuple(items)

    def _check_order(self, order: tuple[Order, ...], groups: tuple[Field, ...]) -> None:
        for one in order:
            if groups and isinstance(one.by, Field) and one.by not in groups:
                raise tokens.refused(
                    self._text, one.at,
                    f"groups are ordered by what they are grouped by, or by a figure; {one.by} is "
                    "neither",
                )  # fmt: skip

    def _expected(self, what: str) -> BadInput:
        token = self._token
        quote = {"`": "`", '"': '"'}.get(token.quote, "'")
        there = f"{quote}{token.text}{quote}" if token.kind != END else "the end"
        return self._refused(f"expected {what}, not {there}")

    def _refused(self, why: str, token: Token | None = None) -> BadInput:
        return tokens.refused(self._text, (token or self._token).at, why)


def _type(field: Field) -> str:
    """How a field compares: as an attribute's type says, or as "number", "text" or "either"."""
    if field.kind == "attributes":
        return ATTRIBUTES[field.key].type
    if field.kind == "metrics":
        return "number"
    return "either"


def _fields() -> str:
    return "fields are metrics.K, params.K, config.K, summary.K, tags.K, git.K, host.K and attributes"
