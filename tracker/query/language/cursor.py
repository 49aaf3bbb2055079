"""A query being read: the token at hand, going on, and refusing what is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from tracker.errors import BadInput
from tracker.query.language import tokens
from tracker.query.language.tokens import END, NAME, SIGN, Token

_MOST = 900
"""Comparisons and values in a query: SQLite's own limits lie behind it."""

_Item = TypeVar("_Item")


class Cursor:
    """Where in a query the reading is; rules of the grammar move it on."""

    def __init__(self, text: str, now: datetime) -> None:
        self._text = text
        self._now = now
        self._tokens = tokens.scan(text)
        self._place = 0
        self._depth = 0
        self._terms = 0

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

    def _count(self) -> None:
        self._terms += 1
        if self._terms > _MOST:
            raise self._refused(f"more than {_MOST} comparisons and values in one query")

    def _expected(self, what: str) -> BadInput:
        token = self._token
        quote = {"`": "`", '"': '"'}.get(token.quote, "'")
        there = f"{quote}{token.text}{quote}" if token.kind != END else "the end"
        return self._refused(f"expected {what}, not {there}")

    def _refused(self, why: str, token: Token | None = None) -> BadInput:
        return tokens.refused(self._text, (token or self._token).at, why)
