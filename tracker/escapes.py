"""Names that a platform refuses, written so that it takes them and they can be told again.

A refused character c becomes ``_x<hex of c>_``; text that would read as such an escape has its
"_" escaped, so that no two names become one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

EMPTY = "_x_"
"""What the empty name becomes."""

_LOOKS = re.compile(r"_(?=x([0-9a-f]+))")
_ESCAPE = re.compile(r"_x([0-9a-f]{1,6})_")


def escaped(name: str, bad: Collection[int]) -> str:
    """Return `name` with the characters at `bad`, and what looks like an escape, escaped."""
    places = set(bad)
    for found in _LOOKS.finditer(name):
        end = found.end(1)
        if end in places or name[end : end + 1] == "_":
            places.add(found.start())
    if not places:
        return name
    return "".join(f"_x{ord(c):x}_" if at in places else c for at, c in enumerate(name))


def unescaped(name: str) -> str:
    """Return the name that was escaped to `name`; one that never was may be another one then."""
    return "" if name == EMPTY else _ESCAPE.sub(_character, name)


def digest(name: str) -> str:
    """Return the 16 hex digits of SHA-256 that tell a name which had to be cut."""
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:16]


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else found[0]  # noqa: PLR2004 - Unicode's bounds
