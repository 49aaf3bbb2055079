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

import re
from functools import lru_cache

from tracker.escapes import EMPTY, digest, escaped

MAX_KEY = 250
"""Characters of a metric key, param key or tag key."""

_REFUSED = re.compile(r"[^/\w.\- :]")
_PATH = re.compile(
    r"^/"  # in front
    r"|(?<=/)/"  # an empty part
    r"|/\Z"  # at the end
    r"|^\.(?=\.)"  # ".." in front, even of "..a"
    r"|(?:^|(?<=/))\.(?=\.?(?:/|\Z))"  # the parts "." and ".."
)


@lru_cache(maxsize=16_384)
def map_name(name: str, reserved: tuple[str, ...] = ()) -> str:
    """Return the name under which `name` is kept at MLflow.

    A name that begins with one of `reserved` gets its first character escaped, so that it
    stays apart from ours.
    """
    if not name:
        return EMPTY
    bad = {found.start() for found in _REFUSED.finditer(name)}
    bad.update(found.start() for found in _PATH.finditer(name))
    if name == EMPTY or name.startswith(reserved):
        bad.add(0)
    return cut(escaped(name, bad), name)


def cut(mapped: str, name: str) -> str:
    """Return `mapped`, or if it is too long its beginning and the digest of `name`."""
    if len(mapped) <= MAX_KEY:
        return mapped
    tail = "-" + digest(name)
    return mapped[: MAX_KEY - len(tail)] + tail
