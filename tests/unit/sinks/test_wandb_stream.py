"""Lines in requests: in one piece where they follow each other, and never too large."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.sinks.wandb import stream
from syncd.sinks.wandb.stream import body, requests, runs

LINES = st.dictionaries(st.integers(0, 30), st.text(max_size=40), max_size=20)


@settings(max_examples=100, deadline=None)
@given(LINES, LINES, st.integers(1, 200))
def test_requests_put_every_line_at_its_offset(history, console, most):
    """Whatever the limit; a request over it holds a single line."""
    held = {"a": {}, "b": {}}
    before, stream.MOST_BYTES = stream.MOST_BYTES, most
    try:
        sent = list(requests([*runs("a", history), *runs("b", console)]))
    finally:
        stream.MOST_BYTES = before
    for pieces in sent:
        said = json.loads(body(pieces))["files"]
        assert sum(p.size for p in pieces) <= most or len(pieces) == len(pieces[0].lines) == 1
        for name, chunk in said.items():
            for at, line in enumerate(chunk["content"], chunk["offset"]):
                assert held[name].setdefault(at, line) == line
    assert held == {"a": history, "b": console}


def test_halves_keep_offsets_and_sizes():
    [piece] = runs("a", dict.fromkeys(range(3, 8), "xx"))
    first, second = piece.halves()
    assert (first.offset, len(first.lines), second.offset, len(second.lines)) == (3, 2, 5, 3)
    assert first.size + second.size == piece.size
