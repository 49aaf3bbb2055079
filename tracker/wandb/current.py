"""Which run `wandb.run`, `wandb.config`, `wandb.log` and their like are about."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NoReturn

from tracker.wandb.errors import NoRun

if TYPE_CHECKING:
    from tracker.wandb.runs import Run

_open: list[Run] = []
"""Runs that have begun and not ended, the newest last."""


def run() -> Run | None:
    """Give the newest run that has not ended."""
    return _open[-1] if _open else None


def needed(what: str) -> Run:
    """Give it for a call; raise NoRun where there is none."""
    found = run()
    if found is None:
        raise NoRun(what)
    return found


def begin(run: Run) -> None:
    """Make it the run that calls are about."""
    _open.append(run)


def end(run: Run) -> None:
    """Let the run before it be the one again."""
    if run in _open:
        _open.remove(run)


def _after_fork() -> None:
    for run in _open:
        run.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Before:
    """Stands for `wandb.config` and `wandb.summary` while there is no run."""

    def __init__(self, what: str) -> None:
        object.__setattr__(self, "_what", what)

    def __repr__(self) -> str:
        return f"<{self._what}, before wandb.init()>"

    def _refuse(self, *args: Any) -> NoReturn:
        del args
        raise NoRun(object.__getattribute__(self, "_what"))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()

    __setattr__ = __getitem__ = __setitem__ = __iter__ = __contains__ = _refuse
