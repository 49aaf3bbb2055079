"""Trainings that remember what they logged, syncd as a process, and the real client's view.

The oracle knows nothing of our translation: what a test logged is compared with what MLflow's
own client reads, under the names and times that the README promises.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import tracker
from syncd import status
from tracker import settings
from tracker.journal import writer as journal_writer
from tracker.settings import RemoteSettings, add_remote
from tracker.store import StoreFolder

with warnings.catch_warnings():
    # What mlflow's own imports warn of is not ours to mend.
    warnings.simplefilter("ignore")
    import mlflow.artifacts
    from mlflow import MlflowClient
    from mlflow.entities import ViewType

ROOT = Path(__file__).parents[2]
MS = 1_000_000
QUICK = {
    "sync_interval_s": 0.05, "poll_interval_s": 0.3, "flush_interval_s": 0.3,
    "retry_first_s": 0.01, "retry_most_s": 0.05, "slow_retry_s": 0.2, "breaker_pause_s": 0.3,
}  # fmt: skip
"""Settings under which faults heal within a test's time."""

STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED", "crashed": "KILLED"}


def wait_for(what, condition, limit_s=60.0):
    """Wait until `condition()` is true, and return what it gave.

    A look that costs something, such as a question to a server, takes a fifth of the time at most:
    who is waited for needs the rest.
    """
    end = time.monotonic() + limit_s
    while (began := time.monotonic()) < end:
        if found := condition():
            return found
        time.sleep(min(0.5, max(0.02, 4 * (time.monotonic() - began))))
    raise AssertionError(f"not within {limit_s:.0f} s: {what}")


def environment(**more):
    """The environment for a program of ours: no settings of the person who runs the tests."""
    mine = {k: v for k, v in os.environ.items() if not k.startswith(("TRACKER_", "MLFLOW_"))}
    quick = {f"TRACKER_{name.upper()}": str(value) for name, value in QUICK.items()}
    return {**mine, "XDG_CONFIG_HOME": "/nonexistent", "TRACKER_SILENT": "1", **quick, **more}


def make_store(folder, url, kind="mlflow"):
    """A store with one remote, called lab."""
    store = StoreFolder.open(folder, create=True)
    add_remote(store, "lab", RemoteSettings(kind, url))
    return store


