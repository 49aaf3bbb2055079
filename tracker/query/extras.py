"""What a run holds beside values: media, console text, foreign sources."""

from __future__ import annotations

import heapq
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from tracker import events
from tracker.events import OF_ARTIFACT, MediaFile
from tracker.index import Index
from tracker.journal import Journal, Position, journals
from tracker.media import MediaFiles
from tracker.query.records import Row, moment

_NS_PER_S = 1_000_000_000
_PAGE = 1000
"""Rows read at a time."""

_WRITERS = 16
"""So many writers are looked through for the last lines of a run."""


class Media(NamedTuple):
    """Files logged under a key at a step, in the order in which they were given.

    `about` is what was said of them. `previews` has a small picture of each file (of an image:
    PNG, JPEG or itself; of a table: JSON of its first rows), None where there is none.
    """

    key: str
    step: int
    time: datetime
    form: str
    files: list[MediaFile]
    previews: list[bytes | None]
    about: dict[str, Any]
    writer: str
    seq: int


class Line(NamedTuple):
    """A line of what the process wrote to `stream`, without its end; `time` is that of its end."""

    time: datetime
    stream: str
    text: str
    writer: str


class Kept(NamedTuple):
    """What media there are under a key: how often it was logged, files and bytes."""

    key: str
    form: str
    times: int
    files: int
    bytes: int


class Source(NamedTuple):
    """The run is taken from the record `name` of another tool, of which `taken` entries so far."""

    tool: str
    name: str
    taken: int


def media(index: Index, run_id: str, key: str | None) -> list[Media]:
    """Media of a run, or of one key, in the order of logging."""
    return _media(index, run_id, key, notes=False)


def notes(index: Index, run_id: str, name: str | None) -> list[Media]:
    """What was said of a run's artifacts, or of one, in the order of saying."""
    return _media(index, run_id, name, notes=True)


def _media(index: Index, run_id: str, key: str | None, *, notes: bool) -> list[Media]:
    rows = index.query(
        "SELECT media.key, step, time, form, name, digest, size, pack, offset, preview, about, "
        "media.writer, media.seq FROM media JOIN (SELECT run, writer, start FROM journals) "
        "USING (run, writer) WHERE run = ? AND (? IS NULL OR media.key = ?) "
        "AND (form = ?) = ? ORDER BY start, writer, seq, place",
        (run_id, key, key, OF_ARTIFACT, notes),
    )
    found = list[Media]()
    for name, step, time, form, *file, preview, about, writer, seq in rows:
        if not found or (found[-1].writer, found[-1].seq) != (writer, seq):
            told = json.loads(about) if about is not None else None
            found.append(Media(name, step, moment(time), form, [], [], told or {}, writer, seq))
            if told is None:
                found[-1].about.update(_about(index, run_id, writer, seq))
        if file[0]:
            found[-1].files.append(MediaFile(*file))
            found[-1].previews.append(preview)
    return found


def _about(index: Index, run_id: str, writer: str, seq: int) -> dict[str, Any]:
    """What the journal says of media, where that is too long for the index."""
    ((segment, offset),) = index.query(
        "SELECT start_segment, start_offset FROM file JOIN run ON run.id = file.run JOIN journal "
        "ON journal.id = file.journal WHERE run_id = ? AND writer = ? AND file.seq = ? LIMIT 1",
        (run_id, writer, seq),
    )
    journal = Journal(index.folder.run(run_id), writer)
    for block in journal.blocks(Position(segment, offset, seq - 1)):
        for event in block.events:
            return event.about if isinstance(event, events.Media) and event.seq == seq else {}
    return {}


def kept(index: Index, run_id: str) -> list[Kept]:
    """Count media by key and form."""
    rows = index.query(
        "SELECT key, form, count(DISTINCT writer || seq), sum(name <> ''), sum(size) FROM media "
        "WHERE run = ? AND form <> ? GROUP BY key, form ORDER BY key, form",
        (run_id, OF_ARTIFACT),
    )
    return [Kept(*row) for row in rows]


def sources(index: Index, run_id: str) -> list[Source]:
    """What foreign records a run is taken from."""
    rows = index.query(
        "SELECT tool, name, taken FROM sources WHERE run = ? ORDER BY tool, name", (run_id,)
    )
    return [Source(*row) for row in rows]


