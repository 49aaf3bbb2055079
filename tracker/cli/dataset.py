"""Many runs as a folder of tables, for programs that read such as one whole.

    runs, config, summary, tags, metrics,   a file each, of all runs together, with the columns of
    artifacts, media, sources, rewinds,     the view of that name (see `tracker.index`), but for
    journals, gaps                          pictures of media
    points/project=P/run=ID/                every number that was logged: key, step, time, value,
                                            exact, rank, writer, seq
    texts/project=P/run=ID/                 every text: key, step, time, value, rank, writer, seq
    system/project=P/run=ID/                measures of the machine: key, time, value, rank, writer,
                                            seq
    console/project=P/run=ID/               what was written: stream, time, value, rank, writer, seq

Points stand in the order of each writer. `exact` is an integer beyond 2**53 to the digit, else
null. A table without rows has no file. Files of artifacts and media are not in it: their digests
are. Project and run are escaped in names of folders as Hive and URLs have it ("%2F" for "/"), which
readers undo; a project whose name is too long for a folder is cut, and stands whole in `runs`.

Memory is that of `_ROWS` rows, however many there are.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import numpy as np

from tracker.errors import BadInput
from tracker.events import Console, Event, Log, Start, System
from tracker.index import Index
from tracker.journal import journals
from tracker.query import RunView, Store

TEXT, INT, REAL, TIME = "text", "int", "real", "time"
"""Kinds of columns; a time is ns since 1970."""

Columns = dict[str, str]
"""Names and kinds of a table's columns."""

_ROWS = 131_072
"""Rows of one table that are held before they are written."""

_MOST_NAME = 200
_EXACT = 2.0**53

_WHO: Columns = {"rank": INT, "writer": TEXT, "seq": INT}
_POINTS: Columns = {"key": TEXT, "step": INT, "time": TIME, "value": REAL, "exact": TEXT, **_WHO}
_TEXTS: Columns = {"key": TEXT, "step": INT, "time": TIME, "value": TEXT, **_WHO}
_SYSTEM: Columns = {"key": TEXT, "time": TIME, "value": REAL, **_WHO}
_CONSOLE: Columns = {"stream": TEXT, "time": TIME, "value": TEXT, **_WHO}

_FIGURES = dict.fromkeys(("first", "last", "min", "max", "mean"), REAL)
_TABLES: dict[str, Columns] = {
    "runs": {
        "id": TEXT, "project": TEXT, "name": TEXT, "group": TEXT, "job_type": TEXT, "notes": TEXT,
        "status": TEXT, "started_at": TIME, "ended_at": TIME, "exit_code": INT, "error": TEXT,
        "about": TEXT, "events": INT, "dropped": TEXT, "unknown": INT,
    },
    "config": {"run": TEXT, "key": TEXT, "value": TEXT, "number": REAL},
    "summary": {"run": TEXT, "key": TEXT, "value": TEXT, "number": REAL},
    "tags": {"run": TEXT, "tag": TEXT, "value": TEXT},
    "metrics": {
        "run": TEXT, "key": TEXT, "count": INT, "nans": INT, **_FIGURES, "last_step": INT,
        "min_step": INT, "max_step": INT,
    },
    "artifacts": {
        "run": TEXT, "name": TEXT, "type": TEXT, "version": TEXT, "manifest": TEXT, "files": INT,
        "size": INT, "time": TIME,
    },
    "media": {
        "run": TEXT, "key": TEXT, "step": INT, "time": TIME, "form": TEXT, "place": INT,
        "name": TEXT, "digest": TEXT, "size": INT, "about": TEXT, "writer": TEXT, "seq": INT,
    },
    "sources": {"run": TEXT, "tool": TEXT, "name": TEXT, "taken": INT},
    "rewinds": {
        "run": TEXT, "writer": TEXT, "seq": INT, "time": TIME, "step": INT, "writers": TEXT,
    },
    "journals": {
        "run": TEXT, "writer": TEXT, "host": TEXT, "pid": INT, "parent": TEXT, "rank": INT,
        "start": TIME, "events": INT, "state": TEXT,
    },
    "gaps": {
        "run": TEXT, "writer": TEXT, "file": TEXT, "offset": INT, "length": INT, "kind": TEXT,
        "first_seq": INT, "last_seq": INT,
    },
}  # fmt: skip


class File(Protocol):
    """A table's file, being written."""

    def add(self, columns: list[Any]) -> None:
        """Write rows, given as columns of one length."""

    def close(self) -> None:
        """Write what is left."""


Opening = Callable[[Path, Columns], File]
"""Begins a table's file under a path without its ending."""


class Table:
    """A table whose file is begun with its first row."""

    def __init__(self, opening: Opening, path: Path, columns: Columns) -> None:
        self._opening = opening
        self._path = path
        self._columns = columns
        self._file: File | None = None

    def add(self, columns: list[Any]) -> None:
        """Write rows, given as columns of one length."""
        if not len(columns[0]):
            return
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._opening(self._path, self._columns)
        self._file.add(columns)

    def close(self) -> None:
        """Write what is left."""
        if self._file is not None:
            self._file.close()


def check_replaceable(folder: Path) -> None:
    """See to it that only an export is replaced, or an empty folder.

    Raises:
        BadInput: there is something else.
    """
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    strangers = sorted(name for name in names if name.partition(".")[0] not in _OURS)
    if strangers:
        raise BadInput(
            f"{folder} holds other things than an export ({strangers[0]!r}); --force does not "
            "replace it. Name another folder with --output."
        )


