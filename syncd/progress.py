"""What the events of a run, as far as they are acknowledged, say about the run as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from syncd.sinks import Head, Item
from tracker.events import Artifact, Finish, Log, Start

_RESERVED = re.compile(r"tracker|.*\.[0-9a-f]{8}", re.IGNORECASE | re.DOTALL)
"""Names of the documents' folder and of later versions; some file systems ignore case."""


@dataclass
class Progress:
    """A fold over a lane's items; kept beside the cursors and rebuilt from the journals.

    Attributes:
        writers: per writer id: when it started, its parent, how it finished, its last time.
        folders: per artifact name, the manifest that has the name's own folder at the remote.
    """

    writers: dict[str, dict[str, Any]] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)

    def observe(self, item: Item) -> None:
        """Take in one item."""
        event = item.event
        writer = self.writers.get(item.writer_id)
        if writer is None:
            writer = self.writers[item.writer_id] = {"started": event.time, "last": event.time}
        writer["last"] = event.time
        if type(event) is Log:  # as nearly all are
            return
        if isinstance(event, Start):
            writer["started"], writer["parent"] = event.time, event.parent
        elif isinstance(event, Finish):
            writer["status"], writer["ended"] = event.status, event.time
        elif isinstance(event, Artifact):
            self.folders.setdefault(event.name, event.manifest)

    def folder(self, event: Artifact) -> str:
        """Where an artifact's files go: its name; a later, different version beside the first.

        A name that would be taken for such a version, or for the documents' folder, never
        stands alone, so that no two folders are one.
        """
        first = self.folders.get(event.name, event.manifest) == event.manifest
        if first and not _RESERVED.fullmatch(event.name):
            return event.name
        return f"{event.name}.{event.manifest[:8]}"

    def outcome(self, began: Iterable[str] | None = None) -> tuple[str, int | None]:
        """Status and end (ns) of a run of which no writer lives.

        The newest writer that is no fork's copy decides; without a Finish it crashed, at the
        time of the last event. `began` has the writers' ids in the order in which they began,
        by default that in which they were met: clocks are set back, so their times tell nothing.
        """
        known = [self.writers[w] for w in began or self.writers if w in self.writers]
        own = [writer for writer in known if writer.get("parent") is None]
        if not own:
            return "crashed", None
        newest = own[-1]
        if "status" in newest:
            return newest["status"], newest["ended"]
        return "crashed", max(writer["last"] for writer in self.writers.values())

    def dump(self) -> str:
        """As JSON text."""
        return msgspec.json.encode([self.writers, self.folders]).decode()

    @classmethod
    def load(cls, text: str | None) -> Progress:
        """From JSON text."""
        return cls(*msgspec.json.decode(text)[:2]) if text else cls()  # there was a third part once


def head(run_id: str, start: Start | None, started_at: int) -> Head:
    """What a remote run is made from; a run whose Start is damaged still gets one."""
    if start is None:
        return Head(run_id, "recovered", run_id, started_at)
    return Head(
        run_id, start.project, start.name, start.time, start.group, start.job_type, start.notes,
        dict(start.about),
    )  # fmt: skip
