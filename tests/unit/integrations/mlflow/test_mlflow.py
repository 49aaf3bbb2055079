"""MLflow's local stores, as its real client writes them, damaged and growing."""

import math
import random
import shutil
import sqlite3
import warnings

import pytest

from tracker.events import Artifact, Config, Finish, Log, Source, Start
from tracker.integrations import appending
from tracker.integrations.mlflow.imports import Import
from tracker.integrations.mlflow.yaml import NoMapping, mapping
from tracker.journal import journals
from tracker.query import Store
from tracker.settings import Settings
from tracker.store import StoreFolder

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mlflow import MlflowClient
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric

MS = 1_700_000_000_000


class Importing:
    """A store of ours, and one of MLflow's with its client."""

    def __init__(self, place, kind, empty=None):
        self.store = StoreFolder.open(place / "store", create=True)
        self.path = place / ("mlflow.db" if kind == "sqlite" else "mlruns")
        self.artifacts = place / "mlruns"
        if empty is not None:
            shutil.copy(empty, self.path)
        scheme = "sqlite:///" if kind == "sqlite" else "file://"
        self.client = MlflowClient(f"{scheme}{self.path}")
        self.files = kind != "sqlite"
        self.experiment = self.client.create_experiment(
            "an experiment", artifact_location=None if self.files else str(self.artifacts / "1")
        )

    def run(self, **more):
        return self.client.create_run(self.experiment, start_time=MS, **more).info.run_id

    def log(self, run_id, *points):
        metrics = [Metric(key, value, MS + time, step) for key, value, time, step in points]
        self.client.log_batch(run_id, metrics)

    def all(self, **options):
        with Import(self.store, Settings(), [self.path], **options) as runs:
            taken = [taking.taken for taking in runs.once(lambda _: None)]
            self.left_out, self.lost = runs.left_out, runs.lost
        return taken

    def one(self):
        (taken,) = self.all()
        return taken

    def events(self, run_id):
        found = [e for j in journals(self.store.run(run_id)) for e in j.events()]
        return [event for event in found if not isinstance(event, (Start, Source))]

    def points(self, run_id):
        logs = [e for e in self.events(run_id) if isinstance(e, Log)]
        return sorted(
            (k, e.time // 10**6 - MS, e.step, v) for e in logs for k, v in e.values.items()
        )

    def view(self, run_id):
        return Store(self.store.root).run(run_id)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A database of MLflow's with nothing in it: making one takes seconds."""
    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(params=["sqlite", "files"])
def importing(request, tmp_path, monkeypatch, empty):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield Importing(tmp_path, request.param, empty if request.param == "sqlite" else None)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield Importing(tmp_path, "files")


def test_a_run_is_taken_whole(importing, tmp_path):
    """Head, params, tags, notes, points, parent, dataset, artifacts and the end."""
    client = importing.client
    parent = importing.run(run_name="parent")
    client.set_terminated(parent, "FAILED", MS + 9000)
    tags = {
        "mlflow.note.content": "two\nlines", "mlflow.parentRunId": parent, "team": "é 'v'",
        "mlflow.user": "ann", "mlflow.source.name": "/home/ann/train.py",
        "mlflow.source.git.commit": "c" * 40,
        "mlflow.source.git.repoURL": "https://ann:s3cret@host/a.git",
    }  # fmt: skip
    run_id = importing.run(run_name="child", tags=tags)
    for key, value in {
        "lr": "0.1",
        "n": "3",
        "opt/name": "sgd",
        "e": "1e-3",
        "flag": "True",
    }.items():
        client.log_param(run_id, key, value)
    importing.log(
        run_id, ("loss", 0.5, 0, 0), ("val/acc", 1.0, 0, 0), ("loss", 0.25, 10, 1),
        ("nan", math.nan, 20, -5), ("inf", math.inf, 30, 2), ("down", -math.inf, 30, 2),
    )  # fmt: skip
    data = Dataset("set", "abc123", "local", '{"uri": "/data"}')
    client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "train")])])
    (tmp_path / "a.txt").write_text("content")
    client.log_artifact(run_id, str(tmp_path / "a.txt"))
    client.log_artifact(run_id, str(tmp_path / "a.txt"), "deep/er")
    client.set_terminated(run_id, "FINISHED", MS + 5000)
    taken = {one.run: one for one in importing.all()}
    assert not any(one.error or one.lost or one.trouble for one in taken.values())
    run = importing.view(run_id)
    assert (run.project, run.name, run.notes) == ("an experiment", "child", "two\nlines")
    assert (run.status, run.exit_code, run.group) == ("finished", 0, f"parent {parent[:8]}")
    assert (run.started_at.timestamp(), run.ended_at.timestamp()) == (MS / 1000, MS / 1000 + 5)
    about = {k: run.about[k] for k in ("user", "program", "parent_run", "source")}
    assert about == {"user": "ann", "program": "train.py", "parent_run": parent, "source": "mlflow"}
    assert (run.about["git_commit"], run.about["git_remote"]) == ("c" * 40, "https://host/a.git")
    assert not [tag for tag in run.tags if "git" in tag]
    assert run.tags["team"] == "é 'v'"
    config = {k: v for k, v in run.config.items() if not k.startswith("datasets/set/context")}
    assert config == {
        "lr": 0.1, "n": 3, "opt/name": "sgd", "e": "1e-3", "flag": "True",
        "datasets/set/digest": "abc123", "datasets/set/source": '{"uri": "/data"}',
        "datasets/set/source_type": "local",
    }  # fmt: skip
    points = importing.points(run_id)
    assert str(points) == str([
        ("down", 30, 2, -math.inf), ("inf", 30, 2, math.inf), ("loss", 0, 0, 0.5),
        ("loss", 10, 1, 0.25), ("nan", 20, -5, math.nan), ("val/acc", 0, 0, 1.0),
    ])  # fmt: skip
    assert {v.name: v.files for v in run.artifacts()} == {"a.txt": 1, "deep": 1}
    assert importing.view(parent).status == "failed"


