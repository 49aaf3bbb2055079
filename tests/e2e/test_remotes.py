"""Many remotes of one store: each gets what its settings say, knows how far it is, waits for none.

Against real MLflow servers, looked at with MLflow's own client.
"""

from __future__ import annotations

import json
import os
import time

import pytest

import tracker as recording
from tests.e2e.recording import TRACKER, environment, refused
from tests.e2e.recording import tracker as command
from tests.fault.delivering import MS, Clock, Oracle, Syncd, Told, Training, syncd, wait_for
from tests.servers import MlflowServer
from tracker.settings import RemoteSettings, add_remote
from tracker.store import StoreFolder

SECRET = "hunter2-and-a-half"  # noqa: S105 - planted to see that it never leaves


@pytest.fixture
def project(request):
    return f"{request.node.name[:40]}-{os.getpid()}-{time.time_ns()}"


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKER_SILENT", "1")
    return StoreFolder.open(tmp_path / "store", create=True)


def record(store, project, name="one", tags=()):
    config = {"lr": 1, "db/password": SECRET, "servers": [{"api_key": SECRET}], "max_tokens": 9}
    with recording.init(project, name=name, dir=store.root, config=config, tags=list(tags)) as run:
        for step in range(30):
            run.log({"loss": step / 3, "system/cpu": 1.0, "note": "n"}, step=step)
            run.log({"system/gpu": step})
        data = store.root.parent / "data.bin"
        data.write_bytes(b"large" * 1000)
        run.log_artifact(data, name="dataset")
        run.log_artifact(data, name="model")
    return Told(run.id, project)


