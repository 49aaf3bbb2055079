"""What differs between runs: settings and circumstances whose values are not all the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tracker.query.compared import Compared, canonical

KINDS = ("config", "code", "environment", "data", "output", "host")
"""What is compared, in the order of telling."""


class Difference(NamedTuple):
    """One thing that differs; `values` by run id, without the runs that have none recorded."""

    kind: str
    key: str
    values: dict[str, Any]

    def shared(self) -> list[tuple[Any, list[str]]]:
        """Each value with the runs that have it, in the order of the runs."""
        found: dict[str, tuple[Any, list[str]]] = {}
        for run, value in self.values.items():
            found.setdefault(canonical(value), (value, []))[1].append(run)
        return list(found.values())


def differences(runs: Sequence[Compared]) -> list[Difference]:
    """All that differs between some runs, by kind and key. Metrics are not part of it."""
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for one in runs:
        for kind, key, value in _told(one):
            known.setdefault((kind, key), {})[one.id] = value
    return [
        Difference(kind, key, values)
        for (kind, key), values in sorted(
            known.items(), key=lambda item: (KINDS.index(item[0][0]), item[0][1])
        )
        if len(values) < len(runs) or len(set(map(canonical, values.values()))) > 1
    ]


def _told(one: Compared) -> Iterable[tuple[str, str, Any]]:
    yield from (("config", key, value) for key, value in one.config.items())
    yield from ((kind, key, value) for (kind, key), value in one.facts.items())
