"""Servers that are away, owners, dead trainings, copies of a store: each run arrives once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import time
from contextlib import closing

import pytest

from tests.doubles.fault_proxy import FaultProxy
from tests.fault.delivering import (
    MS,
    Clock,
    Oracle,
    Told,
    Training,
    differences,
    make_store,
    overview,
    running,
    wait_for,
)
from tests.fault.forked import Syncd, syncd
from tests.servers import free_port
from tracker.settings import add_remote, remove_remote
from tracker.store import StoreFolder

SLACK_S = 5.0
"""For the start of a process and its delivery, on a busy machine."""

SEED = int(os.environ.get("DELIVERY_SEED", "0")) or time.time_ns() % 10**9


@pytest.fixture
def clock(monkeypatch):
    print(f"seed {SEED}")  # noqa: T201 - to replay
    monkeypatch.setenv("TRACKER_SILENT", "1")
    return Clock(monkeypatch)


@pytest.fixture
def project(request):
    return f"{request.node.name[:40]}-{SEED}-{os.getpid()}"


def lane(store, run_id):
    """What `syncd status` says of a run."""
    return next(lane.as_dict() for lane in overview(store).lanes if lane.run == run_id)


def move_remote(store, url):
    """Give the remote another address."""
    from tracker.settings import RemoteSettings  # noqa: PLC0415 - here only

    remove_remote(store, "lab")
    add_remote(store, "lab", RemoteSettings("mlflow", url))


def test_server_absent_for_the_whole_training(mlflow_server, clock, project, tmp_path):
    """Nobody listens while it trains: training is as fast as without, all is delivered later."""
    alone = make_store(tmp_path / "alone", "http://127.0.0.1:9")
    absent = make_store(tmp_path / "absent", f"http://127.0.0.1:{free_port()}")
    calls = 3000

    def train(store):
        training = Training(store, project, SEED, clock)
        began = time.perf_counter()
        training.log(calls)
        seconds = time.perf_counter() - began
        training.finish()
        return training, seconds

    _, without = train(alone)
    with Syncd(absent, "run") as process:
        wait_for("syncd to look", (absent.sync / "status.json").exists)
        training, seconds = train(absent)
        wait_for("an error to be shown", lambda: lane(absent, training.told.run_id)["error"])
        assert process.stop()[0] == 0
    # Two cores are shared with syncd here; waiting for a network would cost seconds.
    assert seconds < 3 * without + 0.5
    move_remote(absent, mlflow_server.url)
    assert syncd(absent, "once")[0] == 0
    Oracle(mlflow_server.url).check(training.told, tmp_path / "files")


def test_two_on_one_store(mlflow_server, clock, project, tmp_path):
    """The second is told who serves the store; once that one is killed the next takes over."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    training = Training(store, project, SEED, clock)
    with Syncd(store, "run") as first:
        wait_for("the first to serve", lambda: Oracle(mlflow_server.url).runs(project))
        for command in ("run", "once", "retry"):
            code, out = syncd(store, command)
            assert code == 4
            assert f"pid {first.process.pid}" in out
            assert len(out.splitlines()) == 1
        first.kill()
        training.log(30)
        training.finish()
        began = time.monotonic()
        assert syncd(store, "once")[0] == 0
        assert time.monotonic() - began < 5 + SLACK_S
    Oracle(mlflow_server.url).check(training.told, tmp_path / "files")


def test_training_is_killed(mlflow_server, project, tmp_path):
    """A SIGKILLed training becomes KILLED at the remote, with every call that had returned."""
    print(f"seed {SEED}")  # noqa: T201 - to replay
    store = make_store(tmp_path / "store", mlflow_server.url)
    oracle = Oracle(mlflow_server.url)
    body = """
step = 0
while True:
    run.log({"loss": step / 7}, step=step)
    say("logged", step)
    step += 1
    time.sleep(0.002)
"""
    with Syncd(store, "run") as process, running(store, project, body, tmp_path) as (child, notes):
        told = Told(notes()[0][1], project)
        remote = wait_for("the live run at the remote", lambda: oracle.run(told))
        assert remote.info.status == "RUNNING"
        wait_for("points of the live run", lambda: oracle.points(oracle.run(told)))
        child.send_signal(signal.SIGKILL)
        child.wait()
        wait_for("its end at the remote", lambda: oracle.run(told).info.status == "KILLED")
        assert process.stop()[0] == 0
    returned = [int(words[1]) for words in notes() if words[0] == "logged"]
    there = sorted(step for _, step, _, _ in oracle.points(oracle.run(told)))
    # The call under way may have been written, or not.
    assert there in (returned, [*returned, len(returned)])
    assert oracle.run(told).data.tags["tracker.status"] == "crashed"
    assert lane(store, told.run_id)["pending"] == 0


