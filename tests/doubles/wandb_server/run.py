"""A run as the server holds it, and its rules for rows that arrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.doubles.wandb_server.storage import Refused

Row = dict[str, Any]
Key = tuple[str, str, str]

HISTORY, EVENTS, CONSOLE = "wandb-history.jsonl", "wandb-events.jsonl", "output.log"
SUMMARY = "wandb-summary.json"
_SAID = {"files", "complete", "exitcode", "uploaded", "dropped", "preempting"}


@dataclass(eq=False)
class Run:
    """One run.

    Attributes:
        storage_id: what mutations name it by; `name` is the id that its maker chose.
        rows: of the history, by line.
        events: measures of the machine, by line.
        console: by line, as sent: time and text.
        files: content by path.
        uploaded: paths that the client said it has put.
        attributes: tags, notes, displayName and the like, as last set.
        config: value by key.
    """

    entity: str
    project: str
    name: str
    storage_id: str
    rows: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    summary: Row = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    uploaded: list[str] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    config_json: str = "{}"
    state: str = "running"
    exit_code: int | None = None

    @property
    def path(self) -> str:
        """Entity, project and name."""
        return f"{self.entity}/{self.project}/{self.name}"

    @property
    def config(self) -> dict[str, Any]:
        """Values by key, without what the service wraps them in."""
        return {
            key: held["value"] if isinstance(held, dict) and "value" in held else held
            for key, held in json.loads(self.config_json).items()
        }

    def take(self, body: Any) -> Iterator[tuple[str, str]]:
        """Take one request of the stream; yield what is wrong with it, as kind and text.

        Lines go to the place that their offset says, over what is there, and the lines behind
        them stay (https://github.com/wandb/wandb/issues/3424).

        Raises:
            Refused: The request is not understood, or leaves a hole; nothing of it is kept.
        """
        if not isinstance(body, dict) or body.keys() - _SAID:
            raise Refused(400, f"{self.path}: not a request of the stream: {str(body)[:200]}")
        if body.get("complete") and not isinstance(body.get("exitcode"), int):
            raise Refused(400, f"{self.path}: complete without an exitcode")
        chunks = {name: self._chunk(name, said) for name, said in body.get("files", {}).items()}
        for name, (offset, lines) in chunks.items():
            if name == SUMMARY:
                (self.summary,) = lines
                continue
            held = self._lines(name)
            held[offset : offset + len(lines)] = lines
            if name == HISTORY:
                yield from self._steps(offset, offset + len(lines))
        self.uploaded += body.get("uploaded") or []
        self.state = "running"
        if body.get("complete"):
            self.exit_code = body["exitcode"]
            self.state = "failed" if self.exit_code else "finished"

    def _chunk(self, name: str, said: Any) -> tuple[int, list[Any]]:
        offset, content = said["offset"], said["content"]
        lines = self._parsed(name, content)
        if name == SUMMARY:
            if (offset, len(lines)) != (0, 1):
                raise Refused(400, f"{self.path}: {name} is one line at offset 0")
            return 0, lines
        have = len(self._lines(name))
        if not 0 <= offset <= have:
            raise Refused(400, f"hole: {self.path}: {name} has {have} lines, not yet {offset}")
        return offset, lines

    def _parsed(self, name: str, content: list[str]) -> list[Any]:
        if name not in {HISTORY, EVENTS, CONSOLE, SUMMARY}:
            raise Refused(400, f"{self.path}: the stream has no {name}")
        lines: list[Any] = content
        kind: type = str
        if name != CONSOLE:  # with NaN and Infinity, as theirs
            lines, kind = [json.loads(line) for line in content], dict
        if not all(isinstance(line, kind) for line in lines):
            raise Refused(400, f"{self.path}: {name}: a line is no {kind.__name__}")
        return lines

    def _lines(self, name: str) -> list[Any]:
        if name == CONSOLE:
            return self.console
        return self.rows if name == HISTORY else self.events

    def _steps(self, start: int, end: int) -> Iterator[tuple[str, str]]:
        at = max(0, start - 1)
        near = self.rows[at : end + 1]
        for number, row in enumerate(near, at):
            if not isinstance(row.get("_step"), int):
                yield "step", f"{self.path}: row {number} has no whole _step: {str(row)[:200]}"
                return
        for number, (before, row) in enumerate(pairwise(near), at + 1):
            if row["_step"] < before["_step"]:
                steps = f"{before['_step']} to {row['_step']}"
                yield "step", f"{self.path}: _step goes back at row {number}: {steps}"


@dataclass
class Runs:
    """All runs, by entity, project and name, and the names of those deleted."""

    held: dict[Key, Run] = field(default_factory=dict)
    projects: set[tuple[str, str]] = field(default_factory=set)
    deleted: set[Key] = field(default_factory=set)

    def find(self, entity: str, project: str, name: str) -> Run | None:
        """Give a run, None if there is none yet.

        Raises:
            Refused: It was deleted (https://github.com/wandb/wandb/issues/4897).
        """
        if (entity, project, name) in self.deleted:
            text = f"run {entity}/{project}/{name} was previously created and deleted"
            raise Refused(409, f"{text}; try a new run name")
        return self.held.get((entity, project, name))

    def get(self, entity: str, project: str, name: str) -> Run:
        """Give a run.

        Raises:
            Refused: There is none.
        """
        found = self.find(entity, project, name)
        if found is None:
            raise Refused(404, f"run {entity}/{project}/{name} not found")
        return found

    def by_id(self, storage_id: str) -> Run:
        """Give a run by its storage id.

        Raises:
            Refused: There is none.
        """
        for held in self.held.values():
            if held.storage_id == storage_id:
                return held
        raise Refused(404, f"run {storage_id} not found")

    def of(self, entity: str, project: str) -> list[Run]:
        """Give the runs of a project, oldest first."""
        return [run for key, run in self.held.items() if key[:2] == (entity, project)]

    def make(self, entity: str, project: str, name: str) -> Run:
        """Make a run."""
        storage_id = f"run-{len(self.held) + len(self.deleted)}"
        self.projects.add((entity, project))
        made = self.held[entity, project, name] = Run(entity, project, name, storage_id)
        return made

    def delete(self, entity: str, project: str, name: str) -> None:
        """Delete a run; its name is refused from here on."""
        del self.held[entity, project, name]
        self.deleted.add((entity, project, name))
