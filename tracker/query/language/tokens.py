"""Words, numbers and signs of a query, each with its column; and refusing a query at a column."""

from __future__ import annotations

import re
from typing import NamedTuple

from tracker.errors import BadInput

NAME, KEY, TEXT, NUMBER, LENGTH, SIGN, END = (
    "name", "quoted name", "text", "number", "length of time", "sign", "end",
)  # fmt: skip

_TOKENS = re.compile(
    r"""
    (?P<space>\s+)
    |(?P<key>`(?:[^`]|``)*`)
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<text>'(?:[^']|'')*')
    |(?P<length>\d+[mhdw]\b)
    |(?P<number>[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?i:inf|infinity))(?![\w.]))
    |(?P<name>[^\W\d][\w/:@+-]*(?:\.[\w/:@+-]+)*)
    |(?P<sign><=|>=|!=|<>|==|[=<>(),.])
    """,
    re.VERBOSE,
)
_KINDS = {"key": KEY, "quoted": KEY, "text": TEXT, "length": LENGTH, "number": NUMBER,
          "name": NAME, "sign": SIGN}  # fmt: skip
_SAME = {"<>": "!=", "==": "="}
_MOST_CHARACTERS = 100_000
_SHOWN = 60
"""Characters of a line that are shown before and after the column."""


class Token(NamedTuple):
    """A piece of a query.

    `text` is without its quotes; `at` its first column, from 0, and `end` the one behind it.
    """

    kind: str
    text: str
    at: int
    end: int
    quote: str = ""


def scan(query: str) -> list[Token]:
    """Cut a query into tokens, the last one of kind END.

    Raises:
        BadInput: a quote is not closed, or there is a character that the language has not.
    """
    if len(query) > _MOST_CHARACTERS:
        raise BadInput(f"a query of {len(query):,} characters; {_MOST_CHARACTERS:,} are the most.")
    tokens, at = list[Token](), 0
    while at < len(query):
        found = _TOKENS.match(query, at)
        if found is None:
            raise _no_token(query, at)
        if found.lastgroup != "space":
            tokens.append(_token(found))
        at = found.end()
    return [*tokens, Token(END, "", at, at)]


def _token(found: re.Match[str]) -> Token:
    kind, text = str(found.lastgroup), found[0]
    quote = text[0] if kind in ("key", "quoted", "text") else ""
    if quote:
        text = text[1:-1].replace(quote * 2, quote)
    return Token(_KINDS[kind], _SAME.get(text, text), found.start(), found.end(), quote)


def _no_token(query: str, at: int) -> BadInput:
    if query[at] in "'\"`":
        return refused(query, at, f"this {query[at]} has no end; close it")
    if query[at].isdigit() or query[at] in "+-.":
        return refused(
            query, at, "this is no number; numbers are 10, -0.5, 1e-3, inf, times 30m, 24h, 7d, 2w"
        )
    return refused(query, at, f"{query[at]!r} has no meaning here; put names in \"...\", texts in '...'")


def refused(query: str, at: int, why: str) -> BadInput:
    """The error of a query that cannot be used, with a caret below the column that says where."""
    start = query.rfind("\n", 0, at) + 1
    end = query.find("\n", at)
    line = query[start : len(query) if end < 0 else end].replace("\t", " ")
    place = at - start
    left, right = max(0, place - _SHOWN), place + _SHOWN
    before = "..." if left else ""
    cut = before + line[left:right] + ("..." if right < len(line) else "")
    caret = " " * (len(before) + place - left) + "^"
    return BadInput(f"the query cannot be read at column {at + 1}: {why}\n  {cut}\n  {caret}")
