"""What is proved to be at the remote may go from this disk; nothing else, and never twice there."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest

import tracker
from syncd.cli.program import execute
from tests.e2e.recording import TRACKER, refused
from tests.e2e.recording import tracker as command
from tests.fault.delivering import Oracle, Syncd, Told, environment, make_store, syncd, wait_for
from tracker.errors import RunError


@pytest.fixture
def project(request):
    return f"{request.node.name[:40]}-{os.getpid()}-{time.time_ns()}"


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """No settings of the person who runs the tests."""
    monkeypatch.setenv("TRACKER_SILENT", "1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def record(store, project, folder, *, run_id=None, first=0, lr=0.1, name="weights.bin"):
    """A finished run of 20 calls, with all that can be compared."""
    run = tracker.init(project, id=run_id, dir=store.root, config={"lr": lr}, tags="good")
    for step in range(first, first + 20):
        run.log({"loss": step / 3, "note": f"step {step}"}, step=step)
    run.summary["best"] = first
    path = folder / name
    path.write_bytes(f"{name} {first}".encode() * 1000)
    run.log_artifact(path)
    run.finish()
    return Told(run.id, project)


def done(store, *words, code=0):
    """What a command of syncd prints with --json; in this process, as another takes a second."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            found = execute([*words, "--json", "--dir", str(store.root)])
        except SystemExit as ended:
            found = ended.code
    assert code in (None, found), printed.getvalue()
    return json.loads(printed.getvalue())


def deliver(store):
    code, out = syncd(store, "once")
    assert code == 0, out


def test_each_kind_of_tampering_is_reported(mlflow_server, project, tmp_path):
    """A tag deleted, a param changed, a file deleted, a point too many: exit 1, and no mark."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    told = record(store, project, tmp_path)
    deliver(store)
    before = done(store, "verify")
    [run] = before["runs"]
    assert run["equal"], run["differences"]
    assert run["verified_at"] is not None
    assert done(store, "receipts")["receipts"][0]["verified"]["holds"]
    oracle = Oracle(mlflow_server.url)
    client, there = oracle.client, oracle.run(told).info.run_id
    client.delete_tag(there, "good")
    client.log_metric(there, "loss", 99.0, step=3)
    folder = mlflow_server.folder / "artifacts"
    [file] = folder.rglob(f"{there}/artifacts/weights.bin/weights.bin")
    file.unlink()
    _change_param(mlflow_server, there, "lr", "0.5")
    [after] = done(store, "verify", told.run_id, code=1)["runs"]
    said = "\n".join(after["differences"])
    for word in (
        "tag 'good': None there", "point unexpected: ('loss', 3,", "param 'lr': '0.5' there",
        "file weights.bin/weights.bin: nothing there",
    ):  # fmt: skip
        assert word in said
    assert len(after["differences"]) == 4
    assert done(store, "receipts")["receipts"][0]["verified"] is None
    assert [r["run"] for r in done(store, "gc", "--yes")["plan"]["stay"]] == [told.run_id]


def _change_param(server, run_id, key, value):
    """As nobody can through MLflow: its params are write-once."""
    with closing(sqlite3.connect(server.folder / "mlflow.db", timeout=30)) as db, db:
        changed = db.execute(
            "UPDATE params SET value = ? WHERE run_uuid = ? AND key = ?", (value, run_id, key)
        )
        assert changed.rowcount == 1


def test_a_receipt_says_what_was_acknowledged_and_why_not_all(
    mlflow_server, project, tmp_path, capsys
):
    store = make_store(tmp_path / "store", mlflow_server.url)
    run = tracker.init(project, dir=store.root)
    run.log({"a[0]": 1.0, "up": float("inf")}, step=0)
    run.finish()
    deliver(store)
    [receipt] = done(store, "receipts", run.id)["receipts"]
    assert receipt["counts"] == {
        "events": 3, "points": 2, "params": 0, "tags": 1, "files": 1,
        "bytes": receipt["files"][0]["size"], "left_out": 0, "masked": 0, "refused": 0,
    }  # fmt: skip
    assert {note["what"] for note in receipt["notes"]} == {"mapped", "infinite"}
    assert receipt["cursors"].keys() == receipt["digests"]["events"].keys()
    assert 0 < receipt["first_at"] <= receipt["last_at"] < time.time()
    assert receipt["verified"] is receipt["removed"] is None
    execute(["receipts", "--dir", str(store.root)])
    assert f"not verified: syncd verify {run.id}" in capsys.readouterr().out


def test_a_run_that_goes_on_after_gc_is_doubled_nowhere(mlflow_server, project, tmp_path):
    """Its id is used again, with another config: one run there, each point once, whole again."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    oracle = Oracle(mlflow_server.url)
    told = record(store, project, tmp_path)
    deliver(store)
    done(store, "verify")
    assert done(store, "gc", "--yes")["done"]["runs"] == [told.run_id]
    assert not store.run(told.run_id).exists()
    with pytest.raises(RunError):
        tracker.init(project, id=told.run_id, resume="must", dir=store.root)
    receipt = done(store, "receipts", told.run_id)["receipts"][0]
    assert receipt["verified"]["holds"]
    assert receipt["removed"]["forced"] == []

    record(store, project, tmp_path, run_id=told.run_id, first=20, lr=0.2)
    (store.sync / "syncd.db").unlink()
    deliver(store)
    run = oracle.run(told)
    assert len(oracle.points(run)) == 42  # twice 20 losses, and twice the summary
    assert (run.info.status, run.data.params["lr"]) == ("FINISHED", "0.1")
    assert run.data.tags["config.lr"] == "0.2"
    paths = [f.path for f in oracle.client.list_artifacts(run.info.run_id)]
    assert paths[:2] == ["tracker", "weights.bin"], "what was there is there, the new beside it"
    assert paths[2].startswith("weights.bin.")
    documents = [f.path for f in oracle.client.list_artifacts(run.info.run_id, "tracker")]
    assert len(documents) == 3, "those of the first part too"
    [verified] = done(store, "verify")["runs"]
    assert verified["verified_at"], verified
    assert done(store, "gc", "--yes")["done"]["runs"] == [told.run_id]


