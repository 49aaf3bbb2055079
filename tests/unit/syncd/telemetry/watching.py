"""An observer that remembers, and the lines of a log."""

from __future__ import annotations

import json
from contextlib import contextmanager

from syncd.telemetry import Observer


class Remembering(Observer):
    """Keeps what it was told."""

    def __init__(self):
        self.told = []
        self.spans = []

    def tell(self, what, where=None, /, **facts):
        self.told.append((what.value, where, facts))

    @contextmanager
    def during(self, name, where=None, /, **facts):
        self.spans.append((name, where, facts))
        yield facts.update

    def names(self):
        return [name for name, _, _ in self.told]


def lines(store, name="syncd.log"):
    """The log of a store; each line is an object of its own."""
    try:
        text = (store.sync / name).read_text("ascii")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines()]
