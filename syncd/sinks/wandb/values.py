"""Values as W&B writes them: JSON, with words for the numbers that JSON has not."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgspec

from syncd.sinks import Note
from tracker.events import Json

MAX_TEXT = 65_536
"""Characters of a text in a row; W&B takes values up to 1 MB."""

WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""What W&B writes for numbers that are not finite."""

_INTS = range(-(2**63), 2**63)


def number(value: float) -> Json:
    """Return a logged number as it stands in a row; `read_number` turns it back."""
    if type(value) is float:
        return value if value - value == 0.0 else _word(value)
    return value if value in _INTS else float(value)


def read_number(held: Json) -> float | None:
    """Return the number that a row's value is; None if it is a text or something else."""
    if isinstance(held, str):
        return WORDS.get(held)
    return float(held) if isinstance(held, (int, float)) else None


def text(value: str, key: str, notes: list[Note]) -> str:
    """Return a logged text as it stands in a row, with a note where that is not as it was."""
    if value in WORDS:
        notes.append(Note("mapped", key, f"the text {value} stands in quotes: it is no number"))
        return f'"{value}"'
    if len(value) <= MAX_TEXT:
        return value
    digest = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[:16]
    tail = f"... [cut: {len(value)} characters, SHA-256 {digest}]"
    notes.append(Note("cut", key, f"a text of {len(value)} characters cut to {MAX_TEXT}"))
    return value[: MAX_TEXT - len(tail)] + tail


def spoken(value: Json) -> Json:
    """Return a config or summary value as W&B holds it."""
    if isinstance(value, float) and not math.isfinite(value):
        return _word(value)
    if isinstance(value, list):
        return [spoken(each) for each in value]
    if isinstance(value, dict):
        return {str(key): spoken(each) for key, each in value.items()}
    return value


def told(value: Json) -> str:
    """Return a value of W&B's as text: texts as they are, all else as JSON, keys in order.

    A number is told the same whether it came as 3 or as 3.0: services differ in it.
    """
    if type(value) is str:
        return value
    return msgspec.json.encode(_whole(value), order="deterministic").decode()


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    return value


def _word(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
