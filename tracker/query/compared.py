"""Runs as they are compared: what was set, where and with what they ran, and their figures.

All runs are read together, with one question a view, so that a hundred take no longer than ten.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tracker.errors import BadInput
from tracker.events import OF_ARTIFACT
from tracker.index import Index
from tracker.query.runview import RunView

FIGURES = ("last", "min", "max", "mean", "first")
"""Figures of a metric that runs can be compared by."""

_PRIVATE = "_wandb/"
"""Config that is about how another tool draws a run, not about the run."""

_CODE = ("program", "git_commit", "git_remote", "git_dirty")
_HOST = ("host", "user")
_PASSING = ("pid", "local_rank", "slurm_procid", "slurm_restarts", "source")
"""Circumstances that differ between any two runs and say nothing of their results."""

_OF_RUN = "run-file"
"""Type of the artifacts that another tool keeps of each run for itself."""

_SAID_BY_FILES = {"diff.patch": "code", "requirements.txt": "environment",
                  "conda-environment.yaml": "environment"}  # fmt: skip
"""What some of those files tell by their digest."""

_DATA = ("dataset", "data")
"""Types of artifacts that are what a run learnt from, also where it logged them itself."""


class Compared:
    """One run among those compared.

    Attributes:
        run: the run.
        config: settings by flat key, without those about drawing.
        facts: circumstances by (kind, key): kind is "code", "environment", "host" or "data".
        values: the compared figure of each metric.
        steps: the last step of each metric.
        damaged: how many damages lost something that was promised to be kept.
        taken: tools whose records it is taken from.
    """

    def __init__(self, run: RunView) -> None:
        self.run = run
        self.config: dict[str, Any] = {}
        self.definitions: dict[str, Any] = {}
        self.facts: dict[tuple[str, str], Any] = {}
        self.values: dict[str, float] = {}
        self.steps: dict[str, int] = {}
        self.damaged = 0
        self.taken: list[str] = []
        for key, value in run.about.items():
            if key not in _PASSING:
                kind = "code" if key in _CODE else "host" if key in _HOST else "environment"
                self.facts[kind, key] = value

    @property
    def id(self) -> str:
        """The run's id."""
        return self.run.id

    @property
    def used(self) -> dict[tuple[str, str], Any]:
        """Digests of the data that it learnt from."""
        return {(k, key): v for (k, key), v in self.facts.items() if k == "data"}

    @property
    def incomplete(self) -> list[str]:
        """Why what is recorded of it may not be all, in words; empty if it is whole."""
        found = [] if self.run.status == "finished" else [_STATUSES[self.run.status]]
        if self.taken and self.run.status in ("running", "crashed"):
            found = [f"is taken from {', '.join(self.taken)} and not complete yet"]
        if self.damaged:
            found.append("has damaged records")
        if self.run.dropped:
            found.append("could not keep all that it logged")
        if self.run.unknown:
            found.append("holds events that only a later version can read")
        return found


_STATUSES = {
    "running": "is still running", "failed": "failed", "killed": "was killed",
    "crashed": "crashed",
}  # fmt: skip


def canonical(value: Any) -> str:
    """A text that is the same for values that compare as equal: 1 and 1.0 are."""
    if isinstance(value, str):
        return f'"{value}'
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)


def check_figure(figure: str) -> str:
    """The figure, if it is one.

    Raises:
        BadInput: names those that there are.
    """
    if figure not in FIGURES:
        raise BadInput(f"figure={figure!r} cannot be used; it is one of {', '.join(FIGURES)}.")
    return figure


def metric_counts(index: Index, ids: Sequence[str]) -> dict[str, int]:
    """How many of some runs have each metric."""
    rows = _reader(index, ids)
    return dict(rows("SELECT key, count(*) FROM metrics WHERE run IN %s GROUP BY key"))


def compared(
    index: Index, runs: Sequence[RunView], figure: str = "last", metric: str | None = None
) -> list[Compared]:
    """Read runs for comparing; each of them once, in their order.

    Args:
        index: the index, caught up.
        runs: which runs.
        figure: which of `FIGURES` counts.
        metric: read this one only; None reads them all.
    """
    found = {run.id: Compared(run) for run in runs}
    rows = _reader(index, list(found))
    _read_settings(rows, found)
    only, values = ("", ()) if metric is None else ("AND key = ?", (metric,))
    for run, key, value, step in rows(
        f"SELECT run, key, {figure}, last_step FROM metrics WHERE run IN %s {only}",  # noqa: S608 - names are ours
        *values,
    ):
        found[run].values[key] = math.nan if value is None else value
        found[run].steps[key] = step
    for run, kind in rows("SELECT run, kind FROM gaps WHERE run IN %s"):
        found[run].damaged += kind not in ("torn tail", "failed write")
    for run, tool in rows("SELECT DISTINCT run, tool FROM sources WHERE run IN %s"):
        found[run].taken.append(tool)
    _read_artifacts(rows, found)
    return list(found.values())


Rows = Callable[..., Iterator[tuple[Any, ...]]]


def _reader(index: Index, ids: Sequence[str]) -> Rows:
    """Reads with SQL in which %s stands for the ids."""
    listed = json.dumps(ids)

    def rows(sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        chosen = "(SELECT value FROM json_each(?))"
        yield from index.query(sql % chosen, (listed, *values))

    return rows


def _read_settings(rows: Rows, found: Mapping[str, Compared]) -> None:
    for run, key, value in rows("SELECT run, key, value FROM config WHERE run IN %s"):
        one = found[run]
        held = one.definitions if key.startswith(_PRIVATE) else one.config
        held[key] = json.loads(value)


def _read_artifacts(rows: Rows, found: Mapping[str, Compared]) -> None:
    """Take the digests of what was logged (the newest version of each) and of what was used."""
    logged: dict[tuple[str, str], tuple[int, str, str]] = {}
    for run, name, kind, version, manifest in rows(
        "SELECT run, name, type, CAST(substr(version, 2) AS INTEGER), manifest FROM artifacts "
        "WHERE run IN %s"
    ):
        logged[run, name] = max(logged.get((run, name), (-1, "", "")), (version, kind, manifest))
    for (run, name), (_, kind, manifest) in logged.items():
        facts = found[run].facts
        if kind in _DATA:
            facts["data", name] = manifest
        elif kind != _OF_RUN:
            facts["output", name] = manifest
        elif (said := _SAID_BY_FILES.get(name.rpartition("/")[2])) is not None:
            facts[said, name] = manifest
    used: dict[str, dict[str, str]] = defaultdict(dict)
    for run, name, about in rows(
        "SELECT run, key, about FROM media WHERE run IN %s AND form = ? ORDER BY writer, seq",
        OF_ARTIFACT,
    ):
        note = json.loads(about) if about is not None else {}
        if isinstance(note.get("used"), str):
            used[run][name] = str(note.get("manifest") or note["used"])
    for run, names in used.items():
        found[run].facts.update({("data", name): digest for name, digest in names.items()})
