"""Journals of a later format: told apart before anything is written beside them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tracker.journal.listing import journals
from tracker.journal.packing import PACKED
from tracker.journal.record import FORMAT, PREAMBLE

_FORMS = (PREAMBLE[:6], PACKED[:6])
_VERSION = slice(len(PREAMBLE) - 2, len(PREAMBLE))


class Newer(NamedTuple):
    """A segment whose format is not ours yet."""

    file: Path
    format: int


def newer(folder: Path) -> Newer | None:
    """Find a journal in a run's folder that a later version of this project wrote.

    Raises:
        OSError: it cannot be found out now.
    """
    for journal in journals(folder):
        for number in journal.segments()[:1]:
            start = journal.preamble(number)
            version = int.from_bytes(start[_VERSION], "little")
            ours = start[:6] not in _FORMS or version <= FORMAT
            # A header that checks as ours says that the two bytes are damaged.
            if not ours and journal.segment_header(number) is None:
                return Newer(journal.path(number), version)
    return None
