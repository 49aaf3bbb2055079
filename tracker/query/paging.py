"""Tokens: where the next page of a query begins.

A token is the place of the last run in the order of the query, with the query's time, so that
"7d ago" means the same on each page. Runs that begin meanwhile shift nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any, NamedTuple

from tracker.errors import BadInput

_FORMAT = 1


class Place(NamedTuple):
    """The query's time in nanoseconds, and the values of the last run in its order."""

    now: int
    values: list[Any]


def token(question: list[Any], place: Place) -> str:
    """The token of a place in the answer to a question: whatever decides runs and order."""
    said = json.dumps([_FORMAT, _digest(question), *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def place(question: list[Any], given: str) -> Place:
    """The place that a token of this question says.

    Raises:
        BadInput: it is no token, or one of another question.
    """
    try:
        padded = given + "=" * (-len(given) % 4)
        said = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        form, digest, now, values = said
        if form != _FORMAT or not isinstance(now, int) or not isinstance(values, list):
            raise ValueError(given)  # noqa: TRY004, TRY301 - as all else that is no token
        if not all(value is None or isinstance(value, (str, int, float)) for value in values):
            raise ValueError(given)  # noqa: TRY301 - as above
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise BadInput(
            f"token {given[:40]!r} cannot be read; give the one that the page before ended with, "
            "or none for the first page."
        ) from None
    if digest != _digest(question):
        raise BadInput(
            "this token belongs to another query: give the filter, order and other options of the "
            "page that it came with, or no token for the first page."
        )
    return Place(now, values)


def _digest(question: list[Any]) -> str:
    said = json.dumps(question, sort_keys=True, default=str)
    return hashlib.sha256(said.encode(errors="surrogatepass")).hexdigest()[:16]