def lines(index: Index, run_id: str) -> Iterator[Line]:
    """Console lines, one writer after the other, each in the order of its writing."""
    writers = index.query(
        "SELECT writer FROM journals WHERE run = ? ORDER BY start, writer", (run_id,)
    )
    for (writer,) in writers:
        yield from _lines(writer, _console(index, run_id, writer))


def last_lines(index: Index, run_id: str, count: int) -> list[Line]:
    """The last `count` console lines by time, of the `_WRITERS` newest writers that wrote any."""
    writers = index.query(
        "SELECT writer FROM journals WHERE run = ? AND EXISTS (SELECT 1 FROM console "
        "WHERE console.run = journals.run AND console.writer = journals.writer) "
        "ORDER BY start DESC, writer DESC LIMIT ?",
        (run_id, _WRITERS),
    )
    found = [_last_of(index, run_id, writer, count) for (writer,) in reversed(writers)]
    return list(heapq.merge(*found, key=lambda line: line.time))[-count:]


def _last_of(index: Index, run_id: str, writer: str, count: int) -> list[Line]:
    """The last lines of a writer; one that began before the events that hold them is cut there."""
    rows = index.query(
        "SELECT time, stream, text FROM console WHERE run = ? AND writer = ? "
        "ORDER BY seq DESC LIMIT ?",
        (run_id, writer, count + 1),
    )
    return list(_lines(writer, iter(rows[::-1])))[-count:]


def line_counts(index: Index, run_id: str) -> dict[str, int]:
    """Console lines by stream."""
    rows = index.query(
        "SELECT stream, sum(lines) FROM console WHERE run = ? GROUP BY stream ORDER BY stream",
        (run_id,),
    )
    return dict(rows)


def _console(index: Index, run_id: str, writer: str) -> Iterator[tuple[int, str, str]]:
    """Time, stream and text of a writer's console events, read page by page."""
    seq = 0
    while True:
        rows = index.query(
            "SELECT seq, time, stream, text FROM console WHERE run = ? AND writer = ? AND seq > ? "
            "ORDER BY seq LIMIT ?",
            (run_id, writer, seq, _PAGE),
        )
        for seq, time, stream, text in rows:  # noqa: B007 - the last one is where to go on
            yield time, stream, text
        if len(rows) < _PAGE:
            return


def _lines(writer: str, parts: Iterator[tuple[int, str, str]]) -> Iterator[Line]:
    """Put lines together that were written in parts; those of two streams may interleave."""
    begun: dict[str, list[str]] = defaultdict(list)
    last = 0
    for time, stream, text in parts:
        last = time
        *whole, rest = text.split("\n")
        for end in whole:
            yield Line(moment(time), stream, "".join([*begun.pop(stream, ()), end]), writer)
        if rest:
            begun[stream].append(rest)
    for stream, left in begun.items():
        yield Line(moment(last), stream, "".join(left), writer)


def counted(index: Index, run_id: str) -> dict[str, Any]:
    """All of these in numbers, for JSON."""
    return {
        "media": [one._asdict() for one in kept(index, run_id)],
        "console_lines": line_counts(index, run_id),
        "sources": [source._asdict() for source in sources(index, run_id)],
    }


def rows(folder: Path, what: str) -> Iterator[Row]:
    """Calls of one kind, see `RunView.rows`."""
    for journal in journals(folder):
        first: int | None = None
        for block in journal.blocks():
            for event in block.events:
                if isinstance(event, events.Log):
                    if what == "log":
                        yield Row(event.step, event.time, event.values, journal.writer_id)
                elif (values := _values(event, what)) is not None:
                    first = event.time if first is None else first
                    step = (event.time - first) // _NS_PER_S
                    yield Row(step, event.time, values, journal.writer_id)


def _values(event: events.Event, what: str) -> dict[str, events.Value] | None:
    if what == "system" and isinstance(event, events.System):
        return dict(event.values)
    if what == "console" and isinstance(event, events.Console):
        return {event.stream: event.text}
    return None


def opened(index: Index, run_id: str, item: Media, place: int) -> BinaryIO:
    """Open a file of media, checked by its digest."""
    files = MediaFiles(index.folder)
    return files.open(index.folder.run(run_id), item.writer, item.files[place])
