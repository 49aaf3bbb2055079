"""Branches of a run: which points its rewinds left behind.

A rewind leaves behind what the journals that it names, and its own before it, hold at its step
and later: of every key that was logged again since. Other keys keep all they have, so that an
evaluation resumed at step 0 hides no training curve.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.index.encoding import Ints

_ALL = np.iinfo(np.int64).max

Mask = NDArray[np.bool_]
End = tuple[int, int]
"""A journal, and its last sequence number with some key."""


class Rewind(NamedTuple):
    """One rewind: `before` maps a journal to its last sequence number that came before it."""

    step: int
    before: dict[int, int]

    def limit(self, journal: int) -> int:
        """Last sequence number of a journal that came before the rewind; 0 if none did."""
        return self.before.get(journal, 0)

    def left_behind(self, journal: int, seqs: Ints, steps: Ints) -> Mask:
        """Which of a journal's points are on the older branch."""
        mask: Mask = (seqs <= self.limit(journal)) & (steps >= self.step)
        return mask


def rewinds(connection: sqlite3.Connection, run: int) -> list[Rewind]:
    """Read the rewinds of a run; few have any."""
    found = connection.execute(
        "SELECT journal, seq, step, writers FROM rewind WHERE run = ?", (run,)
    )
    rows = found.fetchall()
    if not rows:
        return []
    ids = dict(connection.execute("SELECT writer, id FROM journal WHERE run = ?", (run,)))
    return [
        Rewind(step, {ids[w]: _ALL for w in json.loads(writers) if w in ids} | {journal: seq})
        for journal, seq, step, writers in rows
    ]


def holding(found: Iterable[Rewind], ends: list[End]) -> list[Rewind]:
    """Those rewinds after which a key, which ends there, was logged again."""
    return [rewind for rewind in found if any(seq > rewind.limit(j) for j, seq in ends)]