class Syncd:
    """A syncd process on a store."""

    def __init__(self, store, *command, **how):
        place = Path(store if isinstance(store, (str, Path)) else store.root)
        self.process = self._started([*command, "--dir", str(place)], **how)

    def _started(self, arguments, program=("-m", "syncd"), **env):
        return subprocess.Popen(
            [sys.executable, *program, *arguments], env=environment(**env), cwd=ROOT,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        return self.end(10)

    def stop(self, limit_s=10.0):
        """SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.end(limit_s)

    def end(self, limit_s=60.0):
        """Exit code and all output; killed where it does not end in time."""
        try:
            out, _ = self.process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, _ = self.process.communicate()
            raise AssertionError(f"syncd did not end within {limit_s} s:\n{out}") from None
        return self.process.returncode, out

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def syncd(store, *command, limit_s=60.0, start=Syncd, **env):
    """Run syncd to its end."""
    with start(store, *command, **env) as process:
        return process.end(limit_s)


def overview(store):
    """What `syncd status` tells of a store, without a process for each look."""
    return status.overview(store, settings.load(store, {}))


class Clock:
    """The clock of the journals that this process writes; moves when it is told to."""

    def __init__(self, patch, ns=1_790_000_000_000_000_123):
        self.ns = ns
        patch.setattr(journal_writer, "_now", lambda: self.ns)

    def move(self, ns):
        self.ns += ns


@dataclass
class Told:
    """What a run logged, as its remote must have it."""

    run_id: str
    project: str
    points: list[tuple[str, int, int, float]] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    texts: list[tuple[str, int, str]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    status: str = "RUNNING"
    end_ms: int | None = None


class Training:
    """A run that logs by the seed, and remembers."""

    KEYS = ("loss", "val/acc", "lr")

    def __init__(self, store, project, seed, clock, told=None):
        run_id = told.run_id if told else None
        self.random = random.Random(seed)
        self.clock = clock
        self.run = tracker.init(project, id=run_id, dir=store.root, resume="allow")
        self.told = told or Told(self.run.id, project)
        self.told.status, self.told.end_ms = "RUNNING", None
        self.step = 0

    def log(self, count):
        """Log `count` times: twins, repeated and late steps, NaN and texts among them."""
        for _ in range(count):
            self.clock.move(self.random.choice((0, 0, 400_000, MS, 7 * MS)))
            self.step = max(0, self.step + self.random.choice((0, 1, 1, 1, -2)))
            values = {
                key: self.random.choice((self.step / 3, 0.5, math.nan, -1e300, 7))
                for key in self.KEYS if self.random.random() < 0.8
            }  # fmt: skip
            for key, value in values.items():
                self.told.points.append((key, self.step, self.clock.ns // MS, float(value)))
            if self.random.random() < 0.1:
                values["note"] = f"step {self.step} \u00e4 {self.random.random()}"
                self.told.texts.append(("note", self.step, values["note"]))
            if values:
                self.run.log(values, step=self.step)

    def configure(self, **config):
        """Set config; a changed value is told by a tag, the param stays."""
        self.clock.move(MS)
        self.run.config.update(config)
        for key, value in config.items():
            text = value if isinstance(value, str) else repr(value)
            if self.told.params.setdefault(key, text) != text:
                self.told.tags[f"config.{key}"] = text

    def tag(self, **tags):
        self.clock.move(MS)
        self.run.tags.update(tags)
        self.told.tags.update(tags)

    def untag(self, name):
        self.clock.move(MS)
        del self.run.tags[name]
        del self.told.tags[name]

    def keep(self, folder, name):
        """Keep a folder of files as an artifact; a second version stands beside the first."""
        files = {
            f"{name}.txt": self.random.randbytes(self.random.randrange(2000)),
            "deep/er/empty": b"",
            "weights.bin": self.random.randbytes(self.random.choice((10, 70_000))),
        }
        for path, content in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        self.clock.move(MS)
        manifest = self.run.log_artifact(folder, name=name)
        assert manifest
        root = name
        if any(path.startswith(f"{name}/") for path in self.told.files):
            root = f"{name}.{manifest[:8]}"
        self.told.files |= {f"{root}/{path}": content for path, content in files.items()}

    def finish(self, exit_code=0):
        self.clock.move(MS)
        self.run.finish(exit_code)
        self.told.status = STATUS["failed" if exit_code else "finished"]
        self.told.end_ms = self.clock.ns // MS


class Oracle:
    """MLflow's own client, asked past every proxy."""

    def __init__(self, url):
        self.url = url
        self.client = MlflowClient(url)

    def runs(self, project):
        experiment = self.client.get_experiment_by_name(project)
        if experiment is None:
            return []
        return list(
            self.client.search_runs([experiment.experiment_id], run_view_type=ViewType.ACTIVE_ONLY)
        )

    def run(self, told):
        """The one run at the remote; None while there is none."""
        found = [r for r in self.runs(told.project)
                 if r.data.tags.get("tracker.run_id") == told.run_id]  # fmt: skip
        return found[0] if found else None

    def points(self, run):
        return [
            (m.key, m.step, m.timestamp, m.value)
            for key in run.data.metrics
            for m in self.client.get_metric_history(run.info.run_id, key)
        ]

    def check(self, told, folder):
        """Fail with a list of all that differs."""
        found = [r for r in self.runs(told.project)
                 if r.data.tags.get("tracker.run_id") == told.run_id]  # fmt: skip
        assert len(found) == 1, f"{len(found)} runs for {told.run_id}"
        run = self.client.get_run(found[0].info.run_id)
        wrong = differences(told.points, self.points(run))
        wrong += _pairs("param", told.params, run.data.params)
        user = {k: v for k, v in run.data.tags.items()
                if not k.startswith(("tracker.", "mlflow.", "summary."))}  # fmt: skip
        wrong += _pairs("tag", told.tags, user)
        wrong += _pairs("file", told.files, self._files(run, folder))
        if run.info.status != told.status:
            wrong.append(f"status {run.info.status}, not {told.status}")
        if told.end_ms is not None and run.info.end_time != told.end_ms:
            wrong.append(f"end {run.info.end_time}, not {told.end_ms}")
        assert not wrong, "\n".join(wrong[:30])

    def _files(self, run, folder):
        place = folder / run.info.run_id
        place.mkdir(parents=True)
        mlflow.artifacts.download_artifacts(
            run_id=run.info.run_id, dst_path=str(place), tracking_uri=self.url
        )
        found = {p.relative_to(place).as_posix(): p.read_bytes()
                 for p in place.rglob("*") if p.is_file()}  # fmt: skip
        return {k: v for k, v in found.items() if not k.startswith("tracker/")}

    def texts(self, told, folder):
        """Lines of the run's texts at the remote, as (key, step, text)."""
        text = self._download(told, "tracker/texts.jsonl", folder)
        lines = [json.loads(line) for line in text.splitlines()]
        return [(key, step, text) for _, _, _, step, key, text in lines]

    def document(self, told, folder):
        """The run as a whole."""
        return json.loads(self._download(told, "tracker/run.json", folder))

    def _download(self, told, path, folder):
        found = mlflow.artifacts.download_artifacts(
            run_id=self.run(told).info.run_id, artifact_path=path, dst_path=str(folder),
            tracking_uri=self.url,
        )  # fmt: skip
        return Path(found).read_text(encoding="utf-8")


def differences(expected, found):
    """Points lost, unexpected or moved; twins of one ms may stand at the next ms that is free."""
    wrong = []
    want, have = _times(expected), _times(found)
    for point in sorted(want.keys() | have.keys(), key=repr):
        times, seen = sorted(want[point]), sorted(have[point])
        if len(times) != len(seen):
            wrong.append(f"{point}: {len(seen)} times there, logged {len(times)} times")
        elif len(set(times)) == len(times) or times == seen:
            if times != seen:
                wrong.append(f"{point}: at {seen}, logged at {times}")
        else:
            moved = set(seen) - set(times)
            if set(times) - set(seen) or len(set(seen)) != len(seen):
                wrong.append(f"{point}: twins at {seen}, logged at {times}")
            elif any(not _near(at, times) for at in moved):
                wrong.append(f"{point}: moved too far, {seen} for {times}")
    return wrong


def _times(points):
    times = defaultdict(list)
    for key, step, ms, value in points:
        times[key, step, "NaN" if math.isnan(value) else float(value)].append(ms)
    return times


def _near(at, times):
    return any(0 < at - ms <= len(times) for ms, n in Counter(times).items())


def _pairs(what, want, have):
    return [
        f"{what} {key!r}: {str(have.get(key))[:80]} there, {str(want.get(key))[:80]} logged"
        for key in want.keys() | have.keys() if want.get(key) != have.get(key)
    ]  # fmt: skip


@contextlib.contextmanager
def running(store, project, body, tmp_path):
    """A training in a process of its own; its `body` has `run`, and `say`, which notes a line."""
    notes = tmp_path / f"notes-{project}.txt"
    script = (
        "import os, sys, time, tracker\n"
        f"fd = os.open({str(notes)!r}, os.O_CREAT | os.O_APPEND | os.O_WRONLY)\n"
        "def say(*words):\n    os.write(fd, (' '.join(map(str, words)) + '\\n').encode())\n"
        f"run = tracker.init({project!r}, dir={str(store.root)!r})\n"
        "say('run', run.id)\n" + body
    )
    process = subprocess.Popen([sys.executable, "-c", script], env=environment(), cwd=ROOT)
    try:
        wait_for("the training's first words", lambda: notes.exists() and notes.stat().st_size)
        yield process, lambda: [line.split() for line in notes.read_text().splitlines()]
    finally:
        process.kill()
        process.wait()
