"""What doctor and check say of remotes and of delivery, with the real server and real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tracker as recording
from tests.doubles.fault_proxy import FaultProxy
from tests.e2e.recording import strict, tracker
from tests.fault.delivering import Oracle, Syncd, Told, environment, make_store, syncd, wait_for
from tracker.journal import Writer

KIND = 99
LATER = f"""
import sys, msgspec
from tracker import events
class Later(events.Config, frozen=True, tag={KIND}):
    pass
events.KINDS |= {{{KIND}}}
events._known = msgspec.msgpack.Decoder(events._Known | Later)
from syncd.cli import main
sys.argv = ["syncd", *sys.argv[1:]]
main()
"""
"""syncd of a later version."""


@pytest.fixture(autouse=True)
def _silent(monkeypatch):
    monkeypatch.setenv("TRACKER_SILENT", "1")


@pytest.fixture
def project(request):
    return f"{request.node.name[:40]}-{os.getpid()}-{time.time_ns()}"


def record(store, project, points=30):
    with recording.init(project, dir=store.root) as run:
        for step in range(points):
            run.log({"loss": step / 3}, step=step)
    return Told(run.id, project)


def found(store, *areas):
    """Doctor's exit code, and what it finds in each area."""
    done = tracker(store.root, "doctor", "--json")
    report = strict(done.stdout)
    listed = [[one for one in report["findings"] if one["area"] == area] for area in areas]
    return done.returncode, *listed


def test_an_event_of_a_later_version_is_carried_along_shown_and_delivered_by_it(
    mlflow_server, project, tmp_path
):
    store = make_store(tmp_path / "store", mlflow_server.url)
    told = Told("e" * 32, project)
    writer = Writer(store.run(told.run_id), told.run_id)
    writer.append(16, project, "odd")
    writer.append(17, 1, {"loss": 1.0})
    writer.append(KIND, {"lr": 0.5})
    writer.append(22, "finished", 0, None, {})
    writer.close()
    assert syncd(store, "once")[0] == 1
    oracle = Oracle(mlflow_server.url)
    assert len(oracle.points(oracle.run(told))) == 1
    for command in (["show", "odd"], ["tail", "odd", "--no-follow"]):
        out = " ".join(tracker(store.root, *command).stdout.split())
        assert "1 event of a kind that this version does not know" in out
        assert "pip install --upgrade tracker-syncd" in out
    code, runs, (parked,) = found(store, "runs", "parked")
    (unknown,) = [one for one in runs if one["level"] == "todo"]
    assert (code, unknown["facts"]) == (1, {"runs": [told.run_id], "events": 1})
    assert "event of kind 99: this version does not know the kind" in parked["text"]
    done = subprocess.run(
        [sys.executable, "-c", LATER, "once", "--dir", str(store.root)],
        env=environment(), cwd=Path(__file__).parents[2], capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert oracle.run(told).data.params == {"lr": "0.5"}
    assert json.loads(syncd(store, "status", "--json")[1])["lanes"][0]["parked"] == 0


def test_a_damaged_syncd_db_is_said_and_set_aside_and_nothing_is_doubled(
    mlflow_server, project, tmp_path
):
    """Who only looks says it in a line and leaves the file; who delivers asks the remote."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    told = record(store, project)
    assert syncd(store, "once")[0] == 0
    content = b"\xa5" * 8192
    (store.sync / "syncd.db").write_bytes(content)
    for command in ("status", "verify"):
        code, out = syncd(store, command)
        assert (code, out.count("\n")) == (1, 1), out
        assert "syncd.db is damaged" in out
    code, (pending,) = found(store, "pending")
    assert (code, pending["level"], pending["next"]) == (1, "todo", "syncd once")
    assert "syncd.db is damaged" in pending["text"]
    assert (store.sync / "syncd.db").read_bytes() == content
    code, out = syncd(store, "once")
    assert (code, "set aside as" in out) == (0, True), out
    assert [path.read_bytes() for path in store.sync.glob("syncd.db.damaged-*[0-9]")] == [content]
    oracle = Oracle(mlflow_server.url)
    assert len(oracle.runs(project)) == 1
    assert len(oracle.points(oracle.run(told))) == 30
    assert syncd(store, "verify")[0] == 0


def test_a_server_of_another_version_is_said_and_served_and_a_check_makes_nothing(
    mlflow_server, project, tmp_path
):
    """The daemon says it once; doctor and check name it and find nothing that must be done."""
    oracle = Oracle(mlflow_server.url)
    with FaultProxy(mlflow_server.url, seed=1) as proxy:
        proxy.instead["/version"] = b"2.9.2"
        store = make_store(tmp_path / "store", proxy.url)
        told = [record(store, project) for _ in range(2)]
        before = oracle.client.search_experiments()
        code, out = syncd(store, "check")
        assert code == 0, out
        assert "may create experiments; files go through the server" in out
        assert "note: version 2.9.2 is older than those known to work (3.1 to 3.17)" in out
        assert [e.name for e in oracle.client.search_experiments()] == [e.name for e in before]
        _, (waits,), (server,) = found(store, "pending", "syncd")
        assert (waits["facts"]["events"], waits["facts"]["runs"]) == (64, 2)
        assert 0 < time.time() - waits["facts"]["since"] < 120
        assert server["facts"] == {"running": False}
        with Syncd(store, "run") as process:
            wait_for("both runs", lambda: all(finished(oracle, one) for one in told))
            wait_for("it to be published", lambda: b'"events":0' in published(store))
            code, remotes, (server,) = found(store, "remotes", "syncd")
            _, out = process.stop()
    assert code == 0, remotes
    assert [one["level"] for one in remotes] == ["ok", "note"]
    assert f"pid {process.process.pid}" in server["text"]
    assert out.count("2.9.2 is older than those known to work") == 1, out


def finished(oracle, told):
    run = oracle.run(told)
    return run and run.info.status == "FINISHED"


def published(store):
    file = store.sync / "status.json"
    return file.read_bytes() if file.exists() else b""
