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
    """What earlier journals of a run say; all empty for a new run.

    Attributes:
        next_step: the step after the last one that processes of this rank logged.
        finished: the newest journal says that the run finished, and well.
        attempts: writers of this rank that are gone: what they logged is before this attempt.
        reached: the highest step that they logged, None if they logged nothing.
        alive: a process of this rank records the run now.
    """

    known: bool = False
    start: Start | None = None
    next_step: int = 0
    config: dict[str, Json] = {}
    summary: dict[str, Json] = {}
    tags: dict[str, str] = {}
    finished: bool = False
    attempts: list[str] = []
    reached: int | None = None
    alive: bool = False


def choose(
    store: StoreFolder, run_id: str | None, resume: str, project: str, name: str | None
) -> tuple[str, Past]:
    """Settle the id of the run to record; with what its earlier journals say.

    "auto" without an id takes the scheduler's job, which is the same after a requeue, else
    the last run of this Kubernetes job, or of this project and name, that "auto" began here,
    if it did not finish: one that failed, was killed or crashed goes on.

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
        run_id = identity.job_id()
        if run_id is None and (unfinished := _unfinished(store, project, name)) is not None:
            return unfinished
    if run_id is None:
        return identity.new_id(), Past()
    found = past(store, run_id)
    if found.known and resume == "never":
        raise RunError(
            f'run {run_id} is in {store.root} already and resume="never". '
            'Take another id, or resume="allow" to continue it.'
        )
    if not found.known and resume == "must":
        raise RunError(
            f'run {run_id} is not in {store.root} and resume="must". '
            "See what is there: tracker ls. Another folder: TRACKER_DIR or dir=."
        )
    return run_id, found


def past(store: StoreFolder, run_id: str) -> Past:
    """Read what earlier journals of the run say."""
    found = Past()
    rank = identity.rank()
    for journal in journals(store.run(run_id)):
        found.known = True
        found.finished = False
        alive, own, last = journal.alive(), rank is None, None
        for event in journal.events():
            if isinstance(event, Log):  # of nearly all events only the step counts
                if last is None or event.step > last:
                    last = event.step
                continue
            if isinstance(event, Start):
                own = event.rank == rank
            _learn(found, event)
        if own:
            _stitch(found, journal.writer_id, last, alive=alive)
    return found


def _stitch(found: Past, writer_id: str, last: int | None, *, alive: bool) -> None:
    """Note a journal of this rank, and the highest step in it."""
    if last is not None:
        found.next_step = max(found.next_step, last + 1)
    if alive:
        found.alive = True
        return
    found.attempts.append(writer_id)
    if last is not None:
        found.reached = last if found.reached is None else max(found.reached, last)


def _learn(found: Past, event: object) -> None:
    match event:
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
            found.finished = event.status == "finished"
        case _:
            pass


def remember(store: StoreFolder, run_id: str, project: str, name: str | None) -> None:
    """Note which run "auto" began, for the next "auto" of this project and name."""
    note = _note(store, project, name)
    note.parent.mkdir(parents=True, exist_ok=True)
    replace_file(note, run_id.encode())


def _unfinished(store: StoreFolder, project: str, name: str | None) -> tuple[str, Past] | None:
    try:
        run_id = check_run_id(_note(store, project, name).read_text())
    except (FileNotFoundError, NotADirectoryError, BadInput):
        return None
    found = past(store, run_id)
    goes_on = found.known and not found.alive and not found.finished
    return (run_id, found) if goes_on else None


def _note(store: StoreFolder, project: str, name: str | None) -> Path:
    import hashlib  # noqa: PLC0415 - only "auto" needs it

    job = identity.kubernetes_job()
    what = f"{project}\0{name or ''}" if job is None else f"\0{job}"
    return store.root / "auto" / hashlib.sha256(what.encode()).hexdigest()[:32]
