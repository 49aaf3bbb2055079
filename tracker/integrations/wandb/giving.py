"""A run given out as an offline run folder of W&B, as its own client would have left it.

    offline-run-YYYYMMDD_HHMMSS-ID/
        run-ID.wandb                the records: head, history, summary, all that follows
        files/wandb-metadata.json   where the run ran
        files/output.log            its console
        files/media/...             its media
        artifacts/...               files of its artifacts

Log calls go in the order of `merge.by_step` and become rows as `history` says. What a running run
logs in the meantime is left out. Memory does not grow with the number of rows.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from tracker.artifacts import Blobs
from tracker.errors import ArtifactError
from tracker.events import OF_ARTIFACT, Console, Json, Log, Media, MediaFile, System
from tracker.integrations.wandb import private, typed
from tracker.integrations.wandb.history import History
from tracker.integrations.wandb.merge import Reached, by_step
from tracker.integrations.wandb.naming import key_name, project_name, tag_name
from tracker.integrations.wandb.transactions import Transactions, in_json, stamp
from tracker.integrations.wandb.versions import Versions
from tracker.journal import journals
from tracker.media import MediaFiles
from tracker.query import RunView
from tracker.query.records import nanoseconds
from tracker.store import StoreFolder

_BUFFER_BYTES = 1 << 20
_MOST_TOLD = 10


@dataclass
class Given:
    """What was given out.

    Attributes:
        rows: of the history.
        moved: those of them that do not stand at their own step.
        media: files.
        versions: of artifacts.
        left_out: what could not be read, a text each, the first few.
        untold: how many more there are.
    """

    rows: int = 0
    moved: int = 0
    media: int = 0
    versions: int = 0
    left_out: list[str] = field(default_factory=list)
    untold: int = 0


def folder_name(run: RunView) -> str:
    """Name of the folder that a run is given out in; the time is that of its start, local."""
    return f"offline-run-{run.started_at.astimezone():%Y%m%d_%H%M%S}-{run.id}"


def give(
    store: StoreFolder, run: RunView, folder: Path, home: Path, entity: str | None = None
) -> Given:
    """Write a run into an empty folder, which will be called `home`.

    Args:
        store: where the run is.
        run: as it is to be described.
        folder: there, and empty.
        home: the path that it will have.
        entity: the W&B user or team it is for; without it that of who syncs.

    Raises:
        TrackerError: wandb is not installed.
        OSError: the folder cannot be written.
    """
    files = folder / "files"
    files.mkdir()
    with (
        (folder / f"run-{run.id}.wandb").open("wb", _BUFFER_BYTES) as log,
        (files / "output.log").open("w", encoding="utf-8", newline="") as console,
    ):
        giving = _Giving(store, run, Transactions(log, run.id), files, console)
        giving.head(entity)
        for reached in by_step(journals(store.run(run.id))):
            giving.take(reached)
        giving.artifacts(Versions(Blobs(store.blobs), run, folder, home, entity))
        giving.tail()
    return giving.given


class _Giving:
    """The records and files of one run as they are written, in the order of the calls."""

    def __init__(
        self, store: StoreFolder, run: RunView, records: Transactions, files: Path, console: TextIO
    ) -> None:
        self.given = Given()
        self._journals = store.run(run.id)
        self._contents = MediaFiles(store)
        self._run = run
        self._records = records
        self._files = files
        self._console = console
        self._start_ns = nanoseconds(run.started_at)
        self._history = History(records, self._start_ns)
        self._versions: dict[str, dict[str, Json]] = {}

    def head(self, entity: str | None) -> None:
        """Give out what the run is called, what it was set to, and where it ran."""
        run, record = self._run, self._records.record()
        told = record.run
        told.run_id, told.project = run.id, project_name(run.project)
        told.display_name, told.entity = run.name, entity or ""
        told.run_group, told.job_type = run.group or "", run.job_type or ""
        told.notes, told.host = run.notes or "", str(run.about.get("host", ""))
        told.tags.extend(tag_name(name, value) for name, value in run.tags.items())
        stamp(told.start_time, self._start_ns)
        for key, value in run.config.items():
            if not private.is_private(key):
                told.config.update.add(key=key_name(key), value_json=in_json(value))
        self._records.put(record)
        self._where()
        self._private(run.config)

    def take(self, reached: Reached) -> None:
        """Give out what an event says."""
        event = reached.event
        if isinstance(event, Log):
            self._history.put(reached, event.step, event.values)
        elif isinstance(event, System):
            self._system(event)
        elif isinstance(event, Console):
            self._output(event)
        elif isinstance(event, Media) and event.form == OF_ARTIFACT:
            if "used" not in event.about:  # which W&B knows by an id of the server only
                self._versions[str(event.about.get("manifest"))] = event.about
        elif isinstance(event, Media):
            self._media(reached, event)

    def artifacts(self, versions: Versions) -> None:
        """Give out every version of the run's artifacts."""
        for version in self._run.artifacts():
            record = self._records.record()
            try:
                versions.fill(record.artifact, version, self._versions.get(version.manifest, {}))
            except ArtifactError as error:
                self._leave_out(f"artifact {version.name} {version.version}: {error}")
                continue
            self._records.put(record)
            self.given.versions += 1

    def tail(self) -> None:
        """Give out the summary, and how the run ended if it did."""
        self._history.end()
        run, record = self._run, self._records.record()
        seconds = int(run.duration.total_seconds())
        record.ClearField("_info")  # so W&B's client marks what it computed itself
        for key, value in (self._history.summary() | {"_wandb": {"runtime": seconds}}).items():
            record.summary.update.add(nested_key=[key], value_json=in_json(value))
        self._records.put(record)
        record = self._records.record()
        for key, value in run.summary.items():
            record.summary.update.add(key=key_name(key), value_json=in_json(value))
        if run.summary:
            self._records.put(record)
        if run.status not in ("running", "crashed"):  # else W&B finds out by itself, as we did
            record = self._records.record()
            record.exit.exit_code = run.exit_code or 0
            record.exit.runtime = seconds
            self._records.put(record)
        self.given.rows, self.given.moved = self._history.rows, self._history.moved
        if run.unknown:
            self._leave_out(f"{run.unknown} events of a kind that a later tracker made")

    def _where(self) -> None:
        about, record = self._run.about, self._records.record()
        told: dict[str, Any] = {
            "os": str(about.get("platform", "")),
            "python": str(about.get("python", "")),
            "program": str(about.get("program", "")),
            "host": str(about.get("host", "")),
            "username": str(about.get("user", "")),
        }
        for name, text in told.items():
            setattr(record.environment, name, text)
        git = {"remote": str(about.get("git_remote", "")),
               "commit": str(about.get("git_commit", ""))}  # fmt: skip
        record.environment.git.remote_url = git["remote"]
        record.environment.git.commit = git["commit"]
        record.environment.writer_id = self._run.id
        stamp(record.environment.started_at, self._start_ns)
        self._records.put(record)
        if any(git.values()):
            told["git"] = git
        told["startedAt"] = self._run.started_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        path = self._files / "wandb-metadata.json"
        path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")

    def _private(self, config: Mapping[str, Json]) -> None:
        for said in private.metrics(config):
            record = self._records.record()
            private.fill(record.metric, said)
            self._records.put(record)
        for key, chart in private.charts(config).items():
            record = self._records.record()
            path = [private.PRIVATE, "visualize", key]
            record.config.update.add(nested_key=path, value_json=in_json(chart))
            self._records.put(record)

    def _system(self, event: System) -> None:
        record = self._records.record()
        stamp(record.stats.timestamp, event.time)
        for key, value in event.values.items():
            record.stats.item.add(key=key, value_json=in_json(value))
        self._records.put(record)

    def _output(self, event: Console) -> None:
        record = self._records.record()
        output = record.output_raw
        output.output_type = output.STDERR if event.stream == "stderr" else output.STDOUT
        stamp(output.timestamp, event.time)
        output.line = event.text
        self._records.put(record)
        self._console.write(event.text)

    def _media(self, reached: Reached, event: Media) -> None:
        places: dict[str, str] = {}
        for file in event.files:
            if self._copied(reached.journal.writer_id, file, typed.place(event, file)):
                places[file.digest] = typed.place(event, file)
        record = self._records.record()
        for path in places.values():
            record.files.files.add(path=path)
        if places:
            self._records.put(record)
        self.given.media += len(places)
        self._history.put(reached, event.step, {event.key: typed.value(event, places)})

    def _copied(self, writer_id: str, file: MediaFile, place: str) -> bool:
        """Copy a file to its place; False, which is said, where it cannot be read."""
        target = self._files / place
        if target.exists():
            return True
        try:
            source = self._contents.open(self._journals, writer_id, file)
        except ArtifactError as error:
            self._leave_out(f"media file {file.name}: {error}")
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        with source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        return True

    def _leave_out(self, text: str) -> None:
        if len(self.given.left_out) < _MOST_TOLD:
            self.given.left_out.append(text)
        else:
            self.given.untold += 1
