"""Many remotes of one store: each gets what its settings say, knows how far it is, waits for none.

Against real MLflow servers, looked at with MLflow's own client.
"""

from __future__ import annotations

import json
import os
import time

import pytest

import tracker as recording
from tests.doubles.fault_proxy import FaultProxy
from tests.e2e.recording import tracker as command
from tests.fault.delivering import MS, Clock, Oracle, Syncd, Told, Training, syncd, wait_for
from tests.servers import MlflowServer
from tracker import remotes
from tracker.settings import RemoteSettings, add_remote, remove_remote
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
    assert out.splitlines()[1] == "  61 left out by its policy, 2 secrets masked"
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
    to = RemoteSettings("mlflow", url, exclude=["system/gpu"])
    add_remote(store, "lab", to)
    assert once(store)["lab"]["counts"]["points"] == 60
    before = json.loads(syncd(store, "status", "--json")[1])["lanes"]
    remotes.rename(store, "lab", "home")
    renamed = json.loads(syncd(store, "status", "--json")[1])["lanes"]
    assert renamed == [before[0] | {"remote": "home"}]
    assert once(store)["home"]["requests"] == 0
    for name, lose in (("lab", False), ("third", True)):
        remove_remote(store, "home" if name == "lab" else "lab")
        if lose:
            for file in store.sync.glob("syncd.db*"):
                file.unlink()
        add_remote(store, name, to)
        assert once(store)[name]["counts"].get("points", 0) == 0
    assert syncd(store, "verify")[0] == 0
    oracle = Oracle(url)
    assert len(oracle.runs(project)) == 1
    assert len(oracle.points(oracle.run(told))) == 60


def test_two_platforms_get_a_live_run_and_neither_waits_for_the_other(
    mlflow_server, store, tmp_path, monkeypatch
):
    """One goes away while the run goes on, and comes back: both have all in the end, once."""
    clock = Clock(monkeypatch)
    project = f"mirror-{os.getpid()}-{time.time_ns()}"
    with MlflowServer(tmp_path / "second") as second, FaultProxy(second.url, 4) as way:
        add_remote(store, "first", RemoteSettings("mlflow", mlflow_server.url))
        add_remote(store, "second", RemoteSettings("mlflow", way.url))
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
            away = {"refuse": 0.8, "lost": 0.2}
            for rates in (away, away, {"refuse": 1.0}):  # of the last ten calls none gets there
                way.rates = rates
                training.log(10)
                clock.move(MS)
                wait_for("the first, alone", lambda: everything(steady), 15)
            training.configure(lr=0.5)
            assert not everything(shaky)
            wait_for("the second to be asked", lambda: way.faults["refuse"] + way.faults["lost"])
            way.rates = {}
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
