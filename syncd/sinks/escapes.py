"""Paths of files as every remote takes them; `tracker.escapes` turns the names back."""

from __future__ import annotations

import re

from tracker.escapes import EMPTY, digest, escaped

MAX_FILE_PART = 255
"""Bytes of one part of a file's path: what a server's file system takes."""

# Proxies decode paths again and again, drop what follows "#" and "?", and take "\" and
# ":" for Windows paths; the rest of this list no file system agrees on.
_FILE_REFUSED = re.compile(r"[%#?;:\\\x00-\x1f\x7f<>|\"*]")


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