def test_copy_of_a_store_is_delivered_too(mlflow_server, clock, project, tmp_path):
    """A store and its older copy, delivered in turn, double nothing; the older one ends nothing."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    oracle = Oracle(mlflow_server.url)
    done = Training(store, project, SEED, clock)
    done.log(200)
    done.keep(tmp_path / "files-of-it", "model")
    done.finish()
    going = Training(store, project, SEED + 1, clock)
    going.log(150)
    assert going.run.flush()
    assert syncd(store, "once")[0] == 0
    going.log(40)
    assert going.run.flush()
    shutil.copytree(store.root, tmp_path / "copy")
    going.log(100)
    going.finish()
    assert syncd(store, "once")[0] == 0
    for place in (tmp_path / "copy", store.root, tmp_path / "copy"):
        code, out = syncd(place, "once", "--json")
        assert code == 0, out
        assert json.loads(out)["remotes"]["lab"]["counts"].get("points", 0) == 0
        for training in (done, going):
            oracle.check(training.told, tmp_path / "seen" / str(time.monotonic_ns()))
    assert len(oracle.runs(project)) == 2


def test_both_copies_of_a_store_go_on(mlflow_server, clock, project, tmp_path):
    """Each delivers its own, says that there is more elsewhere, and ends nothing; they meet."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    oracle = Oracle(mlflow_server.url)
    first = Training(store, project, SEED, clock)
    first.log(50)
    first.run.finish()
    assert syncd(store, "once")[0] == 0
    copy = StoreFolder.open(shutil.copytree(store.root, tmp_path / "copy"))
    for number, place in enumerate((store, copy)):
        clock.move(MS)
        again = Training(place, project, SEED + 1 + number, clock, first.told)
        again.log(30 + 10 * number)
        again.finish()
        code, out = syncd(place, "once")
        assert code == 0, out
    assert "another copy of this store delivered" in out
    assert lane(copy, first.told.run_id)["elsewhere"] >= 30
    assert lane(store, first.told.run_id)["elsewhere"] == 0  # it ended before the copy went on
    again = Training(store, project, SEED + 3, clock, first.told)
    again.log(5)
    assert again.run.flush()
    with closing(sqlite3.connect(store.ledger)) as db, db:
        db.execute("UPDATE lanes SET looked_up_at = 0")  # as after half an hour
    assert syncd(store, "once")[0] == 0
    again.finish()
    code, out = syncd(store, "status")
    assert lane(store, first.told.run_id)["elsewhere"] >= 40
    assert "went on in two copies" in out
    assert json.loads((store.sync / "status.json").read_bytes())["elsewhere"] == {"lab": 1}
    for one, other in ((store, copy), (copy, store)):
        shutil.copytree(one.journals, other.journals, dirs_exist_ok=True)
    for place in (copy, store):
        code, out = syncd(place, "once")
        assert code == 0, out
        assert lane(place, first.told.run_id)["elsewhere"] == 0
    oracle.check(again.told, tmp_path / "files")


