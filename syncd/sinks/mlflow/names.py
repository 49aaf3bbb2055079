r"""Names that MLflow takes for names that it refuses.

MLflow takes ``[/\w.\- :]`` (letters of any script), up to 250 characters, if the name is its
own normal form as a path: no empty, "." or ".." part, no "/" at an end, no ".." in front
(mlflow/utils/validation.py, `_validate_metric_name`). So

    a refused character c     becomes  _x<hex of c>_          "acc@5"  ->  "acc_x40_5"
    a "/" with no part after  becomes  _x2f_                  "a//b"   ->  "a/_x2f_b"
    the first "." of a refused part    _x2e_                  "../a"   ->  "_x2e_./a"
    text that would read as an escape  has its "_" escaped    "_x40_"  ->  "_x5f_x40_"
    the empty name            becomes  _x_
    more than the limit       is cut and ends in "-" and 16 hex digits of SHA-256 of the whole

All but the cut can be undone, so that no two names become one.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

MAX_KEY = 250
"""Characters of a metric key, param key or tag key."""

MAX_FILE_PART = 255
"""Bytes of one part of an artifact's path: what a server's file system takes."""

_EMPTY = "_x_"
_REFUSED = re.compile(r"[^/\w.\- :]")
_PATH = re.compile(
    r"^/"  # in front
    r"|(?<=/)/"  # an empty part
    r"|/\Z"  # at the end
    r"|^\.(?=\.)"  # ".." in front, even of "..a"
    r"|(?:^|(?<=/))\.(?=\.?(?:/|\Z))"  # the parts "." and ".."
)
_LOOKS = re.compile(r"_(?=x([0-9a-f]+))")

# The proxy decodes paths again and again, drops what follows "#" and "?", and takes "\" and
# ":" for Windows paths; the rest of this list no file system agrees on.
_FILE_REFUSED = re.compile(r"[%#?;:\\\x00-\x1f\x7f<>|\"*]")


@lru_cache(maxsize=16_384)
def map_name(name: str, reserved: tuple[str, ...] = ()) -> str:
    """Return the name under which `name` is kept at MLflow.

    A name that begins with one of `reserved` gets its first character escaped, so that it
    stays apart from ours.
    """
    if not name:
        return _EMPTY
    bad = {found.start() for found in _REFUSED.finditer(name)}
    bad.update(found.start() for found in _PATH.finditer(name))
    if name == _EMPTY or name.startswith(reserved):
        bad.add(0)
    return cut(_escaped(name, bad), name)


def cut(mapped: str, name: str) -> str:
    """Return `mapped`, or if it is too long its beginning and the digest of `name`."""
    if len(mapped) <= MAX_KEY:
        return mapped
    tail = "-" + _digest(name)
    return mapped[: MAX_KEY - len(tail)] + tail


def map_file(path: str) -> str:
    """Return the path under which the file `path` (relative, "/") is kept at MLflow."""
    return "/".join(_map_part(part) for part in path.split("/"))


def _map_part(part: str) -> str:
    bad = {found.start() for found in _FILE_REFUSED.finditer(part)}
    if part in (".", "..", _EMPTY):
        bad.add(0)
    mapped = _escaped(part, bad) if part else _EMPTY
    if len(mapped.encode(errors="surrogatepass")) <= MAX_FILE_PART:
        return mapped
    tail = "-" + _digest(part)
    kept = mapped.encode(errors="surrogatepass")[: MAX_FILE_PART - len(tail)]
    return kept.decode(errors="ignore") + tail


def _escaped(name: str, bad: set[int]) -> str:
    for found in _LOOKS.finditer(name):
        end = found.end(1)
        if end in bad or name[end : end + 1] == "_":
            bad.add(found.start())
    if not bad:
        return name
    return "".join(f"_x{ord(c):x}_" if at in bad else c for at, c in enumerate(name))


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:16]
