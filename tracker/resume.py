"""Continuing a run: which one, and what it already knows."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tracker import identity
from tracker.errors import BadInput, RunError
from tracker.events import Config, Finish, Json, Log, Start, Summary, Tags
from tracker.journal import journals
from tracker.store import StoreFolder, check_run_id, replace_file

_CHOICES = ("allow", "must", "never", "auto")


class Past(msgspec.Struct):
    """What earlier journals of a run say; all empty for a new run."""

    known: bool = False
    start: Start | None = None
    next_step: int = 0
    config: dict[str, Json] = {}
    summary: dict[str, Json] = {}
    tags: dict[str, str] = {}
    finished: bool = False


def choose(
    store: StoreFolder, run_id: str | None, resume: str, project: str, name: str | None
) -> str:
    """Settle the id of the run to record.

    "auto" without an id takes the scheduler's job, which is the same after a requeue, else
    the last run of this project and name that "auto" began here, if it did not finish.

    Raises:
        BadInput: the id or the way of resuming cannot be used.
        RunError: "must" and no such run, or "never" and there is one.
    """
    if resume not in _CHOICES:
        raise BadInput(f"resume={resume!r} cannot be used; it is one of {', '.join(_CHOICES)}.")
    if run_id is None and resume == "must":
        raise BadInput('resume="must" needs the id of the run to resume: id=... or TRACKER_RUN_ID.')
    if run_id is not None:
        check_run_id(run_id)
    elif resume == "auto":
        run_id = identity.job_id() or _unfinished(store, project, name)
    if run_id is None:
        return identity.new_id()
    there = bool(journals(store.run(run_id)))
    if there and resume == "never":
        raise RunError(
            f'run {run_id} is in {store.root} already and resume="never". '
            'Take another id, or resume="allow" to continue it.'
        )
    if not there and resume == "must":
        raise RunError(
            f'run {run_id} is not in {store.root} and resume="must". '
            "See what is there: tracker ls. Another folder: TRACKER_DIR or dir=."
        )
    return run_id


def past(store: StoreFolder, run_id: str) -> Past:
    """Read what earlier journals of the run say."""
    found = Past()
    for journal in journals(store.run(run_id)):
        found.known = True
        found.finished = False
        for event in journal.events():
            _learn(found, event)
    return found


def _learn(found: Past, event: object) -> None:
    match event:
        case Log():
            found.next_step = max(found.next_step, event.step + 1)
        case Start():
            found.start = found.start or event
            found.tags.update(event.tags)
        case Config():
            found.config.update(event.values)
        case Summary():
            found.summary.update(event.values)
        case Tags():
            found.tags.update(event.set)
            for name in event.removed:
                found.tags.pop(name, None)
        case Finish():
            found.finished = True
        case _:
            pass


def remember(store: StoreFolder, run_id: str, project: str, name: str | None) -> None:
    """Note which run "auto" began, for the next "auto" of this project and name."""
    note = _note(store, project, name)
    note.parent.mkdir(parents=True, exist_ok=True)
    replace_file(note, run_id.encode())


def _unfinished(store: StoreFolder, project: str, name: str | None) -> str | None:
    try:
        run_id = check_run_id(_note(store, project, name).read_text())
    except (FileNotFoundError, BadInput):
        return None
    here = journals(store.run(run_id))
    if not here or any(journal.alive() for journal in here) or past(store, run_id).finished:
        return None
    return run_id


def _note(store: StoreFolder, project: str, name: str | None) -> Path:
    import hashlib  # noqa: PLC0415 - only "auto" needs it

    key = hashlib.sha256(f"{project}\0{name or ''}".encode()).hexdigest()[:32]
    return store.root / "auto" / key
