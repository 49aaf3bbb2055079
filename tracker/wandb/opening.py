"""`wandb.init`: begins a run by wandb's arguments, or goes on with one."""

from __future__ import annotations

import os
import re
from typing import Any

import tracker
from tracker.errors import BadInput
from tracker.wandb import current, said, sweeps
from tracker.wandb.configs import parsed
from tracker.wandb.runs import Run
from tracker.wandb.settings import RESUMING, settled

_FITTING = re.compile(r"[A-Za-z0-9_-]{1,64}")
_AT_STEP = re.compile(r"(?P<id>.+)\?_step=(?P<step>-?[0-9]+)")
_NOT_HERE = ("fork_from", "monitor_gym", "tensorboard", "sync_tensorboard", "save_code", "magic")
"""Arguments that ask for something this face does not do."""


def init(
    entity: str | None = None, project: str | None = None,
    dir: str | os.PathLike[str] | None = None,  # noqa: A002 - the field's word
    id: str | None = None,  # noqa: A002 - the field's word
    name: str | None = None, notes: str | None = None, tags: Any = None, config: Any = None,
    config_exclude_keys: list[str] | None = None, config_include_keys: list[str] | None = None,
    allow_val_change: bool | None = None, group: str | None = None, job_type: str | None = None,
    mode: str | None = None, force: bool | None = None, reinit: bool | str | None = None,
    resume: bool | str | None = None, resume_from: str | None = None, settings: Any = None,
    **more: Any,
) -> Run:  # fmt: skip
    """Begin a run; nothing of it goes over a network.

    Args:
        entity: kept for `run.entity` and `run.path`; where runs go is a matter of remotes.
        project: container of runs.
        dir: where `run.dir` is; the store is `TRACKER_DIR`'s, as ever.
        id: any text; one that tracker cannot use is mapped to one that it can, always the same.
        name: what people call the run.
        notes: a longer text.
        tags: names, or "a,b".
        config: a dict, namespace, dataclass, absl flags, or the path of a YAML file.
        config_exclude_keys: keys of `config` to leave out.
        config_include_keys: the only keys of `config` to take.
        allow_val_change: not needed, as changes are always taken.
        group: what the run belongs to.
        job_type: "train", "eval", or what you like.
        mode: "disabled" records nothing; all others record here.
        force: not needed, as nobody logs in.
        reinit: what to do while another run goes on: give that one ("return_previous", the
            default), finish it first (True, "finish_previous") or begin a further one
            ("create_new").
        resume: "allow", "must", "never", "auto" or True (the same). An id that is there is
            gone on with by default; nothing is ever overwritten.
        resume_from: "ID?_step=N": go on with that run behind step N.
        settings: wandb.Settings or a dict; what was given as an argument wins.
        more: what else wandb takes; what it asks for and is not done is said.

    Raises:
        BadInput, RunError: an argument or variable cannot be used as it is.
    """
    del allow_val_change, force
    said.hush()
    for what in _NOT_HERE:
        if more.get(what):
            said.unsupported(f"init({what}=...)")
    given = {
        "entity": entity, "project": project, "dir": dir, "id": id, "name": name, "notes": notes,
        "tags": tags, "group": group, "job_type": job_type, "mode": mode, "resume": resume,
        "reinit": reinit,
    }  # fmt: skip
    asked = settled(given, settings)
    previous = current.run()
    if previous is not None and asked["reinit"] != "create_new":
        if asked["reinit"] not in (True, "finish_previous"):
            said.notice.warn("wandb.init() was called while a run goes on: it gives that one.")
            return previous
        previous.finish()
    settings_of_run = parsed(config, exclude=config_exclude_keys, include=config_include_keys)
    back_to = _AT_STEP.fullmatch(resume_from) if resume_from else None
    if resume_from and not back_to:
        raise BadInput(f'resume_from={resume_from!r} cannot be used; write it as "ID?_step=N".')
    if back_to:
        asked["id"], asked["resume"] = back_to["id"], "must"
    run = _begun(asked)
    if back_to:
        run.rewind(int(back_to["step"]) + 1)
    _configure(run, settings_of_run)
    return run


def _begun(asked: dict[str, Any]) -> Run:
    how = RESUMING.get(asked["resume"], asked["resume"] or None)
    off = asked["mode"] == "disabled"
    begun = tracker.init(
        asked["project"], name=asked["name"], tags=asked["tags"], group=asked["group"],
        job_type=asked["job_type"], notes=asked["notes"], id=_fitting(asked["id"]), resume=how,
        mode=None if asked["mode"] is None else "disabled" if off else "offline",
    )  # fmt: skip
    run = Run(begun, asked, sweep=sweeps.sweep_id())
    current.begin(run)
    return run


def _configure(run: Run, config: dict[str, Any]) -> None:
    """Defaults first, over them what the script says, over all what a sweep chose."""
    first = sweeps.defaults() | config
    chosen = sweeps.chosen()
    run.config.update({k: v for k, v in first.items() if k not in chosen}, allow_val_change=True)
    run.config.update_locked(chosen, "sweep")


def _fitting(run_id: str | None) -> str | None:
    """Give an id that tracker takes: the same, or one that is always made of it alike."""
    if run_id is None or _FITTING.fullmatch(run_id):
        return run_id
    import hashlib  # noqa: PLC0415 - ids that fit need none

    mark = hashlib.sha256(run_id.encode("utf-8", "backslashreplace")).hexdigest()[:12]
    found = f"{re.sub('[^A-Za-z0-9_-]', '-', run_id)[:50]}-{mark}"
    said.notice.warn(f"run id {run_id!r} cannot be used here; the run's id is {found}")
    return found


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the run that `wandb.run` is; does nothing without one."""
    run = current.run()
    if run is not None:
        run.finish(exit_code, quiet)


def login(*args: Any, **kwargs: Any) -> bool:
    """Give True: nobody has to log in to record. Remotes: tracker remote login."""
    del args, kwargs
    return True
