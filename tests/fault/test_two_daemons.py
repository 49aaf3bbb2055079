"""Two daemons on one store: one sends at a time, whoever is stopped or killed; no doubles."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from syncd.lease import LEASE_S
from tests.doubles.fault_proxy import FaultProxy
from tests.fault.delivering import Clock, Oracle, Syncd, Training, make_store, syncd, wait_for

SEED = int(os.environ.get("DELIVERY_SEED", "0")) or time.time_ns() % 10**9
SOAK = int(os.environ.get("SOAK_ROUNDS", "0"))
STOPPED_S = 60.0 if SOAK else LEASE_S + 1.5
TAKE_OVER_S = 5.0
SLACK_S = 3.0
"""For what comes between the lease and the first request, on a busy machine."""


class Relay(FaultProxy):
    """Stands between one daemon and the server, and notes when a request comes."""

    def __init__(self, url):
        super().__init__(url, SEED)
        self.times = []

    def draw(self):
        self.times.append(time.monotonic())
        return super().draw()

    def since(self, moment):
        return [at for at in self.times if at > moment]


@pytest.fixture
def project(request):
    return f"{request.node.name[:40]}-{SEED}-{os.getpid()}"


@pytest.fixture
def recorded(mlflow_server, monkeypatch, tmp_path, project):
    """Makes a store, and trainings in it with so many calls."""
    print(f"seed {SEED}")  # noqa: T201 - to replay
    monkeypatch.setenv("TRACKER_SILENT", "1")
    store = make_store(tmp_path / "store", mlflow_server.url)
    clock = Clock(monkeypatch)

    def record(*calls):
        made = [Training(store, project, SEED + n, clock) for n in range(len(calls))]
        for training, count in zip(made, calls, strict=True):
            training.log(count)
        return store, made

    return record


def behind(relay):
    """The environment of a daemon whose requests go through a relay."""
    return {"HTTP_PROXY": relay.url, "http_proxy": relay.url, "NO_PROXY": "", "no_proxy": ""}


def test_one_sends_at_a_time_and_the_stopped_one_finds_out(
    mlflow_server, recorded, project, tmp_path
):
    """SIGSTOP of the holder, SIGCONT when the other delivers; then the other is killed."""
    store, made = recorded(1500, 1500, 1500)  # some seconds of work
    with (
        Relay(mlflow_server.url) as one, Relay(mlflow_server.url) as two,
        Syncd(store, "run", "--wait", **behind(one)) as first,
    ):  # fmt: skip
        wait_for("the first to deliver", lambda: len(one.times) > 3)
        with Syncd(store, "run", "--wait", **behind(two)) as second:
            assert f"pid {first.process.pid}" in second.process.stdout.readline()
            time.sleep(random.Random(SEED).uniform(0, 0.5))  # stopped wherever it is then
            assert not two.times
            stopped = time.monotonic()
            first.process.send_signal(signal.SIGSTOP)
            made[0].log(200)  # the first may have delivered all else by now
            newest = lambda: max(store.sync.glob("syncd.lease.*"), key=_number)  # noqa: E731 - a word
            before = newest()
            wait_for("the lease to pass on", lambda: newest() != before, TAKE_OVER_S)
            wait_for("the second to deliver", lambda: two.times, 30)
            assert two.times[0] - stopped < TAKE_OVER_S + SLACK_S
            time.sleep(max(0.0, stopped + STOPPED_S - time.monotonic()))
            first.process.send_signal(signal.SIGCONT)
            for training in made[:2]:
                training.log(200)
                training.finish()
            wait_for("the stopped one to find out", lambda: _waits_again(first))
            assert not one.since(two.times[0])
            second.kill()
        killed = time.monotonic()
        made[2].log(100)
        made[2].finish()
        wait_for("the first to deliver again", lambda: one.since(killed), 30)
        assert one.since(killed)[0] - killed < TAKE_OVER_S + SLACK_S
        assert not two.since(one.since(killed)[0])
        wait_for("all to be there", lambda: _ended(mlflow_server, made))
        code, out = first.stop()
    assert code == 0, out
    oracle = Oracle(mlflow_server.url)
    for training in made:
        oracle.check(training.told, tmp_path / "files")
    assert len(oracle.runs(project)) == len(made)


def _number(lease):
    return int(lease.suffix[1:])


def _waits_again(daemon):
    line = daemon.process.stdout.readline()
    return "serves" in line


def _ended(server, made):
    oracle = Oracle(server.url)
    runs = [oracle.run(training.told) for training in made]
    return all(run is not None and run.info.status == "FINISHED" for run in runs)


def test_a_ledger_locked_by_a_stopped_owner_is_begun_anew(mlflow_server, recorded, tmp_path):
    """It was stopped in a transaction: what it writes when it wakes reaches the old file only."""
    store, made = recorded(50)
    assert syncd(store, "once")[0] == 0
    code = (
        "import os, signal, sqlite3, sys; from syncd.owner import Ownership;"
        "from tracker.store import StoreFolder; store = StoreFolder.open(sys.argv[1]);"
        "owner = Ownership(store); owner.__enter__();"
        "db = sqlite3.connect(store.sync / 'syncd.db', isolation_level=None);"
        "db.execute('BEGIN IMMEDIATE'); db.execute('DELETE FROM cursors');"
        "os.kill(os.getpid(), signal.SIGSTOP); db.execute('COMMIT'); db.close()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(store.root)],
        cwd=Path(__file__).parents[2],
    )
    try:
        os.waitid(os.P_PID, owner.pid, os.WSTOPPED | os.WNOWAIT)
        for training in made:
            training.log(50)
            training.finish()
        code, out = syncd(store, "once")
        assert code == 0, out
        owner.send_signal(signal.SIGCONT)
        assert owner.wait(30) == 0
    finally:
        owner.kill()
        owner.wait()
    assert list(store.sync.glob("syncd.db.damaged-*"))
    with closing(sqlite3.connect(store.sync / "syncd.db")) as db:
        assert db.execute("SELECT count(*) FROM cursors").fetchone() == (len(made),)
    oracle = Oracle(mlflow_server.url)
    for training in made:
        oracle.check(training.told, tmp_path / "files")
