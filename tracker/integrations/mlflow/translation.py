"""Translation: what MLflow has of a run, and is not yet here, as events.

experiment, run   the Start of each journal: project, name, notes (mlflow.note.content), user
and program; a child's group names its parent, whose id is in `about`
params, datasets  Config; texts, but for what is a number to the letter
tags              Tags, without those that are said otherwise
metrics           Log: points that stand together and have one step and time are one call.
The largest float is the infinity that a database cannot hold
artifacts         Artifact, see `files`
status            Finish
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tracker.checkout import without_user
from tracker.events import CONFIG, FINISH, LOG, TAGS, Json, Value
from tracker.head import MOST_CHARACTERS
from tracker.integrations.appending import Happened, Head
from tracker.integrations.mlflow.described import Described, Point
from tracker.values import text_of

TOOL = "mlflow"
NS_PER_MS = 1_000_000
STATUS = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "killed"}
"""Statuses of runs that ended."""

PARENT, NOTE = "mlflow.parentRunId", "mlflow.note.content"
COMMIT, REPOSITORY = "mlflow.source.git.commit", "mlflow.source.git.repoURL"
_ELSEWHERE = frozenset({
    PARENT, NOTE, "mlflow.runName", "mlflow.user", "mlflow.source.name", COMMIT, REPOSITORY,
})  # fmt: skip
"""Tags that are said otherwise here."""

_CHARACTERS = 500_000
"""Of the texts in one event, which fits a record then; no single one is longer than 64 Ki."""

_MOST_MS = 2**43


def nanoseconds(ms: int) -> int:
    """A time of MLflow's as ours."""
    return max(-_MOST_MS, min(_MOST_MS, ms)) * NS_PER_MS


def head(run: Described, tags: Mapping[str, str], parent: str) -> Head:
    """How the run begins; `parent` is the name of the run that it is nested in, if it is."""
    said = {
        "user": tags.get("mlflow.user") or run.user,
        "program": (tags.get("mlflow.source.name") or run.program).rpartition("/")[2],
        "git_commit": tags.get(COMMIT, ""),
        "git_remote": without_user(tags.get(REPOSITORY, "")),
        "parent_run": tags.get(PARENT, ""),
        "artifacts": run.artifacts,
    }
    about: dict[str, Json] = {k: text_of(v)[:1000] for k, v in said.items() if v}
    group = f"{parent} {tags[PARENT][:8]}".strip() if PARENT in tags else None
    return Head(
        nanoseconds(run.began), _cut("project", run.project), _cut("name", name_of(run, tags)),
        _cut("group", group) if group else None, None, _cut("notes", tags.get(NOTE, "")) or None,
        {}, about | {"source": TOOL},
    )  # fmt: skip


def name_of(run: Described, tags: Mapping[str, str]) -> str:
    """What a run is called."""
    return run.name or tags.get("mlflow.runName") or run.run_id


def config(params: Mapping[str, str], known: Mapping[str, Json], time: int) -> Iterator[Happened]:
    """Params and the like that are not known as they are."""
    values = {text_of(key): _typed(text_of(value)) for key, value in params.items()}
    fresh = {k: v for k, v in values.items() if k not in known or known[k] != v}
    for part in _parts(fresh):
        yield CONFIG, time, part


def tags_of(tags: Mapping[str, str], known: Mapping[str, str], time: int) -> Iterator[Happened]:
    """Tags that are not known as they are, and those that are gone."""
    given = {text_of(k): text_of(v) for k, v in tags.items() if k not in _ELSEWHERE}
    removed = [key for key in known if key not in given]
    parts = list(_parts({k: v for k, v in given.items() if known.get(k) != v}))
    for part in parts or ([{}] if removed else []):
        yield TAGS, time, part, removed
        removed = []


def calls(points: Iterator[Point]) -> Iterator[Happened]:
    """Points as calls of `log`."""
    values: dict[str, Value] = {}
    at: tuple[int, int] | None = None
    for key, value, time, step in points:
        if (time, step) != at or key in values:
            if values and at is not None:
                yield LOG, nanoseconds(at[0]), at[1], values
            values, at = {}, (time, step)
        values[key] = value
    if values and at is not None:
        yield LOG, nanoseconds(at[0]), at[1], values


def end(run: Described, known: tuple[str, int] | None, last: int) -> Iterator[Happened]:
    """The run's end, if it has one that is not known."""
    status = STATUS.get(run.status)
    if status is None:
        return
    time = nanoseconds(run.ended) or last
    if known != (status, time):
        yield FINISH, time, status, 0 if status == "finished" else 1


def _typed(text: str) -> Json:
    """A number where its text is just as Python writes it; else the text."""
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if repr(number) == text and abs(number) < 2**63:
            return number
    return text


def _parts(values: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    part: dict[str, Json] = {}
    length = 0
    for key, value in values.items():
        length += len(key) + len(str(value))
        if part and length > _CHARACTERS:
            yield part
            part, length = {}, len(key) + len(str(value))
        part[key] = value
    if part:
        yield part


def _cut(field: str, text: str) -> str:
    return text_of(text)[: MOST_CHARACTERS[field]]