def test_importing_again_adds_only_what_is_new(importing):
    """Not even a journal where there is nothing; points, tags, artifacts and another end."""
    run_id = importing.run()
    importing.log(run_id, ("x", 1.0, 0, 0), ("x", 2.0, 1, 1))
    importing.client.log_text(run_id, "one", "file.txt")
    importing.client.set_terminated(run_id, "FINISHED", MS + 10)
    importing.one()
    before = importing.events(run_id)
    assert importing.one().records == 0
    assert importing.events(run_id) == before
    importing.client.update_run(run_id, "RUNNING")
    importing.log(run_id, ("x", 3.0, 2, 2), ("y", 4.0, 2, 2))
    importing.client.set_tag(run_id, "later", "tag")
    importing.client.log_text(run_id, "three", "file.txt")
    importing.client.set_terminated(run_id, "KILLED", MS + 20)
    assert importing.one().records == 2
    events = importing.events(run_id)
    assert [key for key, *_ in importing.points(run_id)] == ["x", "x", "x", "y"]
    assert [e.status for e in events if isinstance(e, Finish)] == ["finished", "killed"]
    assert [e.size for e in events if isinstance(e, Artifact)] == [3, 5]
    assert importing.view(run_id).tags["later"] == "tag"
    assert importing.view(run_id).status == "killed"
    assert importing.one().records == 0


def test_a_growing_run_is_followed(importing):
    """It is running as long as MLflow says so, each point once; its end ends the import."""
    run_id = importing.run()
    with Import(importing.store, Settings(), [importing.path]) as runs:
        for step in range(5):
            importing.log(run_id, ("x", float(step), step, step), ("y", 0.0, step, step))
            (taking,) = runs.once(lambda _: None)
            assert not taking.taken.error
            assert importing.view(run_id).status == "running"
        importing.client.set_terminated(run_id)
        list(runs.once(lambda _: None))
        assert runs.ended
    assert [step for key, _, step, _ in importing.points(run_id) if key == "x"] == list(range(5))
    assert importing.view(run_id).status == "finished"


@pytest.mark.parametrize("seed", range(3))
def test_a_death_in_the_middle_doubles_and_loses_nothing(importing, seed, monkeypatch):
    """A journal cut anywhere, as SIGKILL leaves it, is gone on with behind that."""
    rng = random.Random(seed)
    monkeypatch.setattr(appending, "BATCH_EVENTS", 7)
    run_id = importing.run()
    importing.client.log_param(run_id, "p", "v")
    importing.log(run_id, *[(key, n / 2, n, n) for n in range(40) for key in "abc"])
    importing.client.set_terminated(run_id)
    importing.one()
    wanted = importing.points(run_id)
    assert len(wanted) == 120
    for _ in range(3):
        path = journals(importing.store.run(run_id))[-1].path(1)
        content = path.read_bytes()
        path.write_bytes(content[: rng.randrange(200, len(content))])
        assert not importing.one().error
        assert importing.points(run_id) == wanted, seed
        assert importing.view(run_id).status == "finished"
    assert [e.values for e in importing.events(run_id) if isinstance(e, Config)][-1] == {"p": "v"}


