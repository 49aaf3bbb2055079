"""A source: the records of one `.wandb` file by their numbers, read on as the file grows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tracker.integrations.taken import Lost
from tracker.integrations.wandb.framing import Damage, read
from tracker.integrations.wandb.records import number_of


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

    def more(self) -> Iterator[tuple[int, bytes]]:
        """What follows in the file: each entry behind its record's number.

        That is the client's own, else the one after the last.

        Raises:
            OSError: it cannot be read.
        """
        if self.lost and self.lost[-1].torn:
            self.lost.pop()
        with self._log.open("rb") as file:
            for item in read(file, self.offset):
                if isinstance(item, Damage):
                    self.lost.append(Lost(item.start, item.end, item.reason, torn=item.torn))
                    self.offset = item.start if item.torn else item.end
                    continue
                start, self.offset, data = item
                number = number_of(data)
                if number != self._number + 1:
                    number = self._after_a_hole(number, start)
                self._number = number
                yield number, data

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
