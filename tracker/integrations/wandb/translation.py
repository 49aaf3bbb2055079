"""Translation: from records, in their order, to the events that say the same.

What becomes of each kind of record:

    run, environment  the Start of each journal; tags that change later are Tags
    config            Config, nested keys joined with "/"; a removed key becomes None
    history           Log at its step and time; what is no number is text (lists as JSON), nulls
                      are left out, dicts with a `_type` are Media
    summary           Summary, for what the script set and what define_metric had computed; that
                      which repeats the history's last values is not taken, as it is there
    metric            Config, all that was said so far; as charts, see `private`
    stats             System
    output, _raw      Console
    files             an artifact of each saved file that is no media: type "run-file"
    artifact          Artifact; aliases, metadata and the like in Media of the form OF_ARTIFACT
    use_artifact      Media of that form: which one the run read
    exit              Finish; files/output.log becomes Console before it, if no record did

All others are counted. The same records give the same events: those that a death cut short go on
by their number (see `taking`). Events of records that have no time get that of the last one that
had.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tracker.artifacts import Blobs, Entry, Manifest, check_name
from tracker.errors import BadInput
from tracker.events import (
    ARTIFACT,
    CONFIG,
    CONSOLE,
    FINISH,
    LOG,
    MEDIA,
    OF_ARTIFACT,
    SUMMARY,
    SYSTEM,
    TAGS,
    Json,
    Value,
)
from tracker.integrations.appending import Happened
from tracker.integrations.wandb.artifacts import artifact_of
from tracker.integrations.wandb.beginning import Beginning, tags_of
from tracker.integrations.wandb.media import Folder, media_of
from tracker.integrations.wandb.naming import key_of
from tracker.integrations.wandb.private import METRICS, is_private, said_of
from tracker.integrations.wandb.records import (
    Parser,
    Record,
    flat,
    items,
    kind_of,
    nanoseconds,
    settings,
    value_of,
)
from tracker.integrations.wandb.rows import Plain, Row, Rows, is_computed, row_of, without_computed
from tracker.journal.record import MAX_PAYLOAD
from tracker.values import logged, text_of

_Made = TypeVar("_Made")

_BOOKKEEPING = frozenset({"header", "telemetry", "footer", "final", "environment", "request"})
"""Records that say nothing of the run that is not taken otherwise."""

_REMEMBERED = frozenset({"metric", "output", "output_raw", "run", "summary"})
"""Records that tell how later ones are to be understood."""

_GENERATED = frozenset({"min", "max", "mean", "best", "last", "first"})
_SPARE = 1024
_LARGE = MAX_PAYLOAD // 4
"""An entry of fewer bytes gives no event that is larger than a record may be."""
_CONSOLE_BYTES = 64 * 1024
MOST_AT_ONCE = 128
"""Entries that are read together, at most."""
_encode = msgspec.msgpack.Encoder().encode


class Translation:
    """Translates the records of one source.

    Attributes:
        time: that of the last record that had one, ns since 1970.
        exit_code: what the exit record says; None as long as there is none, or more behind it.
        looked: the last entry's events tell of files, which may be others at another time.
        left_out: what was not taken, counted by what it is.
        trouble: what of it a person should know of, in words.
    """

    def __init__(
        self, log: Path, beginning: Beginning, parser: Parser, blobs: Blobs, *, links: bool
    ) -> None:
        self.time = beginning.time
        self.looked = False
        self.exit_code: int | None = None
        self.left_out: Counter[str] = Counter()
        self.trouble: list[str] = []
        self._parser = parser
        self._blobs = blobs
        self._folder = Folder(log.parent / "files", blobs, links=links)
        self._rows = Rows()
        self._at_once = MOST_AT_ONCE
        self._ours = beginning.ours
        self._tags = tags_of(beginning.run)
        self._name = beginning.run.display_name
        self._computes = False  # define_metric asked for more than the last value
        self._metrics: dict[str, dict[str, Any]] = {}
        self._console = False
        self._summary: dict[str, Any] = {}
        self._events: dict[str, Callable[[Record], Iterator[Happened]]] = {
            "history": lambda record: self._row(row_of(record, ours=self._ours)),
            "summary": self._of_summary,
            "config": self._of_config,
            "run": self._of_run,
            "metric": self._of_metric,
            "stats": self._of_stats,
            "output": lambda record: self._of_output(record.output),
            "output_raw": lambda record: self._of_output(record.output_raw),
            "files": self._of_files,
            "artifact": self._of_artifact,
            "use_artifact": self._of_use,
            "exit": self._of_exit,
        }

    def learn(self, entries: list[bytes]) -> None:
        """Note what entries that were taken before mean for those behind them."""
        for _ in self._each(entries, self._rows_of, self._learnt):
            pass

    def events(self, entries: list[bytes]) -> Iterator[tuple[int, list[Happened]]]:
        """The events that entries stand for, in order: of how many entries, and they."""
        return self._each(entries, self._logged, self._events_of)

    def _each(
        self, entries: list[bytes], together: Callable[[list[bytes]], _Made | None],
        alone: Callable[[bytes], _Made],
    ) -> Iterator[tuple[int, _Made]]:  # fmt: skip
        """What `together` makes of groups of entries or, where it makes nothing, `alone` of each.

        Groups grow as long as that goes well and shrink where it does not.
        """
        at = 0
        while at < len(entries):
            group = entries[at : at + self._at_once]
            made = together(group) if len(group) > 1 else None
            if made is None:
                self._at_once = 2 if len(group) == 1 else max(self._at_once // 4, 1)
                for data in group:
                    yield 1, alone(data)
            else:
                self._at_once = min(self._at_once * 2, MOST_AT_ONCE)
                yield len(group), made
            at += len(group)

    def _rows_of(self, entries: list[bytes]) -> list[Plain] | None:
        """The rows of entries, if each is a plain one or a summary that repeats such."""
        if self._ours:
            return None
        told = entries if self._computes else without_computed(entries)
        return self._rows.many(told) if told else []

    def _logged(self, entries: list[bytes]) -> list[Happened] | None:
        """The events of entries that `_rows_of` reads together."""
        rows = self._rows_of(entries)
        if rows is None:
            return None
        self.looked, events, time = False, [], self.time
        for step, moment, values in rows:
            time = max(time, moment)
            if values:
                events.append((LOG, moment or time, step, values))
        self.time = time
        return events

    def _learnt(self, data: bytes) -> list[Plain]:
        if self._is_repeated(data) or self._plain(data) is not None:
            return []
        record = self._parser.parse(data)
        which = kind_of(record)
        self._note_exit(record, which)
        if which in _REMEMBERED:
            list(self._events[which](record))
        return []

    def _events_of(self, data: bytes) -> list[Happened]:
        """The events that an entry stands for, in order."""
        self.looked = False
        row = self._plain(data)
        if row is not None:
            self.time = max(self.time, row.time)
            return [(LOG, row.time or self.time, row.step, values) for values in row.values]
        if self._is_repeated(data):
            return []
        record = self._parser.parse(data)
        which = kind_of(record)
        self._note_exit(record, which)
        translate = self._events.get(which)
        if translate is None:
            if which not in _BOOKKEEPING:
                self.left_out[f"{which} records"] += 1
            return []
        found = list(translate(record))
        return found if len(data) < _LARGE else [e for e in found if self._fits(e)]

    def _plain(self, data: bytes) -> Row | None:
        return None if self._ours else self._rows.plain(data)

    def _is_repeated(self, data: bytes) -> bool:
        """Whether an entry is a summary of nothing but the history's last values."""
        return not self._computes and is_computed(data)

    def _by_key(self, values: dict[str, Json]) -> dict[str, Json]:
        """Values under the keys that they had here, where the file is one of ours."""
        if not self._ours:
            return values
        return {n if is_private(n) else key_of(n): value for n, value in values.items()}

    def _note_exit(self, record: Record, which: str) -> None:
        if which == "exit":
            self.exit_code = int(record.exit.exit_code)
        elif which == "run":
            self.exit_code = None  # a run that goes on in the same file

    def _fits(self, event: Happened) -> bool:
        fits = len(_encode(event)) < MAX_PAYLOAD - _SPARE
        if not fits:
            self.left_out["events larger than a record may be"] += 1
        return fits

    # -- what was logged -------------------------------------------------------------------

    def _row(self, row: Row) -> Iterator[Happened]:
        moment = row.time or self.time
        self.time = max(self.time, moment, *row.times.values())
        for values in row.values:
            calls: dict[int, dict[str, Value]] = {}
            for key, value in values.items():
                calls.setdefault(row.times.get(key, moment), {})[key] = value
            for time, called in calls.items():
                yield LOG, time, row.step, called
        for key, given in row.media:
            self.looked = True
            body, absent = media_of(key, given, self._folder)
            yield MEDIA, row.times.get(key, moment), row.step, *body
            if absent:
                self.left_out["media files that are not there"] += len(absent)
        if row.empty:
            self.left_out["nulls in the history"] += row.empty

    def _of_summary(self, record: Record) -> Iterator[Happened]:
        summary, set_here = record.summary, record.HasField("_info")
        if self._ours and not set_here:
            return  # what the history's last values are
        found = items(summary.update)
        if not set_here and any(item.nested_key for item in summary.update):
            found = [(p, value) for p, value in found if p[-1] in _GENERATED or _computed(value)]
        values = flat(found) | dict.fromkeys(flat([(p, 0) for p, _ in items(summary.remove)]))
        values = self._by_key(values)
        changed = {
            k: v for k, v in values.items() if set_here or self._summary.get(k, self) != v
        }  # fmt: skip
        if changed:
            self._summary |= changed
            yield SUMMARY, self.time, changed

    def _of_stats(self, record: Record) -> Iterator[Happened]:
        numbers: dict[str, float] = {}
        for item in record.stats.item:
            value = logged(value_of(item))
            if isinstance(value, (int, float)):
                numbers[text_of(item.key)] = float(value)
            else:
                self.left_out["measures of the machine that are no numbers"] += 1
        moment = nanoseconds(record.stats.timestamp) or self.time
        self.time = max(self.time, moment)
        if numbers:
            yield SYSTEM, moment, numbers

    def _of_output(self, output: Record) -> Iterator[Happened]:
        self._console = True
        stream = "stdout" if output.output_type == 1 else "stderr"
        moment = nanoseconds(output.timestamp) or self.time
        self.time = max(self.time, moment)
        if output.line:
            yield CONSOLE, moment, stream, text_of(output.line)

    # -- what describes the run ------------------------------------------------------------

    def _of_run(self, record: Record) -> Iterator[Happened]:
        tags = tags_of(record.run)
        removed = [name for name in self._tags if name not in tags]
        added = {name: "" for name in tags if name not in self._tags}
        self._tags = tags
        self.left_out["changes of the run's name"] += record.run.display_name != self._name
        self._name = record.run.display_name
        if values := self._by_key(settings(items(record.run.config.update))):
            yield CONFIG, self.time, values
        if added or removed:
            yield TAGS, self.time, added, removed

    def _of_config(self, record: Record) -> Iterator[Happened]:
        removed = flat([(path, 0) for path, _ in items(record.config.remove)])
        if values := self._by_key(settings(items(record.config.update))) | dict.fromkeys(removed):
            yield CONFIG, self.time, values

    def _of_metric(self, record: Record) -> Iterator[Happened]:
        metric = record.metric
        self._computes |= metric.HasField("summary")
        said = said_of(metric)
        name = said["name"]
        if not name or metric.expanded_from_glob:
            return
        before = {} if metric._control.overwrite else self._metrics.get(name, {})  # noqa: SLF001 - so W&B names the field
        self._metrics[name] = before | said
        event = CONFIG, self.time, {METRICS: list(self._metrics.values())}
        if self._fits(event):
            yield event

    # -- files -----------------------------------------------------------------------------

    def _of_files(self, record: Record) -> Iterator[Happened]:
        self.looked = True
        for item in record.files.files:
            name = text_of(item.path)
            if name.startswith("media/"):
                continue  # the row that logged them names them too
            file = self._folder.keep(name)
            try:
                if file is None:
                    raise BadInput(  # noqa: TRY301
                        "it is not in the run's folder. If it is a link to a file elsewhere and "
                        "you trust who made the folder: --links"
                    )
                kept = check_name(name.replace("/", "__"))
                manifest = Manifest.of([Entry(file.name, file.size, file.digest)])
            except BadInput as error:
                self.left_out["saved files"] += 1
                self.trouble.append(f"file {name}: {error}")
                continue
            digest = manifest.put(self._blobs).digest
            yield ARTIFACT, self.time, kept, "run-file", digest, 1, manifest.size

    def _of_artifact(self, record: Record) -> Iterator[Happened]:
        self.looked = True
        taken = artifact_of(record.artifact, self._blobs)
        self.trouble += taken.trouble
        self.left_out["artifact versions"] += bool(taken.trouble)
        if taken.body is not None:
            yield ARTIFACT, self.time, *taken.body
        if taken.about:
            yield MEDIA, self.time, 0, text_of(record.artifact.name), OF_ARTIFACT, [], taken.about

    def _of_use(self, record: Record) -> Iterator[Happened]:
        used = text_of(record.use_artifact.name)
        yield MEDIA, self.time, 0, used.partition(":")[0], OF_ARTIFACT, [], {"used": used}

    # -- the end ---------------------------------------------------------------------------

    def _of_exit(self, record: Record) -> Iterator[Happened]:
        self.looked = True
        if not self._console:
            yield from self._of_log_file()
        code = int(record.exit.exit_code)
        yield FINISH, self.time, "failed" if code else "finished", code

    def _of_log_file(self) -> Iterator[Happened]:
        """Console from files/output.log, where older clients wrote it and nowhere else."""
        path = self._folder.path("output.log")
        if path is None:
            return
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size  # what is written meanwhile is not waited for
            for _ in range(0, size, _CONSOLE_BYTES):
                text = file.read(_CONSOLE_BYTES).decode("utf-8", "replace")
                if text:
                    yield CONSOLE, self.time, "stdout", text


def _computed(value: Any) -> bool:
    """Whether a value is what define_metric had computed of a metric: {"min": 1, "max": 2}."""
    return isinstance(value, dict) and bool(value) and value.keys() <= _GENERATED