def test_run_is_resumed_after_its_end(mlflow_server, clock, project, tmp_path):
    """A finished run that goes on is RUNNING again, then ends anew with its documents renewed."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    oracle = Oracle(mlflow_server.url)
    first = Training(store, project, SEED, clock)
    first.log(20)
    first.finish(exit_code=3)
    with Syncd(store, "run") as process:
        wait_for("its first end", lambda: _status(oracle, first.told) == "FAILED")
        clock.move(3_000 * MS)
        again = Training(store, project, SEED + 1, clock, first.told)
        wait_for("RUNNING again", lambda: _status(oracle, first.told) == "RUNNING")
        again.log(10)
        again.configure(lr=0.5)
        again.finish()
        wait_for("its second end", lambda: _status(oracle, first.told) == "FINISHED")
        assert process.stop()[0] == 0
    oracle.check(again.told, tmp_path / "files")
    told = oracle.document(again.told, tmp_path / "document")
    assert told["config"] == {"lr": 0.5}
    assert len(told["writers"]) == 2


def _status(oracle, told):
    run = oracle.run(told)
    return run and run.info.status


def test_refused_run_holds_up_nobody(mlflow_server, clock, project, tmp_path):
    """A batch refused for good is parked and shown; the rest of the run and all others arrive."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    oracle = Oracle(mlflow_server.url)
    good = [Training(store, project, SEED + n, clock) for n in range(2)]
    bad = Training(store, project, SEED + 9, clock)
    bad.log(5)
    now, clock.ns = clock.ns, -7_000 * MS
    bad.run.log({"loss": 1.5}, step=0)
    clock.ns = now
    bad.log(30)
    for training in (*good, bad):
        training.log(30)
        training.finish()
    code, out = syncd(store, "once")
    assert code == 1
    assert "refused for good" in out
    for training in good:
        oracle.check(training.told, tmp_path / "files")
    assert differences(bad.told.points, oracle.points(oracle.run(bad.told))) == []
    assert lane(store, bad.told.run_id)["parked"] > 0
    code, out = syncd(store, "retry")
    assert code == 1
    assert "still parked" in out
    assert lane(store, bad.told.run_id)["parked"] > 0


def test_deleted_experiment_holds_up_nobody(mlflow_server, clock, project, tmp_path):
    """Runs of a deleted experiment wait and say why; restored, `retry` delivers them at once."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    oracle = Oracle(mlflow_server.url)
    hidden = Training(store, f"{project}-gone", SEED, clock)
    hidden.log(20)
    assert hidden.run.flush()
    assert syncd(store, "once")[0] == 0
    experiment = oracle.client.get_experiment_by_name(f"{project}-gone").experiment_id
    oracle.client.delete_experiment(experiment)
    hidden.log(200)
    hidden.finish()
    never = Training(store, f"{project}-gone", SEED + 1, clock)
    never.log(20)
    never.finish()
    other = Training(store, project, SEED + 2, clock)
    other.log(200)
    other.finish()
    code, out = syncd(store, "once")
    assert code == 1
    assert "deleted" in out
    oracle.check(other.told, tmp_path / "files")
    for training in (hidden, never):
        seen = lane(store, training.told.run_id)
        assert seen["pending"] > 0
        assert "deleted" in seen["error"]
    oracle.client.restore_experiment(experiment)
    code, out = syncd(store, "retry")
    assert code == 0, out
    for training in (hidden, never):
        oracle.check(training.told, tmp_path / "files")


def test_artifact_that_was_refused_is_put_later(mlflow_server, clock, project, tmp_path):
    """An artifact whose content is away is parked, not passed over; once it is back it is put."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    oracle = Oracle(mlflow_server.url)
    training = Training(store, project, SEED, clock)
    training.log(5)
    training.keep(tmp_path / "a", "model")
    blobs = store.blobs.rename(tmp_path / "away")
    training.log(5)
    training.finish()
    syncd(store, "once")
    assert lane(store, training.told.run_id)["parked"] == 1
    shutil.rmtree(store.blobs, ignore_errors=True)
    blobs.rename(store.blobs)
    for file in store.sync.glob("syncd.db*"):
        file.unlink()
    code, out = syncd(store, "once")
    assert code == 0, out
    oracle.check(training.told, tmp_path / "files")


def test_remote_that_was_emptied_gets_all_again(start_mlflow, clock, tmp_path):
    """A server that lost its database gets each run whole again, files and all journals too."""
    old, new = start_mlflow(), start_mlflow()
    with FaultProxy(old.url, SEED) as before, FaultProxy(new.url, SEED) as after:
        store = make_store(tmp_path / "store", before.url)
        first = Training(store, "emptied", SEED, clock)
        first.log(30)
        first.keep(tmp_path / "a", "model")
        first.finish()
        clock.move(MS)
        training = Training(store, "emptied", SEED + 1, clock, first.told)
        training.log(30)
        assert training.run.flush()
        assert syncd(store, "once")[0] == 0
        before._target = after._target
        training.log(30)
        training.finish()
        syncd(store, "once")  # finds out that the run is gone
        code, out = syncd(store, "once")
        assert code == 0, out
    Oracle(new.url).check(training.told, tmp_path / "files")