def test_deleted_runs_and_our_own_are_left_out(importing):
    """Those deleted there are taken where that is asked for; what we delivered there never is."""
    gone, ours = importing.run(), importing.run(tags={"tracker.run_id": "mine"})
    importing.client.delete_run(gone)
    importing.store.run("mine").mkdir()
    assert importing.all() == []
    assert sorted(importing.left_out.values()) == [1, 1]
    assert [taken.run for taken in importing.all(deleted=True)] == [gone]
    assert not importing.store.run(ours).exists()


def test_files_of_others_are_not_taken(importing, tmp_path):
    """Neither what a link leads to, nor a folder that is none of MLflow's; and that is told."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    run_id = importing.run()
    importing.client.log_text(run_id, "mine", "mine.txt")
    place = next(path for path in importing.artifacts.rglob("artifacts") if run_id in str(path))
    (place / "link").symlink_to(tmp_path / "secret")
    taken = importing.one()
    assert {e.name for e in importing.events(run_id) if isinstance(e, Artifact)} == {"mine.txt"}
    assert any("link" in said for said in taken.trouble)
    if importing.files:
        return
    with sqlite3.connect(importing.path) as database:
        database.execute("UPDATE runs SET artifact_uri = ?", (str(tmp_path / "secret"),))
    importing.store = StoreFolder.open(tmp_path / "other", create=True)
    importing.one()
    assert not any(isinstance(e, Artifact) for e in importing.events(run_id))
    with sqlite3.connect(importing.path) as database:
        database.execute("UPDATE runs SET artifact_uri = 'file:///a' || char(0) || 'b'")
    importing.store = StoreFolder.open(tmp_path / "third", create=True)
    taken = importing.one()
    assert (taken.error, len(taken.trouble)) == ("", 1)


def test_a_database_that_others_write_is_read(tmp_path, empty):
    """An open transaction of a writer holds nothing up; a lock is said and heals."""
    importing = Importing(tmp_path, "sqlite", empty)
    run_id = importing.run()
    importing.log(run_id, ("x", 1.0, 0, 0))
    writer = sqlite3.connect(importing.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    assert importing.one().records == 1
    writer.execute("ROLLBACK")
    writer.close()


def test_damaged_files_cost_what_they_held(folder):
    """What cannot be read is told by file and place; a cut line is waited for."""
    run_id, other = folder.run(), folder.run()
    folder.log(run_id, *[("x", float(n), n, n) for n in range(5)])
    folder.client.log_param(run_id, "good", "1")
    path = folder.path / folder.experiment / run_id / "metrics" / "x"
    lines = path.read_text().splitlines(keepends=True)
    lines[2] = "17\0garbage\n"
    path.write_text("".join(lines)[:-3])
    (folder.path / folder.experiment / run_id / "params" / "bad").write_bytes(b"\xff\xfe")
    (folder.path / folder.experiment / other / "meta.yaml").write_text("run_id: 'cut")
    taken = folder.one()
    assert [step for _, _, step, _ in folder.points(run_id)] == [0, 1, 3]
    start = len("".join(lines[:2]))
    told = {(lost.file, lost.start, lost.torn) for lost in taken.lost}
    torn = len("".join(lines[:4]))
    assert told == {
        ("params/bad", 0, False),
        ("metrics/x", start, False),
        ("metrics/x", torn, True),
    }
    (meta,) = folder.lost
    assert meta.lost[0].file == f"{folder.experiment}/{other}/meta.yaml"
    path.write_text("".join(lines))
    assert folder.one().records == 1
    assert [step for _, _, step, _ in folder.points(run_id)] == [0, 1, 3, 4]


def test_values_in_meta_files_are_read_as_they_are_written():
    """What PyYAML makes of awkward texts."""
    import yaml  # noqa: PLC0415 - mlflow brings it

    values = [
        "plain", "", "it's", 'a "b"', "two\nlines", "tab\there", "é ☃ \U0001f600", "# no comment",
        "a: b", "- x", "word " * 60, "'", "\\ back", "null", "12", " lead", "trail ",
        "a\n\n  b\n", "%", "\x1b[31m",
    ]  # fmt: skip
    for unicode in (True, False):
        text = yaml.safe_dump(
            {f"k{n}": value for n, value in enumerate(values)} | {"tags": [], "number": 5},
            allow_unicode=unicode, default_flow_style=False,
        )  # fmt: skip
        found = mapping(text)
        assert [found[f"k{n}"] for n in range(len(values))] == values
        assert found["number"] == "5"
    for broken in ("", "no mapping", "k: 'open"):
        with pytest.raises(NoMapping):
            mapping(broken)
