"""Names that a platform refuses, written so that it takes them and they can be told again.

A refused character c becomes ``_x<hex of c>_``; text that would read as such an escape has its
"_" escaped, so that no two names become one. `map_file` does this for paths of files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

EMPTY = "_x_"
"""What the empty name becomes."""

MAX_FILE_PART = 255
"""Bytes of one part of a file's path: what a server's file system takes."""

_LOOKS = re.compile(r"_(?=x([0-9a-f]+))")

# Proxies decode paths again and again, drop what follows "#" and "?", and take "\" and
# ":" for Windows paths; the rest of this list no file system agrees on.
_FILE_REFUSED = re.compile(r"[%#?;:\\\x00-\x1f\x7f<>|\"*]")


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


def digest(name: str) -> str:
    """Return the 16 hex digits of SHA-256 that tell a name which had to be cut."""
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:16]


def map_file(path: str) -> str:
    """Return the path (relative, "/") under which the file `path` is kept at a remote."""
    return "/".join(_map_part(part) for part in path.split("/"))


def _map_part(part: str) -> str:
    bad = {found.start() for found in _FILE_REFUSED.finditer(part)}
    if part in (".", "..", EMPTY):
        bad.add(0)
    mapped = escaped(part, bad) if part else EMPTY
    if len(mapped.encode(errors="surrogatepass")) <= MAX_FILE_PART:
        return mapped
    tail = "-" + digest(part)
    kept = mapped.encode(errors="surrogatepass")[: MAX_FILE_PART - len(tail)]
    return kept.decode(errors="ignore") + tail
