"""What fields are compared with: literals, read as the type of their field wants them."""

from __future__ import annotations

import difflib
from datetime import datetime, timedelta, timezone

from tracker.errors import BadInput
from tracker.moments import length, moment
from tracker.query.language.attributes import ATTRIBUTES, STATUSES
from tracker.query.language.cursor import Cursor
from tracker.query.language.tokens import KEY, LENGTH, NAME, NUMBER, TEXT, Token
from tracker.query.language.tree import Field, Value

_LONGEST_PATTERN = 1000

_WORDS = ("and", "or", "not", "in", "is", "like", "ilike", "null", "order", "group")


class Values(Cursor):
    """The rules `value` and `text` of the grammar."""

    def _value(self, field: Field, sign: Token | None) -> Value:
        """What follows, as what the field is compared with; of a list where there is no sign."""
        token = self._token
        found = self._literal()
        type_ = type_of(field)
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
        if token.kind == NAME and word not in _WORDS:
            raise self._refused(f"put a text in quotes: '{token.text}'")
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
            raise self._refused(
                f"no status is that; it is one of {', '.join(STATUSES)}.{hint}", token
            )
        return word

    def _pattern(self, field: Field) -> str:
        token = self._token
        if type_of(field) in ("number", "time", "seconds"):
            raise self._refused(f"{field} is no text; like is for texts", token)
        if token.kind == TEXT or (token.kind == KEY and token.quote == '"'):
            if len(token.text) > _LONGEST_PATTERN:
                raise self._refused(f"a pattern of more than {_LONGEST_PATTERN} characters", token)
            self._next()
            return token.text
        raise self._expected("a pattern in quotes, as '%net%'")


def type_of(field: Field) -> str:
    """How a field compares: as an attribute's type says, or as "number", "text" or "either"."""
    if field.kind == "attributes":
        return ATTRIBUTES[field.key].type
    if field.kind == "metrics":
        return "number"
    return "either"
