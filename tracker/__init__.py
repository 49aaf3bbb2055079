"""Record experiments on your own disk; look at them and deliver them whenever you like.

    import tracker

    with tracker.init(project="digits", config={"lr": 0.1}) as run:
        for step in range(100):
            run.log({"loss": 1 / (step + 1)}, step=step)
        run.summary["best"] = 0.01
        run.log_artifact("model.bin")

`init` begins a run, `log` records values in microseconds and survives the death of the
process, `finish` ends the run. `open` is the reading side. What is recorded is delivered by
`syncd`, never from the training process.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from tracker import resume as _resume
from tracker.errors import (
    ArtifactError,
    BadInput,
    RunError,
    SettingsError,
    StoreError,
    TrackerError,
)
from tracker.fields import TagsGiven as _TagsGiven
from tracker.head import head_of as _head_of
from tracker.identity import new_id as _new_id
from tracker.journal import FORMAT as _FORMAT
from tracker.journal import newer as _newer
from tracker.notice import Notice as _Notice
from tracker.run import Run
from tracker.settings import Settings as _Settings
from tracker.settings import load as _load_settings
from tracker.store import StoreFolder as _StoreFolder
from tracker.values import mapping_of as _mapping_of

if TYPE_CHECKING:
    from tracker.query import Store
    from tracker.state import State as _State

__all__ = [
    "ArtifactError",
    "BadInput",
    "Run",
    "RunError",
    "SettingsError",
    "StoreError",
    "TrackerError",
    "finish",
    "init",
    "log",
    "log_artifact",
    "open",
]
__version__ = "0.1.0"

_current: Run | None = None
_lock = threading.Lock()


def init(
    project: str | None = None,
    *,
    config: Any = None,
    name: str | None = None,
    tags: _TagsGiven = None,
    group: str | None = None,
    job_type: str | None = None,
    notes: str | None = None,
    id: str | None = None,  # noqa: A002 - the field's word
    resume: str | None = None,
    resume_from: str | os.PathLike[str] | None = None,
    dir: str | os.PathLike[str] | None = None,  # noqa: A002 - the field's word
    mode: str | None = None,
    strict: bool | None = None,
) -> Run:
    """Begin a run, or continue one.

    Args:
        project: container of runs; `TRACKER_PROJECT`, else "default".
        config: settings of the run: a mapping, argparse namespace or dataclass.
        name: what people call the run; `TRACKER_NAME`, else made up.
        tags: names, a mapping of names to values, or "a,team=vision"; `TRACKER_TAGS`. To
            1,000, of 250 characters each, their values of 5,000, all together 500,000.
        group: what the run belongs to, such as a sweep; `TRACKER_GROUP`.
        job_type: "train", "eval", or what you like.
        notes: a longer text, to 100,000 characters; project, name, group and job_type to 1,000.
        id: 1 to 64 characters of A-Z a-z 0-9 _ -; `TRACKER_RUN_ID`, else new.
        resume: what to do with an id: "allow" continues the run if there is one (default),
            "must" needs it, "never" refuses it, "auto" finds the run of this job again by
            itself; `TRACKER_RESUME`.
        resume_from: a checkpoint's folder: continues the run whose `save_state` wrote there,
            from the step it had then. Begins a new run where nothing was saved yet, and under
            the same id where the run is not in this store.
        dir: the store; `TRACKER_DIR`, else the user's data folder.
        mode: "offline" or "disabled"; `TRACKER_MODE`.
        strict: raise on storage trouble and unusable values instead of warning.

    Raises:
        BadInput, RunError, SettingsError: an argument or variable cannot be used as it is.
        SettingsError: also, only if `strict`, for what stands in a settings file; else that is
            said and passed over.
        StoreError: only if `strict`; else it is said and the run records nothing.
    """
    settings, store = _prepare(dir, mode, strict=strict)
    head = _head_of(
        project=project, name=name, tags=tags, group=group, job_type=job_type, notes=notes
    )
    named = head["name"] if name or os.environ.get("TRACKER_NAME") else None
    run_id = id or os.environ.get("TRACKER_RUN_ID") or None
    how = resume or os.environ.get("TRACKER_RESUME") or "allow"
    given = None if config is None else _mapping_of(config)
    saved = None if resume_from is None else _saved(resume_from, run_id)
    if saved is not None:
        run_id = saved.run
    run = _recording(store, run_id, how, head, settings, named=named, saved=saved)
    if given is not None:
        _configure(run, given)
    run.say_started()
    global _current  # noqa: PLW0603 - `tracker.log` is about the latest run of the process
    with _lock:
        _current = run
    return run


def log(data: dict[str, Any], step: int | None = None) -> None:
    """Record values in the latest run of this process; see `Run.log`."""
    _latest().log(data, step)


def log_artifact(
    path: str | os.PathLike[str],
    name: str | None = None,
    type: str = "file",  # noqa: A002 - the field's word
) -> str | None:
    """Keep a file or folder in the latest run of this process; see `Run.log_artifact`."""
    return _latest().log_artifact(path, name, type)


def finish(exit_code: int = 0) -> None:
    """End the latest run of this process; see `Run.finish`."""
    if _current is not None:
        _current.finish(exit_code)


def open(dir: str | os.PathLike[str] | None = None) -> Store:  # noqa: A001, A002 - `tracker.open` reads well
    """Open a store for reading: runs and their histories.

    Raises:
        StoreError: there is no store in `dir`, or it cannot be read.
    """
    from tracker.query import Store  # noqa: PLC0415 - the write path never imports the reading side

    return Store(dir)


def _latest() -> Run:
    if _current is None:
        raise RunError("there is no run yet; begin one: tracker.init(project=...)")
    return _current


def _configure(run: Run, given: Any) -> None:
    """Record the config that `init` was given; where that raises, nobody holds the run: it ends."""
    try:
        run.config.update(given)
    except TrackerError as error:
        run.finish(1, error=f"{type(error).__name__}: {error}")
        raise


def _prepare(
    folder: str | os.PathLike[str] | None, mode: str | None, *, strict: bool | None
) -> tuple[_Settings, _StoreFolder | None]:
    """Settings and store; no store where nothing is to be recorded or nothing can be."""
    if mode not in (None, "offline", "disabled"):
        raise BadInput(f"mode={mode!r} cannot be used; it is offline or disabled.")
    faults: list[str] = []
    # Whatever is wrong in the user's file is found again, with the store's, by the second look.
    off = (mode or _load_settings(None, warn=lambda _: None).mode) == "disabled"
    trouble = store = None
    try:
        store = None if mode == "disabled" else _StoreFolder.open(folder, create=not off)
    except StoreError as error:
        store = _StoreFolder.to_be(folder, error)  # the run says so, and tries again
        trouble = None if store else error
    settings = _load_settings(store, warn=faults.append)
    if mode is not None:
        settings.mode = "disabled" if mode == "disabled" else "offline"
    if strict is not None:
        settings.strict = strict
    if settings.mode == "disabled":
        return settings, None
    for fault in faults:
        _say_trouble(SettingsError(fault), settings, " without it")
    if trouble is not None:
        _say_trouble(trouble, settings)
    return settings, store


def _saved(folder: str | os.PathLike[str], run_id: str | None) -> _State | None:
    """What `save_state` left in a checkpoint's folder; None where it was never called."""
    from tracker import state  # noqa: PLC0415 - for those who use it

    saved = state.read(folder)
    if saved is not None and run_id not in (None, saved.run):
        raise BadInput(
            f"resume_from={os.fspath(folder)!r} belongs to run {saved.run}, not {run_id}. "
            "Give one of the two."
        )
    return saved


