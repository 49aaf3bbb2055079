"""Exported calls are those that were there at the start, however the run goes on."""

from __future__ import annotations

from tracker.cli.calls import Calls
from tracker.query import Row

NOW = 1_795_000_000_123_456_789


class GrowingRun:
    """Two writers, each with one more call every time it is read."""

    def __init__(self):
        self.size = 1

    def rows(self, what):
        assert what == "log"
        self.size += 1
        for writer in ("a", "b"):
            for step in range(self.size):
                yield Row(step, NOW, {f"k{step}": 1.0, "t": "text"}, writer)


def test_every_pass_gives_the_rows_of_the_first():
    calls = Calls(GrowingRun())
    expected = [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    for _ in range(3):
        assert [(row.writer, row.step) for row in calls] == expected
    assert len(calls) == 4


def test_keys_are_told_by_what_was_logged_under_them():
    calls = Calls(GrowingRun())
    assert calls.numbers == ["k0", "k1"]
    assert calls.texts == ["t"]
