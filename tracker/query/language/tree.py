"""What a query says, once it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

Value = float | bool | str | timedelta | datetime
"""What a field is compared with; a timedelta is a length of time."""

Kind = Literal["metrics", "params", "config", "summary", "tags", "attributes", "git", "host"]


@dataclass(frozen=True)
class Field:
    """One value of a run: its kind and key; of a metric also which `part` of its figures."""

    kind: Kind
    key: str
    part: str = "last"
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        if self.kind == "attributes":
            return self.key
        plain = self.key.replace("/", "").replace("_", "").replace("-", "").isalnum()
        key = self.key if plain and not self.key[0].isdigit() else '"' + self.key.replace('"', '""') + '"'
        return f"{self.kind}.{key}" + ("" if self.part == "last" else f".{self.part}")


@dataclass(frozen=True)
class Compare:
    """A field against a value; `sign` is =, !=, <, <=, > or >=."""

    field: Field
    sign: str
    value: Value


@dataclass(frozen=True)
class Among:
    """A field that is one of some values, or of none of them."""

    field: Field
    values: tuple[Value, ...]
    negated: bool


@dataclass(frozen=True)
class Like:
    """A field's text against a pattern, where % is any text and _ any character."""

    field: Field
    pattern: str
    any_case: bool
    negated: bool


@dataclass(frozen=True)
class IsNull:
    """A field that a run does not have, or has."""

    field: Field
    negated: bool


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    condition: Condition


@dataclass(frozen=True)
class Both:
    """All of some conditions (`word` "and"), or any of them ("or")."""

    word: Literal["and", "or"]
    conditions: tuple[Condition, ...]


Condition = Compare | Among | Like | IsNull | Not | Both


@dataclass(frozen=True)
class Figure:
    """A figure over the runs of a group: of a field, or `count` without one."""

    name: str
    field: Field | None = None

    def __str__(self) -> str:
        return self.name if self.field is None else f"{self.name}({self.field})"


@dataclass(frozen=True)
class Order:
    """What to order by; a figure only where runs are grouped."""

    by: Field | Figure
    descending: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Query:
    """A whole query; `filter` is None where all runs are meant, `groups` empty without groups."""

    filter: Condition | None = None
    groups: tuple[Field, ...] = ()
    figures: tuple[Figure, ...] = ()
    order: tuple[Order, ...] = ()