def _say_trouble(
    trouble: TrackerError, settings: _Settings, how: str = "; nothing is recorded"
) -> None:
    if settings.strict:
        raise trouble
    text = str(trouble).rstrip(".")
    _Notice(silent=settings.silent).warn(f"{text}. Training goes on{how}.")


def _recording(
    store: _StoreFolder | None, run_id: str | None, how: str, head: dict[str, Any],
    settings: _Settings, *, named: str | None, saved: _State | None,
) -> Run:  # fmt: skip
    if store is None:
        return Run(None, run_id or _new_id(), head, _resume.Past(), settings)
    asked = head["project"]
    try:
        chosen, past = _resume.choose(store, run_id, how, asked, named)
        _refuse_newer(store, chosen)
    except OSError as error:
        what = f"run {run_id}" if run_id else "the run to continue"
        trouble = StoreError(f"{what} cannot be read in {store.root}: {error}.")
        _say_trouble(trouble, settings)
        return Run(None, run_id or _new_id(), head, _resume.Past(), settings)
    except StoreError as error:
        _say_trouble(error, settings)
        return Run(None, run_id or _new_id(), head, _resume.Past(), settings)
    if how == "auto":
        _remember(store, chosen, asked, named, settings)
    if saved is not None:
        past.next_step = saved.step + 1
    if past.start is None:
        past.tags = head["tags"]
        return Run(store, chosen, head, past, settings)
    tags = head["tags"]
    head = {field: getattr(past.start, field) for field in head} | {"tags": {}}
    run = Run(store, chosen, head, past, settings)
    run.tags.update(tags)
    return run


def _remember(
    store: _StoreFolder, run_id: str, project: str, named: str | None, settings: _Settings
) -> None:
    """Let the next "auto" find the run; a disk that takes no note of it may take the run."""
    try:
        _resume.remember(store, run_id, project, named)
    except OSError as error:
        text = f'run {run_id} will not be found again by resume="auto": {error}'
        _Notice(silent=settings.silent).warn(f"{text}. To go on with it give its id.")


def _refuse_newer(store: _StoreFolder, run_id: str) -> None:
    """Leave a run alone whose journals this version cannot read.

    Raises:
        StoreError: it is one.
    """
    found = _newer(store.run(run_id))
    if found is not None:
        raise StoreError(
            f"run {run_id} cannot be continued: its journal {found.file} has format "
            f"{found.format}; this version reads up to {_FORMAT}. Nothing was changed. "
            "Upgrade: pip install --upgrade tracker-syncd, or record under another id."
        )
