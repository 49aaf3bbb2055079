"""What a run is as a whole, as files beside its metrics at a remote.

    tracker/run.json      head, config, summary, tags, status, artifacts, rewinds, the names that
                          keys have at this remote, damage found: whatever the platform cut or
                          renamed stands here as it was
    tracker/texts.jsonl   text values, a line each: [writer, seq, time ns, step, key, text]
    tracker/console.jsonl console texts, a line each: [writer, seq, time ns, stream, text]
    tracker/media.jsonl   media, a line each: [writer, seq, time ns, step, key, form, about, files];
                          a file is [path, size, digest]

The last three are there where a run has some. All are made from the journals and the remote's
policy alone, the policy of the moment at which they are put, so they come out the same from any
copy of the store. Where a run goes on whose earlier journals were removed (`syncd gc`), theirs
stay, and those of the rest are put into the folder `tracker/WRITER`, WRITER being the first that
is here.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryDirectory
from typing import IO, Any

from syncd import media
from syncd.policy import Policy
from syncd.progress import Progress
from syncd.removed import Left
from syncd.sinks import File, Item
from tracker.events import (
    OF_ARTIFACT,
    Artifact,
    Config,
    Console,
    Event,
    Finish,
    Log,
    Media,
    Rewind,
    Source,
    Start,
    Summary,
    Tags,
)
from tracker.journal import Gap, journals

PLACE = "tracker"
"""The folder at a remote."""

_IN_MEMORY = 1 << 20
"""Bytes of lines of one kind; what is more goes to a temporary file."""

_PIECE = 1 << 20


@contextmanager
def written(
    folder: Path, run_id: str, key: Callable[[str], str], policy: Policy, *,
    before: Left | None = None, telling: Telling | None = None,
) -> Iterator[list[File]]:  # fmt: skip
    """Write the documents of the run in `folder`; they are gone when the context ends.

    `before` is what the remote held of journals of the run that were removed, None if none were.
    `telling` was told all of the run's events already; by default the journals are read.
    """
    place = PLACE if before is None else f"{PLACE}/{journals(folder)[0].writer_id}"
    if telling is None:
        telling = Telling(policy, Progress.load(before.progress if before else None))
        telling.read(folder)
    with TemporaryDirectory(prefix="syncd-") as here, closing(telling):
        yield [
            _file(f"{place}/{name}", Path(here, name), pieces)
            for name, pieces in telling.contents(run_id, key)
        ]


class Telling:
    """What the documents tell, put together from a run's events in the order of its journals.

    `progress` is that of the run: whoever tells of an event has had it observed.
    """

    def __init__(self, policy: Policy, progress: Progress) -> None:
        self._policy = policy
        self._progress = progress
        self._told: dict[str, Any] = {
            "config": {}, "summary": {}, "tags": {}, "artifacts": [], "gaps": [],
        }  # fmt: skip
        self._names: set[str] = set()
        self._lines: dict[str, IO[bytes]] = {}

    def read(self, folder: Path) -> None:
        """Take all that stands in the journals in a run's folder."""
        for journal in journals(folder):
            for block in journal.blocks():
                self.damaged(block.gaps)
                for event in block.events:
                    item = Item(journal.writer_id, event)
                    self._progress.observe(item)
                    self.take(item)

    def damaged(self, gaps: Iterable[Gap]) -> None:
        """Take note of damage."""
        self._told["gaps"] += map(str, gaps)

    def take(self, item: Item) -> None:
        """Take the next event."""
        writer_id, event = item.writer_id, self._policy.cut(item.event).event
        if type(event) is Log:
            self._names.update(event.values)
            if str in map(type, event.values.values()):
                for name, value in event.values.items():
                    if isinstance(value, str):
                        line = [writer_id, event.seq, event.time, event.step, name, value]
                        self._line("texts", line)
        elif isinstance(event, Console):
            line = [writer_id, event.seq, event.time, event.stream, event.text]
            self._line("console", line)
        elif isinstance(event, Media):
            self._take_media(writer_id, event)
        elif isinstance(event, Rewind):
            rewind = {"step": event.step, "time": event.time, "writer": writer_id}
            self._told.setdefault("rewinds", []).append(rewind | {"writers": event.writers})
        elif event is not None:
            _tell_event(self._told, event, self._progress)

    def contents(
        self, run_id: str, key: Callable[[str], str]
    ) -> Iterator[tuple[str, Iterable[bytes]]]:
        """Yield each document's name and content, in pieces."""
        status, ended_at = self._progress.outcome()
        told = {"format": 1, "run_id": run_id, **self._told}
        told |= {"status": status, "ended_at": ended_at}
        told["writers"] = sorted(self._progress.writers)
        told["keys"] = {name: key(name) for name in sorted(self._names) if key(name) != name}
        run = json.dumps(told, indent=1, sort_keys=True, allow_nan=False) + "\n"
        yield "run.json", [run.encode()]
        for kind in ("texts", "console", "media"):
            if kind in self._lines:
                yield f"{kind}.jsonl", _pieces(self._lines[kind])

    def close(self) -> None:
        """Let go of the lines."""
        for lines in self._lines.values():
            lines.close()

    def _take_media(self, writer_id: str, event: Media) -> None:
        about = _plain(event.about)
        if event.form == OF_ARTIFACT:
            note = {"name": event.key, "time": event.time, **about}
            self._told.setdefault("artifact_notes", []).append(note)
            return
        files = [[media.path(event, n), f.size, f.digest] for n, f in enumerate(event.files)]
        said = [event.step, event.key, event.form, about, files]
        self._line("media", [writer_id, event.seq, event.time, *said])

    def _line(self, kind: str, line: list[Any]) -> None:
        lines = self._lines.get(kind)
        if lines is None:
            lines = self._lines[kind] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - `close` does
        lines.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def _tell_event(told: dict[str, Any], event: Event, progress: Progress) -> None:
    match event:
        case Start():
            for name in ("project", "name", "group", "job_type", "notes", "about"):
                told.setdefault(name, getattr(event, name))
            told.setdefault("started_at", event.time)
            told["tags"].update(event.tags)
        case Config():
            told["config"].update(_plain(event.values))
        case Summary():
            told["summary"].update(_plain(event.values))
        case Tags():
            told["tags"].update(event.set)
            for name in event.removed:
                told["tags"].pop(name, None)
        case Artifact():
            told["artifacts"].append({
                "name": event.name, "type": event.type, "manifest": event.manifest,
                "files": event.files, "size": event.size, "folder": progress.folder(event),
            })  # fmt: skip
        case Source():
            source = {"tool": event.tool, "name": event.name, "at": event.at}
            kept = [old for old in told.get("sources", ()) if old["name"] != event.name]
            told["sources"] = [*kept, source]
        case Finish():
            told |= {"exit_code": event.exit_code, "error": event.error, "dropped": event.dropped}
        case _:
            pass


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become the texts "NaN", "Infinity", "-Infinity"."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _pieces(lines: IO[bytes]) -> Iterator[bytes]:
    lines.seek(0)
    while piece := lines.read(_PIECE):
        yield piece


def _file(path: str, source: Path, pieces: Iterable[bytes]) -> File:
    """Write a document to where it is read from."""
    digest, size = hashlib.sha256(), 0
    with source.open("wb") as content:
        for piece in pieces:
            content.write(piece)
            digest.update(piece)
            size += len(piece)
    return File(path, source, size, digest.hexdigest())
