"""`RunView`: one run, for reading."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, overload

from tracker.errors import RunError
from tracker.index import Index
from tracker.index.schema import SYSTEM
from tracker.query import extras
from tracker.query.extras import Kept, Line, Media, Source
from tracker.query.nearest import nearest_said
from tracker.query.plain import plain
from tracker.query.records import Damage, Figures, Rewind, Row, Text, Version, moment

if TYPE_CHECKING:
    import pandas as pd

    from tracker.index.history import History
    from tracker.query.aligned import Aligned

Steps = slice | tuple[int | None, int | None] | None
"""A slice of steps, or a first and a last one."""

COLUMNS = (
    'id, project, name, "group", job_type, notes, status, started_at, ended_at, exit_code, '
    "error, about, events, dropped, unknown"
)

_READ_ONCE = (
    "about", "config", "summary", "tags", "metrics", "measures", "gaps", "ranks", "rewinds",
)  # fmt: skip
"""Properties that `refresh` has read again."""


class RunView:
    """One run as it was when it was read; `refresh` reads it again.

    Attributes:
        id: the run id.
        project: its project; "" if the event that says so is lost.
        name: its name; "" as above.
        group: what it was grouped under, or None.
        job_type: what kind of run it is, or None.
        notes: free text, or None.
        status: "running", "finished", "failed", "killed" or "crashed" (its process is gone
            and left no word of its end).
        started_at: when its first writer started, aware, in UTC.
        ended_at: when it ended; of a crashed run, when its last event was made; else None.
        exit_code: None until it finished.
        error: type and text of the exception that ended it, or None.
        about: where it ran: host, user, python, platform, program.
        events: how many events could be read.
        dropped: by kind, how many could not be kept when they were logged.
        unknown: how many of the events are of a kind that a later version made: they are kept
            and carried along, and read once that version is installed.
    """

    def __init__(self, index: Index, row: tuple[Any, ...]) -> None:
        self._index = index
        self._take(row)

    def _take(self, row: tuple[Any, ...]) -> None:
        self.id: str = row[0]
        self.project: str = row[1]
        self.name: str = row[2]
        self.group: str | None = row[3]
        self.job_type: str | None = row[4]
        self.notes: str | None = row[5]
        self.status: str = row[6]
        self.started_at = moment(row[7])
        self.ended_at: datetime | None = None if row[8] is None else moment(row[8])
        self.exit_code: int | None = row[9]
        self.error: str | None = row[10]
        self._about: str = row[11]
        self.events: int = row[12]
        self.dropped: dict[str, int] = json.loads(row[13])
        self.unknown: int = row[14]

    def __repr__(self) -> str:
        return f"<run {self.name or '?'} ({self.id}) of {self.project or '?'}: {self.status}>"

    def __str__(self) -> str:
        began = self.started_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        seconds = timedelta(seconds=round(self.duration.total_seconds()))
        return f"{self.name or '?'}  {self.status}  {began}  {seconds}  {self.project}  {self.id}"

    def refresh(self) -> RunView:
        """Read the run again, with all that was written until now; returns itself.

        Raises:
            RunError: it is no longer in the store.
        """
        self._index.catch_up()
        rows = self._index.query(f"SELECT {COLUMNS} FROM runs WHERE id = ?", (self.id,))  # noqa: S608 - names are ours
        if not rows:
            raise RunError(f"run {self.id} is no longer in {self._index.folder.root}")
        for name in _READ_ONCE:
            self.__dict__.pop(name, None)
        self._take(rows[0])
        return self

    @property
    def duration(self) -> timedelta:
        """From start to end, or until now if it is running."""
        return (self.ended_at or datetime.now(timezone.utc)) - self.started_at

    @cached_property
    def about(self) -> dict[str, Any]:
        """Where it ran: host, user, python, platform, program."""
        found: dict[str, Any] = json.loads(self._about)
        return found

    @cached_property
    def config(self) -> dict[str, Any]:
        """Its settings by flat key ("optim/lr")."""
        return self._settings("config")

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Its final values by flat key."""
        return self._settings("summary")

    @cached_property
    def tags(self) -> dict[str, str]:
        """Its tags; "" is the value of a plain one."""
        return dict(self._rows("SELECT tag, value FROM tags WHERE run = ? ORDER BY tag"))

    @cached_property
    def metrics(self) -> dict[str, Figures]:
        """Figures of each metric."""
        rows = self._rows(
            "SELECT key, count, nans, first, last, min, max, mean, last_step, min_step, max_step "
            "FROM metrics WHERE run = ? ORDER BY key"
        )
        return {key: Figures.stored(tuple(figures)) for key, *figures in rows}

    @cached_property
    def measures(self) -> dict[str, Figures]:
        """Figures of each measure of the machine ("cpu"); its steps say nothing."""
        rows = self._rows(
            "SELECT key, count, nans, first, last, min, max, mean, 0, NULL, NULL "
            "FROM system WHERE run = ? ORDER BY key"
        )
        return {key: Figures.stored(tuple(figures)) for key, *figures in rows}

    @cached_property
    def gaps(self) -> list[Damage]:
        """Damage found in its journals."""
        rows = self._rows(
            "SELECT writer, file, offset, length, kind, first_seq, last_seq FROM gaps "
            "WHERE run = ? ORDER BY file, offset"
        )
        return [Damage(*row) for row in rows]

    def artifacts(self) -> list[Version]:
        """Every version of its artifacts, by name and version."""
        rows = self._rows(
            "SELECT name, type, version, manifest, files, size, time FROM artifacts "
            "WHERE run = ? ORDER BY name, CAST(substr(version, 2) AS INTEGER)"
        )
        return [
            Version(name, kind, version, manifest, files, size, moment(time))
            for name, kind, version, manifest, files, size, time in rows
        ]

    def texts(self, key: str) -> list[Text]:
        """Strings logged under a key, in the order of logging."""
        rows = self._rows(
            "SELECT step, time, value FROM texts JOIN journals USING (run, writer) "
            "WHERE run = ? AND key = ? ORDER BY start, writer, texts.seq",
            key,
        )
        return [Text(step, moment(time), value) for step, time, value in rows]

    def text_keys(self) -> list[str]:
        """Keys under which strings were logged."""
        return [key for (key,) in self._rows("SELECT DISTINCT key FROM texts WHERE run = ?")]

    @overload
    def history(
        self, keys: str, *, step: Steps = None, points: int | None = None, policy: str = "all",
        branch: str = "newest", rank: int | None = None,
    ) -> History: ...  # fmt: skip

    @overload
    def history(
        self, keys: list[str] | tuple[str, ...], *, step: Steps = None, points: int | None = None,
        policy: str = "last", branch: str = "newest", rank: int | None = None,
    ) -> Aligned: ...  # fmt: skip

    def history(
        self, keys: str | list[str] | tuple[str, ...], *, step: Steps = None,
        points: int | None = None, policy: str | None = None, branch: str = "newest",
        rank: int | None = None,
    ) -> History | Aligned:  # fmt: skip
        """Points of one metric until now, or of several side by side.

        Args:
            keys: the metric; or a list of several, to get them aligned by step.
            step: only these steps: (from, to), both within, or a slice, whose end is not; None
                for an end that is open.
            points: at most about so many. Of one metric: the steps are cut into `points // 4`
                buckets, each of which keeps its first and last point and those of its least and
                largest number, so that no spike vanishes; and, beyond that number, the first NaN,
                inf and -inf where there are any, as least and largest are finite. In the order
                of steps. Of several: rows, each with least and largest.
            policy: "all" points in the order of logging, late and repeated steps too (of one
                metric only, and its default); or one point a step, in the order of steps: the
                "last" (the default of several) or "first" that was logged, or the "mean". It is
                applied before points are left out.
            branch: "newest": what the run is after its rewinds; "old": what they left behind;
                or "all".
            rank: points of this rank's processes only; without it those of all together.

        Returns:
            Columns of equal length; empty where the metric is there but no point is chosen.

        Raises:
            BadInput: there is no such policy or branch, or step or points cannot be used.
            RunError: the run has no metric of that name; names the nearest.
        """
        from tracker.query import curves  # noqa: PLC0415 - numpy, only where points are read

        policy = policy or ("all" if isinstance(keys, str) else "last")
        want = curves.wanted(step, points, policy, branch, rank)
        self._index.catch_up()
        names = [keys] if isinstance(keys, str) else list(keys)
        for key in names:
            if not self.has(key):
                raise RunError(self._none(key, "metric", list(self.metrics)))
        if isinstance(keys, str):
            return curves.one(self._index, (self.id, keys), want)
        return curves.columns(self._index, names, [(self.id, key) for key in names], "step", want)

    def system(self, key: str, *, rank: int | None = None) -> History:
        """Points of one measure of the machine until now; their steps say nothing.

        Raises:
            RunError: the run has no measure of that name; names the nearest.
        """
        self._index.catch_up()
        found = self._index.history(self.id, SYSTEM + key, branch="all", rank=rank)
        if not found.writer_ids:
            raise RunError(self._none(key, "measure", list(self.measures)))
        return found

    def media(self, key: str | None = None) -> list[Media]:
        """Files logged with `log_media`, of one key or all, in the order of logging."""
        return extras.media(self._index, self.id, key)

    def artifact_notes(self, name: str | None = None) -> list[Media]:
        """Aliases, metadata and the like of its artifacts, or of one, in the order of saying.

        See `tracker.events.Media`, the form `OF_ARTIFACT`: the newest note of a manifest holds.
        """
        return extras.notes(self._index, self.id, name)

    def open_media(self, item: Media, place: int = 0) -> BinaryIO:
        """Open a file of media, its content checked; an ArtifactError says what is wrong."""
        return extras.opened(self._index, self.id, item, place)

    def media_kept(self) -> list[Kept]:
        """How many media there are under each key."""
        return extras.kept(self._index, self.id)

    def console(self) -> Iterator[Line]:
        """Lines that the process wrote, read in pages: one writer after the other."""
        return extras.lines(self._index, self.id)

    def last_lines(self, count: int) -> list[Line]:
        """The last `count` lines that the process wrote, by time; those of its newest writers."""
        return extras.last_lines(self._index, self.id, count)

    def console_lines(self) -> dict[str, int]:
        """How many lines were written to each stream."""
        return extras.line_counts(self._index, self.id)

    def sources(self) -> list[Source]:
        """Records of other tools that the run is taken from; empty for one recorded here."""
        return extras.sources(self._index, self.id)

    @cached_property
    def ranks(self) -> list[int]:
        """Ranks of the processes that record or recorded the run; empty where there are none."""
        rows = self._rows("SELECT DISTINCT rank FROM journals WHERE run = ? ORDER BY rank")
        return [rank for (rank,) in rows if rank is not None]

    @cached_property
    def rewinds(self) -> list[Rewind]:
        """Where attempts began at a step that had been reached before, in their order."""
        rows = self._rows(
            "SELECT step, rewinds.time, writer, writers FROM rewinds JOIN journals "
            "USING (run, writer) WHERE run = ? ORDER BY start, writer, rewinds.seq"
        )
        return [Rewind(step, moment(time), w, json.loads(ws)) for step, time, w, ws in rows]

    def rows(self, what: str = "log") -> Iterator[Row]:
        """Every call until now of one kind, straight from the journals.

        One writer after the other in the order of their start, each in the order of its calls.
        `what` is "log"; or "system" or "console", whose step is whole seconds since the first of
        its writer, and whose values are the measures, or the text under its stream.
        """
        yield from extras.rows(self._index.folder.run(self.id), what)

    def to_pandas(self, what: str = "log") -> pd.DataFrame:
        """The calls that `rows` gives as a pandas DataFrame; see `tracker.query.frame`."""
        from tracker.query.frame import frame  # noqa: PLC0415 - only where it is asked for

        return frame(self.rows(what))

    def to_dict(self) -> dict[str, Any]:
        """All but the points, as strict JSON can say it (see `tracker.query`)."""
        fields: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "id", "project", "name", "group", "job_type", "notes", "status", "started_at",
                "ended_at", "exit_code", "error", "about", "events", "dropped", "unknown",
                "config", "summary", "tags",
            )
        }  # fmt: skip
        fields["duration_s"] = self.duration.total_seconds()
        fields["metrics"] = {key: asdict(figures) for key, figures in self.metrics.items()}
        fields["system"] = {key: asdict(figures) for key, figures in self.measures.items()}
        fields |= extras.counted(self._index, self.id)
        fields["artifacts"] = [version._asdict() for version in self.artifacts()]
        fields["ranks"] = self.ranks
        fields["rewinds"] = [rewind._asdict() for rewind in self.rewinds]
        fields["gaps"] = [gap._asdict() for gap in self.gaps]
        result: dict[str, Any] = plain(fields)
        return result

    def _settings(self, view: str) -> dict[str, Any]:
        rows = self._rows(f"SELECT key, value FROM {view} WHERE run = ? ORDER BY key")  # noqa: S608 - names are ours
        return {key: json.loads(value) for key, value in rows}

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._index.query(sql, (self.id, *values))

    def has(self, key: str) -> bool:
        """Whether a number was ever logged under a key, on any branch."""
        return bool(
            self._index.query(
                "SELECT 1 FROM series JOIN run ON run.id = series.run JOIN word "
                "ON word.id = series.key WHERE run_id = ? AND text = ? LIMIT 1",
                (self.id, key),
            )
        )

    def _none(self, key: str, what: str, names: list[str]) -> str:
        hint = nearest_said(key, names) or f"It has no {what}s."
        return f"run {self.name or self.id} has no {what} {key!r}. {hint}{self._index.doubt}"