def tracker(store, *arguments):
    done = command(store.root, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def once(store, *arguments):
    """What `syncd once` did to each remote."""
    code, out = syncd(store, "once", "--json", *arguments)
    assert code == 0, out
    return json.loads(out)["remotes"]


def test_a_remote_gets_what_its_settings_let_through_and_verifies_equal(
    mlflow_server, store, project, tmp_path
):
    told = record(store, project)
    other = record(store, f"{project}-other")
    tracker(
        store, "remote", "add", "lab", "mlflow", mlflow_server.url, "--project", project,
        "--since", "1h", "--exclude", "system/*", "--exclude", "artifact:data*",
    )  # fmt: skip
    done = once(store)["lab"]
    assert (done["counts"]["left out"], done["counts"]["masked"]) == (61, 2)
    oracle = Oracle(mlflow_server.url)
    run = oracle.run(told)
    assert oracle.run(other) is None
    assert list(run.data.metrics) == ["loss"]
    assert len(oracle.points(run)) == 30
    masked = {"lr": "1", "db/password": "***", "servers": '[{"api_key":"***"}]', "max_tokens": "9"}
    assert run.data.params == masked
    assert list(oracle._files(run, tmp_path / "files")) == ["model/data.bin"]
    document = oracle.document(told, tmp_path)
    assert document["config"]["db/password"] == "***"
    assert [artifact["name"] for artifact in document["artifacts"]] == ["model"]
    there = [path for path in mlflow_server.folder.rglob("*") if path.is_file()]
    assert not [path for path in there if SECRET.encode() in path.read_bytes()]
    code, out = syncd(store, "verify")
    assert (code, "30/30" in out, other.run_id in out) == (0, True, False), out
    code, out = syncd(store, "status")
    assert out.splitlines()[1:] == ["  61 left out by its policy, 2 secrets masked"]
    # A run that is named goes whatever the filters say, this once.
    done = command(store.root, "push", other.run_id, "--to", "lab")
    assert done.returncode == 0, done.stdout
    assert len(oracle.points(oracle.run(other))) == 30
    assert once(store)["lab"]["data_requests"] == 0
    code, out = syncd(store, "verify", other.run_id)
    assert code == 0, out


def test_a_remote_that_is_renamed_or_added_again_gets_nothing_twice(mlflow_server, store, project):
    """Renamed it knows all; added again, without our own file too, it is asked what it holds."""
    told = record(store, project)
    url = mlflow_server.url
    tracker(store, "remote", "add", "lab", "mlflow", url, "--exclude", "system/gpu")
    assert once(store)["lab"]["counts"]["points"] == 60
    before = json.loads(syncd(store, "status", "--json")[1])
    tracker(store, "remote", "rename", "lab", "home")
    renamed = json.loads(syncd(store, "status", "--json")[1])
    assert renamed == [before[0] | {"remote": "home"}]
    assert syncd(store, "verify")[0] == 0
    assert once(store)["home"]["requests"] == 0
    assert json.loads(syncd(store, "status", "--json")[1]) == renamed
    for name, lose in (("lab", False), ("third", True)):
        tracker(store, "remote", "rm", "home" if name == "lab" else "lab")
        if lose:
            for file in store.sync.glob("syncd.db*"):
                file.unlink()
        tracker(store, "remote", "add", name, "mlflow", url, "--exclude", "system/gpu")
        assert once(store)[name]["counts"].get("points", 0) == 0
        assert syncd(store, "verify")[0] == 0
    oracle = Oracle(url)
    assert len(oracle.runs(project)) == 1
    assert len(oracle.points(oracle.run(told))) == 60


def test_two_remotes_that_are_one_are_served_once_and_said(mlflow_server, store, project):
    record(store, project)
    add_remote(store, "a", RemoteSettings("mlflow", mlflow_server.url))
    content = json.loads(store.settings.read_text())
    content["remotes"]["b"] = content["remotes"]["a"]
    store.settings.write_text(json.dumps(content))
    code, out = syncd(store, "once")
    assert code == 1
    assert "b: error: the remote 'a' is the same one" in out
    assert "tracker remote rm b" in out
    assert "tracker remote rm b" in syncd(store, "status")[1]
    tracker(store, "remote", "rm", "b")
    assert once(store)["a"]["data_requests"] == 0


def test_two_platforms_get_a_live_run_and_neither_waits_for_the_other(
    mlflow_server, store, tmp_path, monkeypatch
):
    """One is killed while the run goes on, and comes back: both have all in the end, once."""
    clock = Clock(monkeypatch)
    project = f"mirror-{os.getpid()}-{time.time_ns()}"
    with MlflowServer(tmp_path / "second") as second:
        add_remote(store, "first", RemoteSettings("mlflow", mlflow_server.url))
        add_remote(store, "second", RemoteSettings("mlflow", second.url))
        steady, shaky = Oracle(mlflow_server.url), Oracle(second.url)
        training = Training(store, project, 4, clock)
        told = training.told

        def everything(oracle):
            run = oracle.run(told)
            return run and len(oracle.points(run)) == len(told.points)

        with Syncd(store, "run") as process:
            training.log(20)
            wait_for("the run at the first", lambda: everything(steady))
            wait_for("the run at the second", lambda: everything(shaky))
            second.kill()
            for _ in range(3):
                training.log(10)
                clock.move(MS)
                wait_for("the first, alone", lambda: everything(steady), 15)
            training.configure(lr=0.5)
            second.start()
            training.log(10)
            training.keep(tmp_path / "a", "model")
            training.finish()
            for oracle in (steady, shaky):
                wait_for(
                    "the end", lambda o=oracle: (r := o.run(told)) and r.info.status == "FINISHED"
                )
            code, out = process.stop()
        assert code == 0, out
        for number, oracle in enumerate((steady, shaky)):
            oracle.check(told, tmp_path / f"files{number}")
        code, out = syncd(store, "verify")
        assert code == 0, out


def test_wrong_words_about_what_goes_are_refused(store, tmp_path):
    add = ("remote", "add", "lab", "mlflow", "http://h")
    for words, said in (
        (("--since", "yester"), "30m, 24h, 7d, 2w"),
        (("--since", "7d", "--no-backfill"), "not both"),
        (("--exclude", "artefact:x"), "artifact:x"),
        (("--include", "config:"), "config:*"),
        (("--project", ""), "--project is empty"),
    ):
        refused(command(store.root, *add, *words), 2, said)
    tracker(store, *add)
    refused(command(store.root, "remote", "set", "lab"), 2, "tracker remote set --help")
    refused(command(store.root, "remote", "set", "lib", "--clear", "tag"), 2, "known: lab")
    refused(command(store.root, "remote", "rename", "lab", "L"), 2, "1 to 32")
