"""`wandb.Run`: a run of tracker by wandb's names."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import tracker
from tracker import values
from tracker.errors import ArtifactError
from tracker.events import OF_ARTIFACT, Json
from tracker.integrations.wandb.private import METRICS
from tracker.wandb import current, said
from tracker.wandb.artifact import Artifact
from tracker.wandb.configs import Config
from tracker.wandb.kept import Files
from tracker.wandb.media import logged
from tracker.wandb.metrics import Metric, Metrics
from tracker.wandb.settings import Settings
from tracker.wandb.sorting import Sorted, sorted_out
from tracker.wandb.steps import Steps
from tracker.wandb.summaries import Summary
from tracker.wandb.watching import Watching

_NOT_HERE = (
    "display", "finish_artifact", "get_project_url", "link_artifact", "link_model", "log_code",
    "pin_config_keys", "restore", "status", "to_html", "upsert_artifact", "write_logs",
)  # fmt: skip
"""Calls of wandb's runs that do nothing here."""


class Run:
    """A run. What `log` was given is kept when it returns; `commit` tells when a step ends.

    Attributes:
        config: settings; every change is recorded.
        summary: last or best values; what follows from logging is recorded at the end.
        settings: what the run was begun with.
        entity, group, job_type, notes: as `init` was told.
        resumed: whether an earlier process had logged steps.
        starting_step: the first step of this process.
        start_time: when it began, in seconds since 1970 (UTC).
        sweep_id: the sweep that it runs for, or None.
        offline: True: delivery is another program's work.
    """

    offline = True

    def __init__(self, run: tracker.Run, asked: Mapping[str, Any], *, sweep: str | None) -> None:
        self._run = run
        self._lock = threading.RLock()
        self.starting_step = run.next_step
        self._metrics = Metrics()
        self._steps = Steps(run.next_step, self._metrics, run.notice)
        self.start_time = time.time()
        self.resumed = run.next_step > 0
        self.entity: str = asked.get("entity") or ""
        self.group: str = asked.get("group") or ""
        self.job_type: str = asked.get("job_type") or ""
        self.notes: str | None = asked.get("notes")
        self.sweep_id = sweep
        self.settings = Settings(
            entity=self.entity, project=run.project, run_id=run.id, run_name=run.name,
            mode=asked.get("mode") or "online", sweep_id=sweep,
        )  # fmt: skip
        self.config = Config(run.config.update, run.config.as_dict())
        self.summary = Summary(run.summary.update, run.summary.as_dict(), self._metrics)
        self._files = Files(run, asked.get("dir"), self.start_time)
        self._watching = Watching(lambda data: self.log(data, commit=False))
        run.before_end = self._before_end

    def __repr__(self) -> str:
        return f"<wandb run {self.name} ({self.id}) of {self.project}, kept by tracker>"

    # -- who it is -------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Its id."""
        return self._run.id

    @property
    def name(self) -> str:
        """Its name, given when it began."""
        return self._run.name

    @name.setter
    def name(self, name: str) -> None:
        if name != self._run.name:
            said.unsupported("run.name = ...", "Give it when the run begins: init(name=...).")

    @property
    def project(self) -> str:
        """Its project."""
        return self._run.project

    @property
    def path(self) -> str:
        """entity/project/id, as far as there are."""
        return "/".join(part for part in (self.entity, self.project, self.id) if part)

    @property
    def tags(self) -> tuple[str, ...]:
        """Names of its tags."""
        return tuple(self._run.tags)

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        self._run.tags = tags

    @property
    def step(self) -> int:
        """The step that the next call of `log` without one is about."""
        return self._steps.current

    @property
    def dir(self) -> str:
        """A folder for the run's own files; all in it is kept at the end, as artifact "files"."""
        return str(self._files.folder)

    @property
    def sync_dir(self) -> str:
        """The same."""
        return self.dir

    @property
    def config_static(self) -> Config:
        """Its config."""
        return self.config

    @property
    def url(self) -> str:
        """Where its journals are, as an address; a remote's page stands in its receipt."""
        store = self._run.store
        return store.run(self.id).absolute().as_uri() if store else ""

    project_url = sweep_url = url

    def get_url(self) -> str:
        """Give `url`."""
        return self.url

    @property
    def disabled(self) -> bool:
        """Whether nothing is recorded."""
        return self._run.store is None

    # -- recording -------------------------------------------------------------------------

    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None,
        **more: Any,
    ) -> None:  # fmt: skip
        """Record numbers, texts and media at the current step.

        Args:
            data: names to values; nested dicts are joined with "/". Media alone or in lists,
                figures of matplotlib and plotly, data frames and arrays are kept as media,
                other lists as their JSON text; None is passed over.
            step: the current step from now on. One that is before it is said, and kept.
            commit: whether the step ends with this call; by default if no `step` is given.
            more: passed over.
        """
        del more
        with self._lock:
            found = self._sorted(data)
            if found is None:
                return
            self._tell_metrics()
            at = self._steps.at(step)
            if at > self._steps.current:
                self._complete()
                self._steps.begin(at)
            ends = at == self._steps.current and (commit or (commit is None and step is None))
            if at == self._steps.current:
                self._steps.take(found.values, (key for key, _ in found.all_media()))
            if ends:
                found.values.update(self._steps.missing())
            self._record(found, at)
            clock = {"_step": at, "_timestamp": time.time()}
            runtime = {"_runtime": clock["_timestamp"] - self.start_time}
            self.summary.add(found.values, clock | runtime)
            if ends:
                self._steps.begin(self._steps.current + 1)

    def _complete(self) -> None:
        """Record the step metrics that the current step lacks; nothing more comes to it."""
        missing = self._steps.missing()
        if missing:
            self._run.log(missing, self._steps.current)

    def _sorted(self, data: Any) -> Sorted | None:
        """Sort a call's values; what cannot be made into media is said, and None is nothing."""
        if not isinstance(data, Mapping):
            self._run.log(data, self._steps.current)  # which says what is wrong with it
            return None
        try:
            found = sorted_out(data)
        except Exception:  # noqa: BLE001 - a stranger's mapping may raise anything
            self._run.log(data, self._steps.current)  # type: ignore[arg-type] # as above
            return None
        for problem in found.problems:
            self._run.notice.warn(problem, once=problem)
        return found

    def _record(self, found: Sorted, at: int) -> None:
        if found.values:
            self._run.log(found.values, at)
        for key, chart in found.charts.items():
            self._run.config.update({"_wandb": {"visualize": {key: chart.config(key)}}})
        for key, media in found.all_media():
            try:
                form, files, about = logged(media)
            except Exception as error:  # noqa: BLE001 - what a table holds may raise anything
                said.termwarn(f"log: {key[:80]!r} cannot be kept: {values.brief(error)}")
                continue
            self._run.log_media(key, form, files, about, at)

    def define_metric(
        self, name: str, step_metric: Any = None, step_sync: bool | None = None,
        hidden: bool | None = None, summary: str | None = None, overwrite: bool | None = None,
        goal: str | None = None, **more: Any,
    ) -> Metric:  # fmt: skip
        """Say what a metric, or all that begin so ("val/*"), is drawn over and comes to.

        Args:
            name: the metric.
            step_metric: the one that it is drawn over.
            step_sync: put its last value into rows that lack it; by default if it is given.
            hidden: for W&B's own pages.
            summary: of min, max, mean, last, first, best, none, joined with ",".
            overwrite: forget what was said of it before.
            goal: "maximize" or "minimize", for "best".
            more: passed over.
        """
        del more
        return self._metrics.define(
            name, summary, overwrite=overwrite, step_sync=step_sync, hidden=hidden, goal=goal,
            step_metric=getattr(step_metric, "name", step_metric),
        )  # fmt: skip

    def _tell_metrics(self) -> None:
        """Record what was defined: with the first call after it, as remotes take a setting once."""
        if self._metrics.untold:
            self._run.config.update({METRICS: self._metrics.told()})

    def watch(
        self, models: Any, criterion: Any = None, log: str | None = "gradients",
        log_freq: int = 1000, idx: int | None = None, log_graph: bool = False,
    ) -> None:  # fmt: skip
        """Log histograms of a torch model's "gradients", "parameters" or "all"."""
        del criterion, idx
        if log_graph:
            said.unsupported("watch(log_graph=True)")
        self._watching.watch(models, log, log_freq)

    def unwatch(self, models: Any = None) -> None:
        """Stop that for these models, or for all."""
        self._watching.unwatch(models)

    def alert(self, title: str, text: str = "", level: Any = None, **more: Any) -> None:
        """Print an alert and keep it as a text under "alert"; nobody is written to."""
        del more
        word = getattr(level, "value", level) or "INFO"
        self._run.notice.say(f"alert {word}: {title}: {text}")
        self._run.log({"alert": f"{word}: {title}: {text}"}, self._steps.current)

    def rewind(self, step: int) -> None:
        """Go back to a step; see `tracker.Run.rewind`."""
        self._run.rewind(step)
        self._steps.begin(self._run.next_step)

    # -- files -----------------------------------------------------------------------------

    def save(
        self, glob_str: str | Path | None = None, base_path: str | Path | None = None,
        policy: str = "live",
    ) -> list[str]:  # fmt: skip
        """Keep files with the run: as they are now, and with "live" and "end" as they end.

        Returns:
            Their paths in `dir`; nothing where the disk takes none, which is said.
        """
        try:
            return [] if glob_str is None else self._files.save(str(glob_str), base_path, policy)
        except OSError as error:
            said.termwarn(f"wandb.save {str(glob_str)!r}: {error}")
            return []

    def log_artifact(
        self, artifact_or_path: Any, name: str | None = None,
        type: str | None = None,  # noqa: A002 - the field's word
        aliases: Sequence[str] | None = None, tags: Sequence[str] | None = None,
    ) -> Artifact:  # fmt: skip
        """Keep an artifact, or a file or folder as one; "latest" always is the newest."""
        artifact = artifact_or_path
        if not isinstance(artifact, Artifact):
            path = Path(str(artifact).removeprefix("file://"))
            artifact = Artifact(name or f"run-{self.id}-{path.name}", type or "unspecified")
            (artifact.add_dir if path.is_dir() else artifact.add_file)(path)
        given = [aliases] if isinstance(aliases, str) else list(aliases or ())
        artifact.aliases = list(dict.fromkeys([*artifact.aliases, *given]))
        artifact.tags = list(dict.fromkeys([*artifact.tags, *(tags or ())]))
        digest = artifact.digest
        if digest is None:
            digest = self._run.log_artifact(artifact.ready(), artifact.collection, artifact.type)
            artifact.keep_as(digest)
        if digest is not None:
            self._note(artifact, artifact.told())
        return artifact

    def use_artifact(
        self, artifact_or_name: Any, type: str | None = None,  # noqa: A002 - the field's word
        aliases: Sequence[str] | None = None, **more: Any,
    ) -> Artifact:  # fmt: skip
        """Give an artifact of the store, by "name", "name:v3", "name:alias", "project/name:v3".

        Raises:
            CommError: it is not there.
        """
        del type, aliases, more
        if isinstance(artifact_or_name, Artifact):
            return artifact_or_name if artifact_or_name.digest else self.log_artifact(
                artifact_or_name
            )  # fmt: skip
        from tracker.wandb.collection import Named, fetch  # noqa: PLC0415 - the reading side

        if self._run.store is None:
            raise ArtifactError(f"artifact {artifact_or_name}: a disabled run has no store.")
        found = fetch(self._run.store.root, Named.of(str(artifact_or_name)), self.project)
        used: dict[str, Json] = {"used": found.name, "manifest": found.digest}
        self._note(found, used)
        return found

    def _note(self, artifact: Artifact, about: dict[str, Json]) -> None:
        self._run.log_media(artifact.collection, OF_ARTIFACT, [], about, self._steps.current)

    def log_model(
        self, path: str | Path, name: str | None = None, aliases: Sequence[str] | None = None
    ) -> None:
        """Keep a file or folder as an artifact of type "model"."""
        self.log_artifact(path, name, "model", aliases)

    def use_model(self, name: str) -> str:
        """Give the path of a model's file, or of its folder where it has several."""
        found = self.use_artifact(name)
        return found.file() if found.file_count == 1 else found.download()

    # -- ending ----------------------------------------------------------------------------

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run. Safe to repeat."""
        del quiet
        current.end(self)
        self._run.finish(exit_code or 0)

    join = finish

    def _before_end(self, status: str) -> None:
        current.end(self)
        try:
            self._watching.unwatch()
            self._tell_metrics()
            self._complete()
            self.summary.settle()
            if status != "killed":  # which is in a hurry
                self._files.keep()
        except Exception as error:  # noqa: BLE001 - whatever it is, the run's end is recorded
            self._run.notice.warn(f"run {self.name}: its end is not complete: {error!r}")

    def __enter__(self) -> Run:  # noqa: PYI034 - nobody derives from Run
        """Use the run as a context: it finishes at the end, failed if an exception ends it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Finish; an exception is recorded and raised on."""
        current.end(self)
        self._run.__exit__(kind, error, trace)

    def after_fork(self) -> None:
        """In a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.RLock()

    def mark_preempting(self) -> None:
        """Make all that was recorded survive loss of power, now."""
        self._run.flush()

    def __getattr__(self, name: str) -> Any:
        if name in _NOT_HERE:
            return said.Absent(f"run.{name}")
        if name in ("_label", "_telemetry_callback"):
            return lambda *_, **__: None  # integrations say who they are
        raise AttributeError(f"wandb.run has no {name!r} on tracker")
