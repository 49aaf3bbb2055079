"""syncd.db is lost, the server is killed: each run arrives once, whole and unchanged."""

from __future__ import annotations

import contextlib
import json
import os
import random
import time

import pytest

from tests.doubles.fault_proxy import FaultProxy
from tests.fault.delivering import Clock, Oracle, make_store, overview, wait_for
from tests.fault.forked import Syncd, syncd
from tests.fault.killing import SEED, record

SERVER_KILLS = 30 if "SOAK" in os.environ else 3


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setenv("TRACKER_SILENT", "1")
    return Clock(monkeypatch)


def test_syncd_db_is_lost(mlflow_server, clock, tmp_path):
    """Without syncd.db the remotes say what they hold: no point goes twice, nothing is doubled."""
    print(f"seed {SEED}")  # noqa: T201 - to replay
    project = f"lost-{SEED}-{os.getpid()}"
    store = make_store(tmp_path / "store", mlflow_server.url)
    trainings = record(store, project, SEED, clock, tmp_path)
    assert trainings[-1].run.flush()
    oracle = Oracle(mlflow_server.url)
    assert syncd(store, "once")[0] == 0
    for file in store.sync.glob("syncd.db*"):
        file.unlink()
    code, out = syncd(store, "once", "--json")
    done = json.loads(out)["remotes"]["lab"]
    assert code == 0
    assert done["counts"].get("points", 0) == 0
    assert done["events"] == 0
    trainings[-1].log(50)
    trainings[-1].finish()
    for file in store.sync.glob("syncd.db*"):
        file.write_bytes(b"no database at all, but long enough to look like one" * 100)
    code, out = syncd(store, "once", "--json")
    assert code == 0, out
    assert json.loads(out[out.index("{") :])["remotes"]["lab"]["events"] <= 60
    for training in trainings:
        oracle.check(training.told, tmp_path / "files")
    assert len(oracle.runs(project)) == len(trainings)
    assert list(store.sync.glob("syncd.db.damaged-*"))


@pytest.mark.timeout(900)  # a busy machine starts a server in a minute
def test_the_server_is_killed_in_the_middle_of_requests(start_mlflow, clock, tmp_path):
    """Again and again, and syncd with it every second time: each run is there once, whole."""
    print(f"seed {SEED}")  # noqa: T201 - to replay
    choose = random.Random(SEED)
    server = start_mlflow()
    with FaultProxy(server.url, SEED) as proxy, contextlib.ExitStack() as context:
        store = make_store(tmp_path / "store", proxy.url)
        trainings = record(store, "restart", SEED, clock, tmp_path)
        process = context.enter_context(Syncd(store, "run"))
        for number in range(SERVER_KILLS):
            trainings[-1].log(400)
            at = proxy.faults["forwarded"] + choose.randrange(20 if number == 0 else 2)
            _wait_for_request(proxy, at)
            server.kill()
            if number % 2:
                process.kill()
                process = context.enter_context(Syncd(store, "run"))
            trainings[-1].log(100)
            server.start()
        trainings[-1].finish()
        wait_for("all delivered", lambda: _done(store), 120)
        code, out = process.stop()
        assert code == 0, out
    oracle = Oracle(server.url)
    for training in trainings:
        oracle.check(training.told, tmp_path / "files")
    assert len(oracle.runs("restart")) == len(trainings)


def _wait_for_request(proxy, at):
    """Until the server has answered `at` requests in all and works on one more."""
    end = time.monotonic() + 60
    while proxy.faults["forwarded"] < at or not proxy.under_way:
        assert time.monotonic() < end, "no request came"
        time.sleep(0.0005)


def _done(store):
    """Whether nothing is pending and each run's end was told."""
    lanes = overview(store).lanes
    return lanes and all(
        not lane.pending and not lane.bytes and lane.told not in (None, "running") for lane in lanes
    )