def test_a_daemon_sees_a_run_vanish_and_come_back(mlflow_server, project, tmp_path):
    """It goes on delivering, says no error, and the run that comes back is the same one there."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    oracle = Oracle(mlflow_server.url)
    with Syncd(store, "run") as daemon:
        told = record(store, project, tmp_path)
        wait_for("its end there", lambda: done(store, "verify", code=None)["equal"])
        assert done(store, "gc", "--yes")["done"]["runs"] == [told.run_id]
        record(store, project, tmp_path, run_id=told.run_id, first=20)
        wait_for("its end there", lambda: done(store, "verify", code=None)["equal"])
        code, out = daemon.stop()
    assert code == 0
    assert "rror" not in out
    assert len(oracle.points(oracle.run(told))) == 42


def test_a_person_names_runs_is_asked_and_may_say_no(mlflow_server, project, tmp_path, capsys):
    """As in every command of tracker; where nobody can be asked only --yes removes anything."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    told = record(store, project, tmp_path)
    name = tracker.open(store.root).run(told.run_id).name
    refused(command(store.root, "verify", "--remote", "lub"), 2, "'lub'", "lab")
    kept = command(store.root, "gc", name)
    assert (kept.returncode, "not verified" in kept.stdout) == (1, True)
    deliver(store)
    assert command(store.root, "verify", name).stdout.splitlines()[1].endswith("yes")
    execute(["gc", "--dir", str(store.root)])
    assert "nothing was removed; to do it: the same with --yes" in capsys.readouterr().out
    assert not answered(store, "gc", answer="n")
    assert answered(store, "gc", answer="y")
    assert tracker.open(store.root).runs() == []


def answered(store, *words, answer):
    """Whether the run went, after a person on a terminal gave an answer."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        subprocess.run(
            [TRACKER, *words], env=environment(TRACKER_DIR=str(store.root)), stdin=theirs,
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(theirs)
    return not any(store.journals.iterdir())