_OURS = {*_TABLES, "points", "texts", "system", "console"}


def write(store: Store, runs: list[RunView], folder: Path, opening: Opening) -> int:
    """Write runs into an empty folder; returns how many points there are."""
    points = 0
    with ExitStack() as stack:
        tables = {
            name: stack.enter_context(closing(Table(opening, folder / name, columns)))
            for name, columns in _TABLES.items()
        }
        for run in runs:
            for name, table in tables.items():
                table.add(_of_view(store.index, run.id, name))
            points += _write_events(store, run, folder, opening)
    return points


def partition(project: str, run_id: str) -> str:
    """The folders of a run's files, as Hive names partitions."""
    name = quote(project, safe="") or "__HIVE_DEFAULT_PARTITION__"
    if len(name) > _MOST_NAME:
        digest = hashlib.sha256(project.encode()).hexdigest()[:16]
        name = f"{quote(project[:40], safe='')[:_MOST_NAME].rstrip('%')}~{digest}"
    return f"project={name}/run={quote(run_id, safe='')}"


def _of_view(index: Index, run_id: str, name: str) -> list[Any]:
    columns = _TABLES[name]
    listed = ", ".join(f'"{column}"' for column in columns)
    of = "id" if name == "runs" else "run"
    rows = index.query(f"SELECT {listed} FROM {name} WHERE {of} = ?", (run_id,))  # noqa: S608 - names are ours
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[]]


def _write_events(store: Store, run: RunView, folder: Path, opening: Opening) -> int:
    place = partition(run.project, run.id)
    points = 0
    with ExitStack() as stack:

        def table(name: str, columns: Columns) -> Table:
            path = folder / name / place / name
            return stack.enter_context(closing(Table(opening, path, columns)))

        numbers, texts = table("points", _POINTS), table("texts", _TEXTS)
        system, console = table("system", _SYSTEM), table("console", _CONSOLE)
        for writer, rank, events in _batches(store.folder.run(run.id)):
            logs = [event for event in events if isinstance(event, Log)]
            for given, strings in _columns(logs):
                *said, seqs = given
                columns = [*said, *_who(len(seqs), rank, writer), seqs]
                (texts if strings else numbers).add(columns)
                points += 0 if strings else len(seqs)
            system.add(_measures(events, rank, writer))
            console.add(_output(events, rank, writer))
    return points


def _who(rows: int, rank: int | None, writer: str) -> list[Any]:
    return [[rank] * rows, [writer] * rows]


def _batches(folder: Path) -> Iterator[tuple[str, int | None, list[Event]]]:
    """Writer, its rank and some of its events, so many that their values make about `_ROWS`."""
    for journal in journals(folder):
        rank, rows, events = None, 0, list[Event]()
        for block in journal.blocks():
            for event in block.events:
                if isinstance(event, Start):
                    rank = event.rank
            events += block.events
            rows += sum(len(e.values) for e in block.events if isinstance(e, Log | System))
            if rows + len(events) >= _ROWS:
                yield journal.writer_id, rank, events
                rows, events = 0, []
        yield journal.writer_id, rank, events


def _columns(logs: list[Log]) -> Iterator[tuple[list[Any], bool]]:
    """Columns of numbers, then of texts, the sequence numbers last; and whether they are texts."""
    keys = list(itertools.chain.from_iterable(log.values for log in logs))
    values = list(itertools.chain.from_iterable(log.values.values() for log in logs))
    counts = [len(log.values) for log in logs]
    steps, times, seqs = (
        np.repeat(np.array(column, np.int64), counts)
        for column in ([e.step for e in logs], [e.time for e in logs], [e.seq for e in logs])
    )
    kinds = set(map(type, values))
    if str not in kinds:
        yield [keys, steps, times, *_exactly(values, kinds), seqs], False
        return
    strings = np.fromiter((type(value) is str for value in values), bool, len(values))
    for is_text, places in ((False, np.flatnonzero(~strings)), (True, np.flatnonzero(strings))):
        chosen = [values[place] for place in places]
        given = [chosen] if is_text else _exactly(chosen, set(map(type, chosen)))
        named = [keys[place] for place in places]
        yield [named, steps[places], times[places], *given, seqs[places]], is_text


def _exactly(values: list[Any], kinds: set[type]) -> list[Any]:
    """Numbers as doubles, and as texts those integers that are none."""
    numbers = np.array([float(value) for value in values] if bool in kinds else values, np.float64)
    exact: list[str | None] = [None] * len(values)
    if int in kinds:
        for place in np.flatnonzero(np.abs(numbers) >= _EXACT):
            if type(values[place]) is int:
                exact[place] = str(values[place])
    return [numbers, exact]


def _measures(events: list[Event], rank: int | None, writer: str) -> list[Any]:
    found = [
        (key, event.time, value, rank, writer, event.seq)
        for event in events if isinstance(event, System) for key, value in event.values.items()
    ]  # fmt: skip
    return [list(column) for column in zip(*found, strict=True)] if found else [[]]


def _output(events: list[Event], rank: int | None, writer: str) -> list[Any]:
    found = [
        (event.stream, event.time, event.text, rank, writer, event.seq)
        for event in events if isinstance(event, Console)
    ]  # fmt: skip
    return [list(column) for column in zip(*found, strict=True)] if found else [[]]
