"""A source: the records of one `.wandb` file by their numbers, read on as the file grows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tracker.integrations.taken import Lost
from tracker.integrations.wandb.framing import Damage, Stretch, stretches
from tracker.integrations.wandb.records import number_of, numbered

_AT_ONCE = 128
"""Entries that are enough to hand out together: few enough for a processor's cache."""

_MOST_BYTES = 1 << 20
"""Bytes of the file that are, so that memory does not grow with large entries."""

_GROUP = 128
"""Numbers whose bytes differ in the first one only."""

_FIRST_BYTES = [numbered(_GROUP + low)[:-1] for low in range(_GROUP)]


class Source:
    """Reads a file from where it stopped the last time.

    Attributes:
        offset: bytes of the file that were read.
        lost: damage met so far; what is torn is looked at again, so only the last can be.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._number = 0
        self.offset = 0
        self.lost: list[Lost] = []

    def more(self) -> Iterator[tuple[int, list[bytes]]]:
        """What follows in the file: entries, and the number of the first one's record.

        That is the client's own, else the one after the last; the others follow without a hole.

        Raises:
            OSError: it cannot be read.
        """
        if self.lost and self.lost[-1].torn:
            self.lost.pop()
        held: list[bytes] = []
        begun = self.offset
        with self._log.open("rb") as file:
            for item in stretches(file, self.offset):
                if isinstance(item, Damage):
                    self.lost.append(Lost(item.start, item.end, item.reason, torn=item.torn))
                    self.offset = item.start if item.torn else item.end
                    continue
                self.offset = item.end
                begun = begun if held else item.start
                if _follow(item.data, self._number):
                    held += item.data
                    self._number += len(item.data)
                else:
                    yield from self._by_one(item, held)
                if len(held) >= _AT_ONCE or item.end - begun >= _MOST_BYTES:
                    yield self._number - len(held) + 1, held
                    held = []
        if held:
            yield self._number - len(held) + 1, held

    def _by_one(self, item: Stretch, held: list[bytes]) -> Iterator[tuple[int, list[bytes]]]:
        """Hold the entries of a stretch; hands out those held where a number is no next one."""
        for start, _, data in item.entries():
            number, following = number_of(data), self._number + 1
            if number != following:
                number = self._after_a_hole(number, start)
            if number != following and held:
                yield following - len(held), held[:]
                held.clear()
            self._number = number
            held.append(data)

    def _after_a_hole(self, number: int, start: int) -> int:
        """The number of an entry that is not the next one; notes those that are missing."""
        first, last = self._number + 1, number - 1
        if number <= self._number:
            return self._number + 1
        if self.lost and not self.lost[-1].last and self.lost[-1].end <= start:
            there = self.lost.pop()
            self.lost.append(Lost(there.start, there.end, there.reason, first, last))
        else:
            self.lost.append(Lost(start, start, "records are not there", first, last))
        return number


def _follow(entries: list[bytes], number: int) -> bool:
    """Whether the numbers of all entries follow `number` one by one."""
    at = 0
    while at < len(entries):
        group, place = divmod(number + 1 + at, _GROUP)
        heads = _heads(group)[place:]
        if not all(map(bytes.startswith, entries[at : at + len(heads)], heads)):
            return False
        at += len(heads)
    return True


@lru_cache(maxsize=4)
def _heads(group: int) -> list[bytes]:
    """How entries begin whose records have the numbers of a group."""
    if not group:
        return [numbered(number) for number in range(_GROUP)]
    rest = numbered(group)[1:]
    return [first + rest for first in _FIRST_BYTES]
