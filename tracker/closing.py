"""What a run still has to say when it ends, on a disk that may be full."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from tracker.events import Json
from tracker.journal.reserve import RESERVE_BYTES

_VALUE_BYTES = RESERVE_BYTES - 4 * 1024
"""Of the reserve, for values; the rest is for a segment's header, the run's end and its seal."""

_ERROR_CHARS = 500
"""Of an error's text, where the reserve has to do."""

_PART_BYTES = 1024
"""Values are kept in events of about this size, so that what fits is kept."""

_FRAME_BYTES = 32
"""Of an event, around its values."""

_encode = msgspec.msgpack.encode


class Closing:
    """Keeps the last events of a run; the first that finds no room has the reserve given up.

    Args:
        attempt: appends an event at once; False if it was not kept.
        make_room: gives up the reserve; False if there is none.

    Attributes:
        lost: values that were not kept.
    """

    def __init__(self, attempt: Callable[..., bool], make_room: Callable[[], bool]) -> None:
        self.lost = 0
        self._attempt = attempt
        self._make_room = make_room
        self._room = math.inf  # bytes that there are for values

    def values(self, kind: int, values: dict[str, Json]) -> int:
        """Keep values of config or summary as far as there is room; returns how many were not."""
        parts = list(_parts(values))
        lost = sum(len(part) for part, size in parts if not self._keep(size, kind, part))
        self.lost += lost
        return lost

    def finish(
        self, kind: int, status: str, exit_code: int, error: str | None, dropped: dict[str, int]
    ) -> bool:
        """Keep the run's end; in a reserve, its error in brief."""
        if self._room == math.inf:
            if self._attempt(kind, status, exit_code, error, dropped):
                return True
            self._give_up_reserve()
        brief = error if error is None else error[:_ERROR_CHARS]
        return self._attempt(kind, status, exit_code, brief, dropped)

    def _keep(self, size: int, *event: Any) -> bool:
        if size > self._room:
            return False
        if self._attempt(*event):
            self._room -= size
            return True
        if self._room < math.inf:
            return False
        self._give_up_reserve()
        return self._keep(size, *event)

    def _give_up_reserve(self) -> None:
        self._room = _VALUE_BYTES if self._make_room() else 0


def _parts(values: dict[str, Json]) -> Iterator[tuple[dict[str, Json], int]]:
    """Split values into mappings of about `_PART_BYTES`, with their sizes."""
    part: dict[str, Json] = {}
    size = _FRAME_BYTES
    for key, value in values.items():
        more = len(_encode({key: value}))
        if part and size + more > _PART_BYTES:
            yield part, size
            part, size = {}, _FRAME_BYTES
        part[key] = value
        size += more
    if part:
        yield part, size
