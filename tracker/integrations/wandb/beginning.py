"""Beginnings: what a source says of its run before anything else, and where it ran."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from tracker.checkout import without_user
from tracker.escapes import unescaped
from tracker.events import Json
from tracker.head import MOST_CHARACTERS, MOST_TAG_NAME, MOST_TAGS
from tracker.integrations.wandb.framing import Damage, read
from tracker.integrations.wandb.records import PRODUCER, Parser, Record, kind_of, nanoseconds
from tracker.values import text_of

TOOL = "wandb"

LOOKED_AT = 100
"""Entries among which the run and its environment are looked for; the client begins with them."""

_METADATA = (
    ("host", "host"), ("user", "username"), ("platform", "os"), ("python", "python"),
    ("docker", "docker"), ("executable", "executable"), ("cuda", "cudaVersion"),
    ("gpu", "gpu"), ("gpus", "gpu_count"), ("cpus", "cpu_count"),
)  # fmt: skip
"""What stands in `about` under which name, and its name in wandb-metadata.json."""

_ENVIRONMENT = {
    "username": "username", "os": "os", "python": "python", "docker": "docker",
    "executable": "executable", "cuda_version": "cudaVersion", "gpu_type": "gpu",
    "gpu_count": "gpu_count", "cpu_count": "cpu_count", "host": "host", "program": "program",
}  # fmt: skip
"""Fields of an environment record, and their names in wandb-metadata.json."""

_MOST_METADATA = 1 << 20


class Beginning(NamedTuple):
    """What a source begins with: its run's record and its environment, by name.

    `made_up` where the record is damaged: of its file's name and the first time that is told.
    `ours` where we gave the file out: what names and rows stand for is told again then.
    """

    run: Record
    environment: dict[str, Any]
    folder: str
    made_up: bool = False
    ours: bool = False

    @property
    def source(self) -> str:
        """A name for the source that stays when its files are moved: the run's id and start.

        Where the record has no start, the name of its folder has one.
        """
        started = self.run.start_time
        if not self.time:
            return f"{self.run.run_id} {self.folder}"
        return f"{self.run.run_id} {started.seconds}.{started.nanos:09d}"

    @property
    def time(self) -> int:
        """When the run began, ns since 1970."""
        return nanoseconds(self.run.start_time)

    def start(self) -> tuple[Any, ...]:
        """The body of the Start event, without what only a writer knows."""
        run = self.run
        given = unescaped(run.project) if self.ours else run.project
        project = _cut("project", given) or "uncategorized"  # as wandb calls it
        name = _cut("name", run.display_name) or _cut("name", run.run_id)
        optional = [
            _cut(field, text) or None
            for field, text in (
                ("group", run.run_group), ("job_type", run.job_type), ("notes", run.notes),
            )
        ]  # fmt: skip
        return (project, name, *optional, tags_of(run), self.about())

    def about(self) -> dict[str, Json]:
        """Host, user, Python, platform, program and git state; never its arguments."""
        given = self.environment
        git = given.get("git") or {}
        remote = git.get("remote_url") or git.get("remote") or self.run.git.remote_url
        program = str(given.get("codePath") or given.get("program") or "")
        found: dict[str, Any] = {name: given.get(theirs) for name, theirs in _METADATA}
        found["python"] = str(found["python"] or "").removeprefix("CPython ")
        found |= {
            "host": found["host"] or self.run.host,
            "program": program.rpartition("/")[2],
            "git_remote": without_user(str(remote)),
            "git_commit": git.get("commit") or self.run.git.commit,
        }
        plain = {name: value for name, value in found.items() if value}
        texts = {k: v if isinstance(v, int) else text_of(v)[:1000] for k, v in plain.items()}
        return texts | {"source": TOOL}


def begun(log: Path, parser: Parser) -> Beginning | None:
    """How the run of a `.wandb` file begins; None if nothing tells, or not yet.

    Raises:
        OSError: the file cannot be read.
    """
    environment = _metadata(log.parent / "files" / "wandb-metadata.json")
    run, damaged, time, ours = None, False, None, False
    with log.open("rb") as file:
        for item in islice(read(file), LOOKED_AT):
            if isinstance(item, Damage):
                damaged |= not item.torn
                continue
            record = parser.parse(item.data)
            which = kind_of(record)
            if which == "header":
                ours = record.header.version_info.producer == PRODUCER
            elif which == "run":
                run = run or record.run
            elif which == "environment":
                environment = _environment(record.environment) | environment
                time = time or record.environment.started_at
            elif which == "stats":
                time = time or record.stats.timestamp
    if run is not None and run.run_id:
        return Beginning(run, environment, log.parent.name, ours=ours)
    if not damaged or time is None:
        return None
    made_up = parser.run(log.stem.removeprefix("run-"), time)
    return Beginning(made_up, environment, log.parent.name, made_up=True)


def tags_of(run: Record) -> dict[str, str]:
    """The tags in a run's record."""
    return {text_of(tag)[:MOST_TAG_NAME]: "" for tag in list(run.tags)[:MOST_TAGS] if tag}


def _cut(field: str, text: str) -> str:
    return text_of(text)[: MOST_CHARACTERS[field]]


def _environment(record: Record) -> dict[str, Any]:
    found = {theirs: getattr(record, field) for field, theirs in _ENVIRONMENT.items()}
    if record.git.commit or record.git.remote_url:
        found["git"] = {"remote": record.git.remote_url, "commit": record.git.commit}
    return {name: value for name, value in found.items() if value}


def _metadata(path: Path) -> dict[str, Any]:
    """What wandb-metadata.json says; nothing where it is not there or cannot be read."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MOST_METADATA))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
