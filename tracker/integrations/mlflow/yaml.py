"""The YAML of MLflow's meta files: one mapping of texts and numbers, as PyYAML writes it.

Nested values are passed over. Values are texts; null is "".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_LINE = re.compile(r"([A-Za-z_]\w*):(?: +(.*))?$")
_ESCAPE = re.compile(
    r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[\n 0aevN_LP]|.)", re.DOTALL
)
_ESCAPES = {
    "0": "\0", "a": "\a", "e": "\x1b", "v": "\v", "N": "\x85", "_": "\xa0", "L": "\u2028",
    "P": "\u2029", " ": " ", "\n": "",
}  # fmt: skip


class NoMapping(ValueError):
    """A text is no such mapping."""


def mapping(text: str) -> dict[str, str]:
    """The texts of a mapping, by key.

    Raises:
        NoMapping: it is none, or cut off.
    """
    found: dict[str, str] = {}
    for key, lines in _entries(text):
        found[key] = _value(lines)
    if not found:
        raise NoMapping("it is no mapping")
    return found


def _entries(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each key with its line's rest and the lines that go on with it."""
    key, lines = "", list[str]()
    for line in text.split("\n"):
        match = _LINE.match(line)
        if match and not _unclosed(lines):
            if key:
                yield key, lines
            key, lines = match[1], [match[2] or ""]
        elif key and (not line or line[0] in " -" or _unclosed(lines)):
            lines.append(line)
        elif line.strip() and not line.startswith("#"):
            raise NoMapping(f"a line is no entry: {line[:40]!r}")
    if key:
        if _unclosed(lines):
            raise NoMapping(f"the text of {key} does not end")
        yield key, lines


def _unclosed(lines: list[str]) -> bool:
    """Whether a quoted text begins there and does not end."""
    whole = "\n".join(lines).strip()
    if whole[:1] == "'":
        return whole.count("'") % 2 == 1
    if whole[:1] == '"':
        return re.fullmatch(r'"(?:[^"\\]|\\.)*"', whole, re.DOTALL) is None
    return False


def _value(lines: list[str]) -> str:
    first = lines[0].strip()
    if first[:1] in ("|", ">"):
        return _block(first, lines[1:])
    whole = _folded(lines)
    if whole[:1] == "'":
        return whole[1:-1].replace("''", "'")
    if whole[:1] == '"':
        return _ESCAPE.sub(_escaped, whole[1:-1])
    return "" if whole in ("null", "~") else whole


def _folded(lines: list[str]) -> str:
    """Lines as one: a line's end is a space, an empty line is a line's end."""
    whole = lines[0].strip()
    empty = 0
    for line in lines[1:]:
        if not line.strip():
            empty += 1
            continue
        glue = "\n" * empty if empty else "" if whole.endswith("\\") else " "
        if not empty and whole.endswith("\\") and whole[:1] == '"':
            whole = whole[:-1]
        whole += glue + line.strip()
        empty = 0
    return whole


def _block(style: str, lines: list[str]) -> str:
    depth = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    text = ("\n" if style[0] == "|" else " ").join(line[depth:] for line in lines)
    return text.rstrip("\n") if "-" in style else text + "\n"


def _escaped(match: re.Match[str]) -> str:
    said = match[1]
    if len(said) > 1:
        return chr(int(said[1:], 16))
    if said in _ESCAPES:
        return _ESCAPES[said]
    try:
        plain: str = json.loads(f'"\\{said}"')
    except ValueError:
        return said
    return plain
