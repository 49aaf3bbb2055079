"""GraphQL documents, read: what they ask for.

The language: https://spec.graphql.org/October2021/
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

_TOKEN = re.compile(
    r"""(?:[\s,\ufeff]|\#[^\n]*)*(?P<token>"(?:\\.|[^"\\\n])*"|\.\.\.|[!$()\[\]{}:=@|&]
    |-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[_A-Za-z]\w*|$)""",
    re.VERBOSE,
)


class GraphqlError(Exception):
    """A document that cannot be read or answered; its text goes to the client."""


@dataclass(frozen=True)
class Variable:
    """A value that comes with the request."""

    name: str


@dataclass(frozen=True)
class Field:
    """A field that is asked for, or a fragment of fields in its place.

    Attributes:
        key: what the answer calls it, "" for a fragment.
        spread: the name of a fragment, "" if its fields stand here.
        on: the type that a fragment asks for.
    """

    key: str = ""
    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    directives: dict[str, dict[str, Any]] = field(default_factory=dict)
    fields: tuple[Field, ...] = ()
    spread: str = ""
    on: str = ""


@dataclass(frozen=True)
class Operation:
    """One question: its kind ("query" or "mutation"), name, fields and variables.

    Attributes:
        variables: their types by name, as "String!".
        defaults: values of those that have one.
        fragments: by name.
    """

    kind: str
    name: str
    fields: tuple[Field, ...]
    variables: dict[str, str]
    defaults: dict[str, Any]
    fragments: dict[str, Field]


@functools.lru_cache(maxsize=256)
def read(document: str) -> Operation:
    """Read a document of one operation and its fragments.

    Raises:
        GraphqlError: It is no such document.
    """
    reader = _Reader(document)
    found: list[Operation] = []
    fragments: dict[str, Field] = {}
    while reader.next:
        if reader.next == "fragment":
            reader.take()
            name = reader.take()
            reader.take("on")
            fragments[name] = Field(on=reader.take(), fields=reader.selection())
        else:
            found.append(reader.operation())
    if len(found) != 1:
        raise GraphqlError(f"one operation was expected, there are {len(found)}")
    return replace(found[0], fragments=fragments)


class _Reader:
    """Tokens of a document, and what they form."""

    def __init__(self, document: str) -> None:
        self._tokens = _tokens(document)
        self.next = next(self._tokens)

    def take(self, expected: str = "") -> str:
        """Take the next token, which must be `expected` if that is given."""
        token = self.next
        if not token or (expected and token != expected):
            raise GraphqlError(f"Syntax Error: Expected {expected or 'more'}, found {token!r}.")
        self.next = next(self._tokens)
        return token

    def skip(self, token: str) -> bool:
        """Take the next token if it is this one."""
        if self.next != token:
            return False
        self.take()
        return True

    def operation(self) -> Operation:
        """Read an operation, without its fragments."""
        kind = "query" if self.next == "{" else self.take()
        if kind not in {"query", "mutation"}:
            raise GraphqlError(f"Syntax Error: Unexpected {kind!r}.")
        name = self.take() if self.next not in {"(", "{"} else ""
        variables: dict[str, str] = {}
        defaults: dict[str, Any] = {}
        if self.skip("("):
            while not self.skip(")"):
                self.take("$")
                variable = self.take()
                self.take(":")
                variables[variable] = self.type()
                if self.skip("="):
                    defaults[variable] = self.value()
        return Operation(kind, name, self.selection(), variables, defaults, {})

    def type(self) -> str:
        """Read a type."""
        if self.skip("["):
            name = f"[{self.type()}]"
            self.take("]")
        else:
            name = self.take()
        return name + ("!" if self.skip("!") else "")

    def selection(self) -> tuple[Field, ...]:
        """Read fields in braces."""
        self.take("{")
        fields = []
        while not self.skip("}"):
            fields.append(self.fragment() if self.skip("...") else self.field())
        return tuple(fields)

    def fragment(self) -> Field:
        """Read what follows three dots."""
        if self.next not in {"on", "@", "{"}:
            return Field(spread=self.take(), directives=self.directives())
        on = self.take() if self.skip("on") else ""
        return Field(on=on, directives=self.directives(), fields=self.selection())

    def field(self) -> Field:
        """Read one field."""
        key = name = self.take()
        if self.skip(":"):
            name = self.take()
        arguments, directives = self.arguments(), self.directives()
        fields = self.selection() if self.next == "{" else ()
        return Field(key, name, arguments, directives, fields)

    def arguments(self) -> dict[str, Any]:
        """Read arguments in brackets, if there are any."""
        return self.pairs(")") if self.skip("(") else {}

    def directives(self) -> dict[str, dict[str, Any]]:
        """Read directives."""
        found = {}
        while self.skip("@"):
            name = self.take()
            found[name] = self.arguments()
        return found

    def pairs(self, end: str) -> dict[str, Any]:
        """Read names with values up to a token."""
        found = {}
        while not self.skip(end):
            name = self.take()
            self.take(":")
            found[name] = self.value()
        return found

    def value(self) -> Any:
        """Read a value."""
        if self.skip("$"):
            return Variable(self.take())
        if self.skip("{"):
            return self.pairs("}")
        if self.skip("["):
            items = []
            while not self.skip("]"):
                items.append(self.value())
            return items
        token = self.take()
        if token[0] in '"-0123456789' or token in {"true", "false", "null"}:
            return json.loads(token)
        return token  # a word of an enumeration


def _tokens(document: str) -> Iterator[str]:
    at = 0
    while at < len(document):
        found = _TOKEN.match(document, at)
        if found is None:
            raise GraphqlError(f"Syntax Error: Unexpected {document[at : at + 20]!r}.")
        at = found.end()
        if found["token"]:
            yield found["token"]
    while True:
        yield ""
