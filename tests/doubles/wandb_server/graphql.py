"""As much of GraphQL as a client's questions need: a reader of documents and an answerer.

There is no schema. A node is a dict of fields: a field holds a scalar, a node, a list of them, or
a function that takes the field's arguments by name and gives one of these. `Json` holds a dict or
list that is a scalar, given whole. What a node has not,
nor its function takes, is an error as from a server with a schema, so a question is answered
whole or refused by name. Functions take arguments by their names in Python (`minStep` is
`min_step`, `id` is `id_`), and a mutation's function takes the fields of its `input` so,
without the `clientMutationId` that any may have.
The language: https://spec.graphql.org/October2021/
"""

from __future__ import annotations

import builtins
import inspect
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

Node = dict[str, Any]

INTERFACES = {"ArtifactCollection": {"ArtifactSequence", "ArtifactPortfolio"}}
"""Which types also count as another in a fragment's condition."""

_TOKEN = re.compile(
    r"""(?:[\s,\ufeff]|\#[^\n]*)*(?P<token>"(?:\\.|[^"\\\n])*"|\.\.\.|[!$()\[\]{}:=@|&]
    |-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[_A-Za-z]\w*|$)""",
    re.VERBOSE,
)


class GraphqlError(Exception):
    """A document that cannot be read or answered; its text goes to the client."""


@dataclass(frozen=True)
class Json:
    """A value of any form that is given whole."""

    value: Any


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


def answer(operation: Operation, variables: dict[str, Any], root: Node) -> Node:
    """Answer an operation from a root node.

    Raises:
        GraphqlError: Something is asked for that there is not, or a variable is missing.
    """
    values = {**operation.defaults, **variables}
    for name, type_ in operation.variables.items():
        if type_.endswith("!") and values.get(name) is None:
            raise GraphqlError(f'Variable "${name}" of required type "{type_}" was not provided.')
    values = {name: value for name, value in values.items() if name in operation.variables}
    chosen: Node = _Answerer(operation, values).choose(operation.fields, root, operation.kind)
    return chosen


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


class _Answerer:
    """Picks what one operation asks for out of nodes."""

    def __init__(self, operation: Operation, variables: dict[str, Any]) -> None:
        self._operation = operation
        self._variables = variables

    def choose(self, fields: tuple[Field, ...], value: Any, type_: str) -> Any:
        """Pick fields out of a value, or the value itself if no field is asked for."""
        if value is None:
            return None
        if isinstance(value, list):
            return [self.choose(fields, item, type_) for item in value]
        if not isinstance(value, dict):
            if fields:
                raise GraphqlError(f'Field "{type_}" must not have a selection.')
            return value.value if isinstance(value, Json) else value
        name = value.get("__typename", type_)
        if not fields:
            raise GraphqlError(f'Field of type "{name}" must have a selection of subfields.')
        chosen: dict[str, Field] = {}
        for wanted in self._flat(fields, name):
            known = chosen.get(wanted.key)
            chosen[wanted.key] = (
                replace(known, fields=known.fields + wanted.fields) if known else wanted
            )
        return {
            key: self.choose(wanted.fields, self._field(value, wanted, name), wanted.name)
            for key, wanted in chosen.items()
        }

    def _flat(self, fields: tuple[Field, ...], type_: str) -> Iterator[Field]:
        for wanted in fields:
            if not self._wanted(wanted):
                continue
            if wanted.key:
                yield wanted
                continue
            fragment = self._operation.fragments.get(wanted.spread) if wanted.spread else wanted
            if fragment is None:
                raise GraphqlError(f'Unknown fragment "{wanted.spread}".')
            if fragment.on in {"", type_} or type_ in INTERFACES.get(fragment.on, ()):
                yield from self._flat(fragment.fields, type_)

    def _wanted(self, wanted: Field) -> bool:
        switches = {
            name: self._value(arguments).get("if") for name, arguments in wanted.directives.items()
        }
        return bool(switches.get("include", True)) and not switches.get("skip", False)

    def _field(self, node: Node, wanted: Field, type_: str) -> Any:
        if wanted.name not in node:
            raise GraphqlError(f'Cannot query field "{wanted.name}" on type "{type_}".')
        held = node[wanted.name]
        arguments = self._value(wanted.arguments)
        if type_ == "mutation":
            arguments = {**arguments.get("input", {})}
            arguments.pop("clientMutationId", None)
        arguments = arguments_of(arguments)
        if not callable(held):
            held = _constant(held)
        try:
            inspect.signature(held).bind(**arguments)
        except TypeError as error:
            raise GraphqlError(f'Field "{wanted.name}" of type "{type_}": {error}.') from None
        return held(**arguments)

    def _value(self, value: Any) -> Any:
        if isinstance(value, Variable):
            if value.name not in self._operation.variables:
                raise GraphqlError(f'Variable "${value.name}" is not defined.')
            return self._variables.get(value.name)
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, dict):
            return {name: self._value(item) for name, item in value.items() if self._given(item)}
        return value

    def _given(self, value: Any) -> bool:
        # A variable that was not sent leaves its argument out, a null does not.
        return not isinstance(value, Variable) or not (
            value.name in self._operation.variables and value.name not in self._variables
        )


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value


def arguments_of(fields: dict[str, Any]) -> dict[str, Any]:
    """Give fields by their names in Python."""
    return {_in_python(name): value for name, value in fields.items()}


def _in_python(name: str) -> str:
    name = re.sub("(?<=[a-z0-9])[A-Z]+", lambda found: f"_{found[0].lower()}", name)
    return f"{name}_" if hasattr(builtins, name) else name
