"""Groups: runs that repeat each other, equal in everything that was set but for the seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from tracker.query.compared import Compared, canonical
from tracker.query.noise import Spread, spread

SEEDS = ("seed", "random_state")
"""A config key is a seed's if its last part is one of these, or ends with "_" and one of these."""

_CODE = (("code", "git_commit"), ("code", "program"), ("code", "diff.patch"))


@dataclass(frozen=True)
class Group:
    """Runs that repeat each other.

    Attributes:
        runs: all of them.
        counted: those that `spread` is taken of: the finished ones with a finite value; if there
            is none, the others with a finite value.
        spread: their figures; None if no run has a finite value.
        seeds: the different seeds of the counted ones; 0 if none is recorded.
    """

    runs: list[Compared]
    counted: list[Compared]
    spread: Spread | None
    seeds: int


def is_seed(key: str, named: Sequence[str] = ()) -> bool:
    """Whether a config key is a seed's: one of those named, or else one that is called so."""
    if named:
        return key in named
    last = key.replace(".", "/").rpartition("/")[2].lower()
    return any(last == word or last.endswith(f"_{word}") for word in SEEDS)


def grouped(runs: Sequence[Compared], metric: str, named: Sequence[str] = ()) -> list[Group]:
    """Put runs into groups, in the order in which the first of each stands in `runs`.

    Args:
        runs: which runs.
        metric: whose values are the groups' figures.
        named: config keys of seeds; without them those that `is_seed` knows.
    """

    @cache  # the same keys in every run
    def seeded(key: str) -> bool:
        return is_seed(key, named)

    found: dict[object, list[Compared]] = {}
    for one in runs:
        found.setdefault(_what_is_set(one, seeded), []).append(one)
    return [_group(members, metric, seeded) for members in found.values()]


def _what_is_set(one: Compared, seeded: Callable[[str], bool]) -> object:
    if not one.config:
        return one.id
    config = frozenset((k, canonical(value)) for k, value in one.config.items() if not seeded(k))
    code = tuple(canonical(one.facts.get(key)) for key in _CODE)
    data = frozenset((key, canonical(digest)) for key, digest in one.used.items())
    return config, code, data


def _group(runs: list[Compared], metric: str, seeded: Callable[[str], bool]) -> Group:
    finite = [one for one in runs if math.isfinite(one.values.get(metric, math.nan))]
    counted = [one for one in finite if one.run.status == "finished"] or finite
    seeds = {
        tuple(sorted((k, canonical(v)) for k, v in one.config.items() if seeded(k)))
        for one in counted
    }
    return Group(
        runs, counted, spread([one.values[metric] for one in counted]) if counted else None,
        len(seeds - {()}),
    )  # fmt: skip
