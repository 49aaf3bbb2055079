"""Advice: what compared runs recommend, with reasons, and how sure that is.

Settings are advised on, not single lucky runs: groups of runs that repeat each other are held
against each other by their means, the best one against the baseline's (against the second best,
where it is the baseline's itself).

Confidence begins with what the figures allow:

    none      there is nothing to hold against, or the difference is inside the noise
    low       the noise is not known (one run on both sides), or one side ran less than 3 times
    medium    outside the noise, 3 runs at least on both sides
    high      the same with 5 runs at least

and each thing that makes the figures weaker than they look takes it one level down: values that
overlap, repeats with the same seed or the very same value, incomplete runs, different data or
code, different lengths; one more for all other runs that are incomplete or without a finite value.
Outside the noise it never goes below low. What is not recorded is said too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tracker.query.compared import Compared
from tracker.query.direction import Direction
from tracker.query.noise import Contrast, Spread, contrast
from tracker.query.repeats import Group

LEVELS = ("none", "low", "medium", "high")

_RUNS_FOR = {"high": 5, "medium": 3}
_DIGITS = range(4, 18)
_CODE = ("git_commit", "program", "diff.patch")
_RULES = {
    "welch": "Welch's interval",
    "prediction": "the interval for one further run, as one side ran once",
}


class Weakness(NamedTuple):
    """What makes the figures weaker than they look; `weighs`: whether confidence goes down."""

    text: str
    weighs: bool = True


@dataclass(frozen=True)
class Advice:
    """A recommendation in words, its reasons, what weakens it, and one of `LEVELS`."""

    text: str
    confidence: str
    reasons: list[str]
    weaknesses: list[str]
    contrast: Contrast | None = None


class _Side(NamedTuple):
    """A group that is held against another, and what it is called."""

    group: Group
    spread: Spread
    name: str
    is_baseline: bool

    @property
    def title(self) -> str:
        """Its name, that it is the baseline, and how many runs it stands for."""
        repeats = f" (n = {self.spread.n})" if self.spread.n > 1 else ""
        return f"the baseline {self.name}{repeats}" if self.is_baseline else self.name + repeats

    def figures(self, digits: int) -> str:
        """Mean, standard deviation and n in words."""
        mean = f"{self.spread.mean:.{digits}g}"
        if self.spread.std is None:
            return f"{mean} of {self.title}, which ran once"
        return f"{mean} ± {self.spread.std:.2g} of {self.title}"


def advise(
    runs: Sequence[Compared], groups: Sequence[Group], baseline: Compared, *, metric: str,
    way: Direction, labels: Mapping[str, str],
) -> Advice:  # fmt: skip
    """Advise on compared runs.

    Args:
        runs: all of them, the best first.
        groups: the same in groups.
        baseline: the run that the others are held against.
        metric: what they are compared by.
        way: whether lower or higher is better.
        labels: what each run is called, by id.
    """
    sides = sorted(
        (_side(group, baseline, labels) for group in groups if group.spread is not None),
        key=lambda side: way.rank(side.spread.mean),
    )
    others = _left_out(runs, metric, labels)
    if not sides:
        text = f"No run has a finite value of {metric}: nothing can be recommended."
        return Advice(text, "none", [], others)
    top, *rest = sides
    rival = next((side for side in rest if side.is_baseline), rest[0] if rest else None)
    if rival is None:
        return _alone(top, metric, others)
    found = contrast(top.spread, rival.spread, len(sides) - 1)
    held = {one.id for side in (top, rival) for one in side.group.runs}
    others += _unfinished([one for one in runs if one.id not in held], labels)
    weaknesses = list(_weak(top, rival, metric, labels))
    weight = sum(weakness.weighs for weakness in weaknesses) + bool(others)
    reasons = list(_reasons(top, rival, found, metric, way))
    best = runs[0]
    if all(best is not one for one in top.group.runs):
        reasons.append(
            f"the best single value, {best.values[metric]:.4g}, is of {labels[best.id]}, but what "
            "repeats it is worse on average"
        )
    return Advice(
        _text(top, rival, found, metric, way),
        _confidence(top, rival, found, weight),
        reasons,
        [*(weakness.text for weakness in weaknesses), *others],
        found,
    )


def _side(group: Group, baseline: Compared, labels: Mapping[str, str]) -> _Side:
    assert group.spread is not None  # noqa: S101 - who asks has looked
    has_baseline = any(one is baseline for one in group.runs)
    named = baseline if has_baseline else group.counted[0]
    return _Side(group, group.spread, labels[named.id], has_baseline)


def _alone(top: _Side, metric: str, others: list[str]) -> Advice:
    """One group only: there is nothing to choose between."""
    if top.spread.n == 1:
        text = (
            f"Only {top.name} has a finite value of {metric}: there is nothing to hold it against."
        )
    else:
        text = (
            f"All {top.spread.n} runs with a finite value of {metric} repeat the same setting: "
            f"there is nothing to choose between."
        )
    return Advice(text, "none", [f"{metric}: {top.figures(4)}"], others)


def _text(top: _Side, rival: _Side, found: Contrast, metric: str, way: Direction) -> str:
    digits = _digits(top, rival)
    figures = f"{top.spread.mean:.{digits}g} against {rival.spread.mean:.{digits}g}"
    if found.inside:
        return (
            f"{_capital(top.title)} and {rival.title} cannot be told apart by {metric}: {figures}, "
            "a difference inside the noise. More runs with other seeds may tell."
        )
    if found.inside is None:
        extreme = "lowest" if way.mode == "min" else "highest"
        return (
            f"{_capital(top.title)} has the {extreme} {metric}: {figures} of {rival.title}. "
            "Whether that is more than noise is not known, as each ran once: repeat both with "
            "other seeds."
        )
    take = f"{'Stay with' if top.is_baseline else 'Take'} {top.title}"
    return f"{take}: {metric} is {figures} of {rival.title}, a difference outside the noise."


def _reasons(
    top: _Side, rival: _Side, found: Contrast, metric: str, way: Direction
) -> Iterator[str]:
    digits = _digits(top, rival)
    yield f"{way.better} {metric} is better, {way.source}"
    yield f"{top.figures(digits)}; {rival.figures(digits)}"
    if found.low is None or found.high is None:
        yield f"the difference is {found.delta:.3g}; of one run on both sides no noise is known"
        return
    which = "inside" if found.inside else "outside"
    yield (
        f"the difference is {found.delta:.3g}, {100 * found.level:.4g} % interval {found.low:.3g} "
        f"to {found.high:.3g} ({_RULES[found.rule]}): {which} the noise"
    )


def _confidence(top: _Side, rival: _Side, found: Contrast, weight: int) -> str:
    if found.inside:
        return "none"
    least = min(top.spread.n, rival.spread.n)
    level = next((name for name, count in _RUNS_FOR.items() if least >= count), "low")
    lowest = 0 if found.inside is None else LEVELS.index("low")
    return LEVELS[max(lowest, LEVELS.index(level) - weight)]


def _weak(top: _Side, rival: _Side, metric: str, labels: Mapping[str, str]) -> Iterator[Weakness]:
    """What weakens the comparison of two groups."""
    for side in (top, rival):
        yield from _weak_group(side, labels)
    one, other = top.spread, rival.spread
    if max(one.n, other.n) > 1 and one.low <= other.high and other.low <= one.high:
        yield Weakness(f"the values of {top.name} and {rival.name} overlap")
    yield from _different(top, rival)
    reached = [sorted({run.steps[metric] for run in side.group.counted}) for side in (top, rival)]
    if reached[0][-1] != reached[1][-1]:
        yield Weakness(
            f"{top.name} went to step {reached[0][-1]:,}, {rival.name} to step {reached[1][-1]:,}"
        )


def _weak_group(side: _Side, labels: Mapping[str, str]) -> Iterator[Weakness]:
    group, spread = side.group, side.spread
    if spread.n == 1:
        yield Weakness(f"{side.name} ran once: its own noise is not known", weighs=False)
    elif group.seeds < spread.n:
        what = "have seeds in common" if group.seeds else "have no seed recorded"
        yield Weakness(f"the runs that repeat {side.name} {what}")
    if spread.std == 0:
        yield Weakness(
            f"the {spread.n} runs of {side.name} gave the very same value: they may not be "
            "independent"
        )
    for one in group.runs:
        for trouble in one.incomplete:
            yield Weakness(f"{labels[one.id]} {trouble}")


def _different(top: _Side, rival: _Side) -> Iterator[Weakness]:
    """Data and code: a difference may come from there, not from the settings."""
    one, other = top.group.runs[0], rival.group.runs[0]
    names = f"{top.name} and {rival.name}"
    if one.used != other.used:
        yield Weakness(f"{names} used different data")
    elif not one.used:
        yield Weakness("which data was used is not recorded", weighs=False)
    codes = [[run.facts.get(("code", key)) for key in _CODE] for run in (one, other)]
    if codes[0] != codes[1]:
        yield Weakness(f"{names} ran different code")
    elif codes[0][0] is None:
        yield Weakness("which commit of the code ran is not recorded", weighs=False)


def _left_out(runs: Sequence[Compared], metric: str, labels: Mapping[str, str]) -> list[str]:
    """Runs that have no finite value, by their names."""
    missing = [labels[one.id] for one in runs if metric not in one.values]
    odd = [
        f"{labels[one.id]} ({value})"
        for one in runs
        if not math.isfinite(value := one.values.get(metric, 0.0))
    ]
    found = [f"without {metric}: {_listed(missing)}"] if missing else []
    return [*found, f"not finite, and so not ranked: {_listed(odd)}"] if odd else found


def _unfinished(runs: Sequence[Compared], labels: Mapping[str, str]) -> list[str]:
    """Runs that are not held against each other and of which something may be missing."""
    told = [f"{labels[one.id]} {trouble}" for one in runs for trouble in one.incomplete[:1]]
    return [f"others that may not be whole: {_listed(told)}"] if told else []


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _digits(top: _Side, rival: _Side) -> int:
    """As many digits as tell two means apart."""
    one, other = top.spread.mean, rival.spread.mean
    return next((n for n in _DIGITS if f"{one:.{n}g}" != f"{other:.{n}g}"), _DIGITS[0])


def _capital(text: str) -> str:
    return text[0].upper() + text[1:] if text.startswith("the ") else text
