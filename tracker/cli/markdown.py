"""A comparison as Markdown, for a pull request or the summary of a CI job.

Whatever was recorded is escaped, so that no name can make a link, a picture, HTML or a table cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tracker.cli import standing
from tracker.notice import shown
from tracker.query.comparison import Comparison

_ROWS = 50
_DIFFERENCES = 50

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~&!]|#(?!\w)|^[-+](?=\s)")
"""What Markdown gives a meaning, and takes literally behind a backslash."""

_LINKING = re.compile(r"[@#](?=\w)")
"""Where GitHub would tell somebody, or link an issue: not across a comment."""

_ADDRESS = re.compile(r":(?=\S)|(?<=www)\.|\$")
"""Where an address, or a formula, would be found: not in a character reference."""


def safe(text: str) -> str:
    """A text that Markdown shows as it is."""
    escaped = _SPECIAL.sub(lambda found: f"\\{found[0]}", shown(text))
    linked = _ADDRESS.sub(lambda found: f"&#{ord(found[0])};", escaped)
    return _LINKING.sub(lambda found: f"{found[0]}<!-- -->", linked)


def text(comparison: Comparison) -> str:
    """The whole page, without an end of line behind it."""
    return "\n".join(_lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    advice = comparison.advice
    yield f"### {safe(standing.title(comparison))}"
    yield ""
    yield f"**{safe(advice.text)}** Confidence: {advice.confidence}."
    yield ""
    yield from (f"- {safe(reason)}" for reason in advice.reasons)
    yield from (f"- but: {safe(weakness)}" for weakness in advice.weaknesses)
    yield ""
    rows = standing.standings(comparison)
    heads = ("#", "run", "id", comparison.metric, "vs baseline", "%", "status", "repeats", "noise",
             "note")  # fmt: skip
    yield from _table(heads, [_cells(row) for row in rows[:_ROWS]], right=(0, 3, 4, 5))
    if len(rows) > _ROWS:
        yield f"\nand {len(rows) - _ROWS} more runs"
    told = standing.what_differs(comparison)
    if told:
        yield ""
        yield "What differs: value, and which runs have it by #"
        yield ""
        cells = [
            (each.kind, each.key, "; ".join(f"{value}: {at}" for value, at in each.values))
            for each in told[:_DIFFERENCES]
        ]
        yield from _table(("kind", "key", "values"), cells)
    if len(told) > _DIFFERENCES:
        yield f"\nand {len(told) - _DIFFERENCES} more"


def _cells(row: standing.Standing) -> tuple[str, ...]:
    return (
        str(row.place), row.name, row.id, row.value, row.delta, row.share, row.status, row.repeats,
        row.noise, row.note,
    )  # fmt: skip


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()
) -> Iterator[str]:
    rules = ["---:" if number in right else "---" for number in range(len(heads))]
    yield f"| {' | '.join(map(safe, heads))} |"
    yield f"| {' | '.join(rules)} |"
    for row in rows:
        yield f"| {' | '.join(map(safe, row))} |"
