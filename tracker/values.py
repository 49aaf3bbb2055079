"""What can be recorded: turning what people log into numbers and texts."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tracker.errors import BadInput
from tracker.events import Json, Value

MAX_DEPTH = 32
"""Levels of a nested dict or list that are kept."""

MAX_KEYS = 100_000
"""Keys of one call that are kept."""

MAX_ITEMS = 1_000_000
"""Items of all lists and dicts in one config or summary value."""

NOTHING: Final = object()
"""Stands where there is a problem to tell and no value for it."""

_INT64 = range(-(2**63), 2**63)
_WORD = range(-(2**63), 2**64)
"""Integers that a record can hold."""

_BRIEF = 80
_LISTS = (list, tuple, set, frozenset, range)


def flatten(data: Mapping[Any, Any]) -> Iterator[tuple[str, Any, str | None]]:
    """Yield (key, value, problem) of a nested mapping, keys joined with "/".

    A problem is something to tell the person about that key. Its value is good all the same,
    unless it is NOTHING: then something was left out.
    """
    stack: list[tuple[str, Iterator[tuple[Any, Any]]]] = [("", iter(list(data.items())))]
    seen = 0
    while stack:
        prefix, items = stack[-1]
        for name, value in items:
            key = prefix + text_of(name)
            seen += 1
            if seen > MAX_KEYS:
                yield key, NOTHING, f"more than {MAX_KEYS:,} keys in one call; the rest is left out"
                return
            if not isinstance(value, Mapping):
                odd = not isinstance(name, str)
                problem = f"key {brief(name)} is recorded as {key[:_BRIEF]!r}" if odd else None
                yield key, value, problem
            elif len(stack) >= MAX_DEPTH:
                problem = f"{key[:_BRIEF]!r} is nested more than {MAX_DEPTH} levels deep"
                yield key, NOTHING, f"{problem} and was left out"
            else:
                stack.append((f"{key}/", iter(list(value.items()))))
                break
        else:
            stack.pop()


def text_of(value: Any) -> str:
    """`value` as text that UTF-8 can hold: a lone surrogate becomes its escape.

    Where its `__str__` raises it is the name of its type, in angle brackets.
    """
    try:
        text = value if isinstance(value, str) else str(value)
    except Exception:  # noqa: BLE001 - a stranger's __str__ may raise anything
        text = f"<{type(value).__name__}>"
    return str.encode(text, "utf-8", "backslashreplace").decode()


def brief(value: Any) -> str:
    """What a message shows of any object: the beginning of its repr on one line."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a stranger's __repr__ may raise anything
        return f"<{type(value).__name__}>"
    return text if len(text) <= _BRIEF else f"{text[:_BRIEF]}..."


def whole(step: Any) -> int | None:
    """A step as a 64-bit integer, from an integer of any kind or a float without a fraction."""
    number: int | None
    try:
        number = int(operator.index(step))
    except Exception:  # noqa: BLE001 - a stranger's __index__ may raise anything
        number = _whole_inside(step)
    return number if number is not None and number in _INT64 else None


def _whole_inside(step: Any) -> int | None:
    try:
        number = None if isinstance(step, str) else _number(step)
    except Exception:  # noqa: BLE001 - a stranger's __float__ may raise anything
        return None
    if isinstance(number, float) and not number.is_integer():
        return None
    return int(number) if isinstance(number, (int, float)) else None


def logged(value: Any) -> Value | None:
    """Turn a value into what a journal keeps, or None if it is neither number nor text.

    Numbers are whatever has `__float__` or `__index__`: numpy and torch scalars and arrays
    of one element, Decimal, Fraction. Integers stay integers from -2**63 to 2**64 - 1, others
    become floats. NaN and the infinities stay what they are.
    """
    try:
        if isinstance(value, str):
            return text_of(value)
        number = _number(value)
        if isinstance(number, int) and number not in _WORD:
            return float(number)
    except Exception:  # noqa: BLE001 - a stranger's __float__ may raise anything; it is no number then
        return None
    return number


