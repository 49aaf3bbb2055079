"""A run as the server holds it, and its rules for rows that arrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.doubles.wandb_server.storage import Refused

Row = dict[str, Any]

HISTORY, EVENTS, CONSOLE = "wandb-history.jsonl", "wandb-events.jsonl", "output.log"
SUMMARY = "wandb-summary.json"
_SAID = {"files", "complete", "exitcode", "uploaded", "dropped", "preempting"}


@dataclass
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
    created_at: str
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

        Lines go to the place that their offset says, over what is there.

        Raises:
            Refused: The request is not understood, or leaves a hole; nothing of it is kept.
        """
        if not isinstance(body, dict) or body.keys() - _SAID:
            raise Refused(400, f"{self.path}: not a request of the stream: {str(body)[:200]}")
        chunks = {name: self._chunk(name, said) for name, said in body.get("files", {}).items()}
        for name, (offset, lines) in chunks.items():
            if name == SUMMARY:
                self.summary = lines[-1]
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
        if name not in {HISTORY, EVENTS, CONSOLE, SUMMARY}:
            raise Refused(400, f"{self.path}: the stream has no {name}")
        offset, content = said["offset"], said["content"]
        if name == CONSOLE:
            lines = content
        else:
            lines = [json.loads(line) for line in content]  # with NaN and Infinity, as theirs
            if not all(isinstance(line, dict) for line in lines):
                raise Refused(400, f"{self.path}: {name} at {offset}: a line is not an object")
        if name != SUMMARY and not 0 <= offset <= len(self._lines(name)):
            have = len(self._lines(name))
            raise Refused(
                400, f"hole: {self.path}: {name} has {have} lines, these start at {offset}"
            )
        return offset, lines

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
