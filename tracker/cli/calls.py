"""The calls of a run as they stood at one moment, to be read more than once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tracker.query import Row, RunView


class Calls:
    """One pass to learn how many calls and which keys there are, then as many as you like.

    What a live run logs in the meantime is left out, so every pass gives the same rows.

    `what` is "log", "system" or "console"; see `RunView.rows`.

    Attributes:
        numbers: keys with a number in some call, in the order of their first one.
        texts: keys with a text in some call, in the order of their first one.
    """

    def __init__(self, run: RunView, what: str = "log") -> None:
        self._run = run
        self._what = what
        self._counts: Counter[str] = Counter()
        numbers: dict[str, None] = {}
        texts: dict[str, None] = {}
        for row in run.rows(self._what):
            self._counts[row.writer] += 1
            for key, value in row.values.items():
                (texts if isinstance(value, str) else numbers)[key] = None
        self.numbers = list(numbers)
        self.texts = list(texts)

    def __len__(self) -> int:
        return self._counts.total()

    def __iter__(self) -> Iterator[Row]:
        left = Counter(self._counts)
        for row in self._run.rows(self._what):
            if left[row.writer]:
                left[row.writer] -= 1
                yield row
