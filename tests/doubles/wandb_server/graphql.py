"""Answers to GraphQL, as much of it as a client's questions need.

There is no schema. A node is a dict of fields: a field holds a scalar, a node, a list of them, or
a function that takes the field's arguments by name and gives one of these. `Json` holds a dict or
list that is a scalar, given whole. What a node has not, nor its function takes, is an error as
from a server with a schema, so a question is answered whole or refused by name.

Functions take arguments by their names in Python (`minStep` is `min_step`, `id` is `id_`), and a
mutation's function takes the fields of its `input` so, without the `clientMutationId` that any
may have.
"""

from __future__ import annotations

import builtins
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.doubles.wandb_server.document import Field, GraphqlError, Operation, Variable

Node = dict[str, Any]

_INTERFACES = {"ArtifactCollection": {"ArtifactSequence", "ArtifactPortfolio"}}


@dataclass(frozen=True)
class Json:
    """A value of any form that is given whole."""

    value: Any


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
            if fragment.on in {"", type_} or type_ in _INTERFACES.get(fragment.on, ()):
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
