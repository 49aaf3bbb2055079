"""What a store of MLflow says of a run, whichever kind of store it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from tracker.integrations.taken import Lost


class Point(NamedTuple):
    """A metric's point; `time` in ms since 1970. Runs of them with one step and time are a call."""

    key: str
    value: float
    time: int
    step: int


class Described(NamedTuple):
    """A run's own entry.

    Attributes:
        run_id: its id there and here.
        project: its experiment's name.
        name, user, program: "" where they are not known.
        status: RUNNING, SCHEDULED, FINISHED, FAILED or KILLED.
        began, ended: ms since 1970; 0 where there is none.
        deleted: whether it or its experiment was deleted.
        artifacts: where its files are, a path or an address.
        ours: the run of a store of ours that was delivered there as this one; "" if it was none.
    """

    run_id: str
    project: str
    name: str
    user: str
    program: str
    status: str
    began: int
    ended: int
    deleted: bool
    artifacts: str
    ours: str


class Model(NamedTuple):
    """A logged model, which has a place of its own for its files; `time` in ms since 1970."""

    name: str
    place: str
    time: int


class Details(NamedTuple):
    """What else there is of a run but its points. `datasets`: by name, flat."""

    params: dict[str, str]
    tags: dict[str, str]
    datasets: dict[str, str]
    models: list[Model]
    lost: list[Lost]


class Stored(Protocol):
    """A store of MLflow, to be read.

    Attributes:
        base: the folder that it is in, or is.
        lost: what could not be read at the last `runs`.
    """

    base: Path
    lost: list[Lost]

    def changed(self) -> bool:
        """Whether it may be other than at the last `runs`."""

    def runs(self) -> list[Described]:
        """Every run, those that began earlier first."""

    def details(self, run: Described) -> Details:
        """What else there is of a run but its points."""

    def points(self, run: Described, known: dict[str, int], lost: list[Lost]) -> Iterator[Point]:
        """A run's points but for those that are known: so many of each key.

        Damage met is added to `lost`.
        """

    def place(self, run: Described) -> str:
        """Where a person finds the run."""
