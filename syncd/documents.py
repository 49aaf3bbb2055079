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
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

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
from tracker.journal import journals

PLACE = "tracker"
"""The folder at a remote."""

_PIECE = 1 << 20


@contextmanager
def written(
    folder: Path, run_id: str, key: Callable[[str], str], policy: Policy,
    before: Left | None = None,
) -> Iterator[list[File]]:  # fmt: skip
    """Write the documents of the run in `folder`; they are gone when the context ends.

    `before` is what the remote held of journals of the run that were removed, None if none were.
    """
    place = PLACE if before is None else f"{PLACE}/{journals(folder)[0].writer_id}"
    progress = Progress.load(before.progress if before else None)
    with TemporaryDirectory(prefix="syncd-") as here:
        run = Path(here, "run.json")
        others = {name: Path(here, f"{name}.jsonl") for name in ("texts", "console", "media")}
        with ExitStack() as stack:
            lines = {
                name: stack.enter_context(path.open("w", encoding="utf-8"))
                for name, path in others.items()
            }
            told = _tell(folder, run_id, key, policy, lines=lines, progress=progress)
        run.write_text(json.dumps(told, indent=1, sort_keys=True, allow_nan=False) + "\n")
        files = [_file(f"{place}/run.json", run)]
        files += [
            _file(f"{place}/{path.name}", path) for path in others.values() if path.stat().st_size
        ]
        yield files


def _tell(
    folder: Path, run_id: str, key: Callable[[str], str], policy: Policy, *,
    lines: Mapping[str, TextIO], progress: Progress,
) -> dict[str, Any]:  # fmt: skip
    told: dict[str, Any] = {
        "format": 1, "run_id": run_id, "config": {}, "summary": {}, "tags": {}, "artifacts": [],
        "gaps": [],
    }  # fmt: skip
    names: set[str] = set()
    for journal in journals(folder):
        for block in journal.blocks():
            told["gaps"] += [str(gap) for gap in block.gaps]
            for whole in block.events:
                progress.observe(Item(journal.writer_id, whole))
                event = policy.cut(whole).event
                if isinstance(event, Log):
                    names.update(event.values)
                    if str in map(type, event.values.values()):
                        _tell_texts(journal.writer_id, event, lines["texts"])
                elif isinstance(event, Console):
                    line = [journal.writer_id, event.seq, event.time, event.stream, event.text]
                    _line(lines["console"], line)
                elif isinstance(event, Media):
                    _tell_media(told, journal.writer_id, event, lines["media"])
                elif isinstance(event, Rewind):
                    rewind = {"step": event.step, "time": event.time, "writer": journal.writer_id}
                    told.setdefault("rewinds", []).append(rewind | {"writers": event.writers})
                elif event is not None:
                    _tell_event(told, event, progress)
    status, ended_at = progress.outcome()
    told |= {"status": status, "ended_at": ended_at}
    told["writers"] = sorted(progress.writers)
    told["keys"] = {name: key(name) for name in sorted(names) if key(name) != name}
    return told


def _tell_texts(writer_id: str, event: Log, lines: TextIO) -> None:
    for name, value in event.values.items():
        if isinstance(value, str):
            _line(lines, [writer_id, event.seq, event.time, event.step, name, value])


def _line(lines: TextIO, line: list[Any]) -> None:
    lines.write(json.dumps(line, ensure_ascii=False) + "\n")


def _tell_media(told: dict[str, Any], writer_id: str, event: Media, lines: TextIO) -> None:
    about = _plain(event.about)
    if event.form == OF_ARTIFACT:
        note = {"name": event.key, "time": event.time, **about}
        told.setdefault("artifact_notes", []).append(note)
        return
    files = [[media.path(event, n), f.size, f.digest] for n, f in enumerate(event.files)]
    said = [event.step, event.key, event.form, about, files]
    _line(lines, [writer_id, event.seq, event.time, *said])


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


def _file(path: str, source: Path) -> File:
    digest = hashlib.sha256()
    with source.open("rb") as content:
        while piece := content.read(_PIECE):
            digest.update(piece)
    return File(path, source, source.stat().st_size, digest.hexdigest())
