"""A comparison in words: the same texts for terminal, Markdown and HTML.

Names and values stand here as they were recorded; who prints them makes them safe.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tracker.cli import terminal, wording
from tracker.query.compared import Compared
from tracker.query.comparison import Comparison
from tracker.query.repeats import Group

ID = 8
"""Characters of an id that are shown at least."""

_DIGITS = 5
_NOISE = {True: "inside", False: "outside", None: "not known"}
_DIGEST = 12
_VALUE = 80
"""Columns of a value that are shown; --json has it whole."""

_VALUES = 8
"""Values of one key that are told apart, those of the best runs first."""


class Standing(NamedTuple):
    """One run: its place from 1, and texts; `best` is that of the best run alone."""

    place: int
    id: str
    name: str
    status: str
    value: str
    delta: str
    share: str
    repeats: str
    noise: str
    note: str
    best: bool


def title(comparison: Comparison) -> str:
    """What is compared, and which way is better."""
    way = comparison.direction
    return (
        f"{comparison.metric}: {comparison.figure} value, {way.better} is better, {way.source}; "
        f"{wording.counted(len(comparison.runs), 'run')}"
    )


def standings(comparison: Comparison) -> list[Standing]:
    """Every run, the best first."""
    groups = {one.id: group for group in comparison.groups for one in group.runs}
    length = ID
    while len({one.id[:length] for one in comparison.runs}) < len(comparison.runs):
        length += 1
    return [
        _standing(comparison, place, one, groups[one.id], length)
        for place, one in enumerate(comparison.runs, 1)
    ]


def _standing(
    comparison: Comparison, place: int, one: Compared, group: Group, length: int
) -> Standing:
    value = one.values.get(comparison.metric)
    best = comparison.best_run is one.run
    is_base = one is comparison.baseline
    delta = None if is_base else comparison.deltas(one).get(comparison.metric)
    marks = [word for word, holds in (("best", best), ("baseline", is_base)) if holds]
    contrast = comparison.contrast_of(group)
    return Standing(
        place=place,
        id=one.id[:length],
        name=one.run.name or "?",
        status=one.run.status,
        value=wording.number(value, _DIGITS),
        delta="" if delta is None else signed(delta),
        share="" if delta is None else _share(delta, comparison.value(comparison.baseline)),
        repeats=_repeats(group),
        noise="" if contrast is None else _NOISE[contrast.inside],
        note=", ".join([*marks, *one.incomplete]),
        best=best,
    )


def signed(delta: float) -> str:
    """A difference with its sign."""
    return f"+{wording.number(delta)}" if delta > 0 else wording.number(delta)


def _share(delta: float, base: float) -> str:
    if not math.isfinite(delta) or not math.isfinite(base) or not base:
        return ""
    share = 100 * (delta / abs(base))
    return f"{share:+.1f} %" if abs(share) < 1000 else f"{share:+.0e} %"  # noqa: PLR2004 - beyond, nobody reads digits


def _repeats(group: Group) -> str:
    """Mean, standard deviation and n of runs that repeat each other."""
    if group.spread is None or group.spread.std is None:
        return ""
    spread = group.spread
    return f"{wording.number(spread.mean)} ± {wording.number(group.spread.std, 2)}, n = {spread.n}"


class Told(NamedTuple):
    """One thing that differs: its kind and key, and each value with the places of its runs."""

    kind: str
    key: str
    values: list[tuple[str, str]]


def what_differs(comparison: Comparison) -> list[Told]:
    """All that differs, by kind and key."""
    places = {one.id: place for place, one in enumerate(comparison.runs, 1)}
    found = []
    for kind, key, values in comparison.differences:
        shared = [(text, wording.spans(at)) for text, at in _shared(places, kind, values)]
        if len(shared) > _VALUES:
            more = f"{len(shared) - _VALUES:,} more values"
            shared = [*shared[:_VALUES], (more, "the others")]
        found.append(Told(kind, key, shared))
    return found


def _shared(
    places: Mapping[str, int], kind: str, values: Mapping[str, Any]
) -> Iterator[tuple[str, list[int]]]:
    known: dict[str, list[int]] = {}
    for run, place in places.items():
        text = fact_text(kind, values[run]) if run in values else "not recorded"
        known.setdefault(text, []).append(place)
    yield from known.items()


def fact_text(kind: str, value: Any) -> str:
    """A value that differs; digests are cut to what a person compares."""
    text = wording.value_text(value) if not isinstance(value, str) else value
    return text[:_DIGEST] if kind in ("data", "output") else terminal.cut(text, _VALUE)


def metric_names(comparison: Comparison, most: int) -> Sequence[str]:
    """Other metrics that all of the runs with a value have, at most so many."""
    ranked = comparison.ranked
    common = set.intersection(*(set(one.values) for one in ranked)) if ranked else set()
    return sorted(common - {comparison.metric})[:most]