def _number(value: Any) -> Value | None:
    """The bool, int, float or text in a value; raises whatever the value raises."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return operator.index(value) if isinstance(value, int) else float(value)
    if hasattr(value, "item") and not isinstance(value, Mapping):
        inner = value.item()  # numpy, torch and others: one element of any shape
        if isinstance(inner, str):
            return text_of(inner)
        if isinstance(inner, (bool, int, float)):
            return _number(inner)
    if hasattr(value, "__float__"):
        return float(value)
    return operator.index(value) if hasattr(value, "__index__") else None


def configured(value: Any, problems: list[str]) -> Json:
    """Turn a config or summary value into JSON terms; what has no such form becomes its text.

    What is not kept as it was meant is added to `problems`, in words that follow the key.
    NOTHING stands for a value of too many items, however few objects they may be.
    """
    if value is None or isinstance(value, bool):
        return value
    try:
        return _Terms(problems).of(value, 0)
    except _TooMany:
        problems.append(f"holds more than {MAX_ITEMS:,} items; use run.log_artifact")
        return NOTHING


class _TooMany(Exception):
    """A value has more items than are kept."""


class _Terms:
    """One config or summary value, being turned into JSON terms."""

    def __init__(self, problems: list[str]) -> None:
        self._problems = problems
        self._left = MAX_ITEMS

    def of(self, value: Any, depth: int) -> Json:
        if value is None or isinstance(value, bool):
            return value
        try:
            return self._of(value, depth)
        except _TooMany:
            raise
        except Exception:  # noqa: BLE001 - a stranger may raise anything
            self._problems.append(f"holds a {type(value).__name__} that cannot be read")
            return f"<{type(value).__name__}>"

    def _of(self, value: Any, depth: int) -> Json:
        """As `of`; raises whatever the value raises."""
        if depth >= MAX_DEPTH and isinstance(value, (*_LISTS, Mapping)):
            # Not its text: what holds itself, or the same list twice, may be endless.
            self._problems.append(f"is nested more than {MAX_DEPTH} levels deep")
            return f"<{type(value).__name__}>"
        if isinstance(value, _LISTS):
            self._take(len(value))
            return [self._listed(item, depth + 1) for item in list(value)]
        if isinstance(value, int) and value not in _WORD:
            self._problems.append(
                "holds an integer of more than 64 bits, which is recorded as text"
            )
            return str(value)
        shape = getattr(value, "shape", ())
        if hasattr(value, "tolist") and shape != () and depth < MAX_DEPTH:
            if math.prod(shape) > self._left:
                raise _TooMany
            return self.of(value.tolist(), depth)
        number = logged(value)
        return text_of(str(value)) if number is None else number

    def _listed(self, item: Any, depth: int) -> Json:
        if not isinstance(item, Mapping) or depth >= MAX_DEPTH:
            return self.of(item, depth)
        self._take(len(item))
        found: dict[str, Json] = {}
        for key, value in list(item.items()):
            name = text_of(key)
            if name in found:
                self._problems.append(
                    f"holds the key {name[:_BRIEF]!r} twice; the later value is recorded"
                )
            found[name] = self._listed(value, depth + 1)
        return found

    def _take(self, items: int) -> None:
        self._left -= items
        if self._left < 0:
            raise _TooMany


def mapping_of(config: Any) -> Mapping[Any, Any]:
    """The mapping behind a dict, an argparse namespace or a dataclass, nested ones too.

    Raises:
        BadInput: it is none of these.
    """
    if isinstance(config, Mapping):
        return config
    if not isinstance(config, type):
        if hasattr(config, "__dataclass_fields__"):
            names = config.__dataclass_fields__
            return {name: _below(getattr(config, name)) for name in names if hasattr(config, name)}
        if hasattr(config, "__dict__"):
            return {name: _below(value) for name, value in vars(config).items()}
    raise BadInput(
        f"{brief(config)} cannot be taken for config or summary: "
        "give a dict, an argparse namespace or a dataclass."
    )


def _below(value: Any) -> Any:
    nested = hasattr(value, "__dataclass_fields__") and not isinstance(value, type)
    return mapping_of(value) if nested else value
