"""syncd as a person runs it: live runs are there in seconds, every error is one clear line."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

import tracker
from syncd.sinks.mlflow.sink import MlflowSink
from tests.e2e.recording import tracker as asked
from tests.fault.delivering import (
    Oracle,
    Syncd,
    Told,
    environment,
    make_store,
    running,
    syncd,
    wait_for,
)
from tests.servers import MlflowServer, free_port
from tracker.journal import Writer
from tracker.settings import RemoteSettings, add_remote, remove_remote

PROMISED = {"TRACKER_FLUSH_INTERVAL_S": "5", "TRACKER_FLUSH_EVENTS": "100"}
SLACK_S = 3.0
"""For the journal's sync, the request, and the oracle's own look, on a busy machine."""

BLIND = """
import sys, syncd.watch
class Blind:
    daemon = True
    def schedule(self, *_, **__): pass
    def start(self): raise OSError(28, "inotify watch limit reached")
    def is_alive(self): return False
syncd.watch.Observer = Blind
from syncd.cli import main
sys.argv = ["syncd", "run", "--dir", sys.argv[1]]
main()
"""


@pytest.fixture
def project(request):
    return f"{request.node.name[:40]}-{os.getpid()}-{time.time_ns()}"


@pytest.fixture(autouse=True)
def _silent(monkeypatch):
    monkeypatch.setenv("TRACKER_SILENT", "1")


def record(store, project, calls=20):
    """A finished run."""
    run = tracker.init(project, dir=store.root)
    for step in range(calls):
        run.log({"loss": step / 3}, step=step)
    run.finish()
    return Told(run.id, project)


def seen(oracle, told):
    """How many points of a run are at the remote."""
    run = oracle.run(told)
    return len(oracle.points(run)) if run else 0


@pytest.fixture
def silent_server():
    """Takes connections and requests, and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_live_run_is_there_within_five_seconds_or_a_hundred_events(
    mlflow_server, project, tmp_path
):
    """Woken by watchdog: the clock alone would look only once a minute here."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    oracle = Oracle(mlflow_server.url)
    body = """
def batch(first, count):
    for step in range(first, first + count):
        run.log({"loss": step / 3}, step=step)
    run.flush()
    say("logged", first + count, time.time())
batch(0, 1)
time.sleep(2)
batch(1, 3)
time.sleep(7)
batch(4, 200)
time.sleep(60)
"""
    slow = {**PROMISED, "TRACKER_POLL_INTERVAL_S": "60"}
    with Syncd(store, "run", **slow) as process:
        wait_for("syncd to look", (store.sync / "status.json").exists)
        with running(store, project, body, tmp_path) as (_, notes):
            told = Told(notes()[0][1], project)

            def logged(number):
                lines = [words for words in notes() if words[0] == "logged"]
                return float(lines[number][2]) if len(lines) > number else None

            for number, points, limit_s in ((0, 1, 5), (1, 4, 5), (2, 204, 2)):
                at = wait_for("the training to log", lambda n=number: logged(n))
                wait_for(f"{points} points", lambda n=points: seen(oracle, told) >= n)
                assert time.time() - at < limit_s + SLACK_S, number
            assert oracle.run(told).info.status == "RUNNING"
        assert process.stop()[0] == 0


def test_a_backlog_does_not_starve_a_live_run(mlflow_server, project, tmp_path):
    """While six long runs wait, what a running one logs is there in less than 10 s."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    oracle = Oracle(mlflow_server.url)
    backlog = [long_run(store, project, number, 15_000) for number in range(6)]
    with Syncd(store, "run", **PROMISED) as process:
        wait_for("the backlog to move", lambda: any(seen(oracle, told) for told in backlog))
        body = "step = 0\nwhile True:\n    run.log({'loss': step}, step=step)\n"
        body += "    say('logged', step, time.time())\n    step += 1\n    time.sleep(0.5)\n"
        delays = []
        with running(store, f"{project}-live", body, tmp_path) as (_, notes):
            told = Told(notes()[0][1], f"{project}-live")
            for _ in range(3):
                newest = wait_for("a call", lambda: [w for w in notes() if w[0] == "logged"])[-1]
                wait_for("its point", lambda n=newest: seen(oracle, told) > int(n[1]))
                delays.append(time.time() - float(newest[2]))
        waiting = json.loads(syncd(store, "status", "--json")[1])["lanes"]
        process.stop()
    assert max(delays) < 10, delays
    assert sum(lane["pending"] for lane in waiting) > 1000, "there was no backlog to wait behind"


def long_run(store, project, number, points):
    """A finished run with ten points a call."""
    run_id = f"{number:032x}"
    writer = Writer(store.run(run_id), run_id)
    writer.append(16, project, f"long-{number}")
    for step in range(points // 10):
        writer.append(17, step, {f"k{n}": step / 3 for n in range(10)})
    writer.append(22, "finished", 0, None, {})
    writer.close()
    return Told(run_id, project)


def test_polling_delivers_where_inotify_cannot_be_used(mlflow_server, project, tmp_path):
    store = make_store(tmp_path / "store", mlflow_server.url)
    oracle = Oracle(mlflow_server.url)
    process = subprocess.Popen(
        [sys.executable, "-c", BLIND, str(store.root)], env=environment(),
        cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        told = record(store, project)
        wait_for("the run", lambda: seen(oracle, told) == 20)
        wait_for("its end", lambda: oracle.run(told).info.status == "FINISHED")
    finally:
        process.terminate()
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 0, out


@pytest.mark.parametrize("command", ["run", "once"])
def test_sigterm_ends_within_five_seconds_though_a_server_keeps_silent(
    command, silent_server, project, tmp_path
):
    """`run` ends well, as what is pending goes on next time; `once` says that it is not done."""
    store = make_store(tmp_path / "store", silent_server)
    told = record(store, project)
    with Syncd(store, command) as process:
        wait_for("the owner", (store.sync / "syncd.db").exists)
        time.sleep(0.5)  # into the request, which has no other trace
        began = time.monotonic()
        code, out = process.stop()
        assert time.monotonic() - began < 5
    assert code == (0 if command == "run" else 1)
    assert "Traceback" not in out
    code, out = syncd(store, "status", "--json")
    lanes = json.loads(out)["lanes"]
    assert [lane["pending"] for lane in lanes if lane["run"] == told.run_id] == [22]


def test_status_before_and_after(mlflow_server, project, tmp_path):
    """It shows what is pending, makes no file, and after the delivery shows that nothing is."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    told = record(store, project)
    code, out = syncd(store, "status")
    assert (code, out.splitlines()[0]) == (
        0, "lab: 0 runs up to date, 22 events of 1 run pending",
    )  # fmt: skip
    assert told.run_id in out
    assert not list(store.sync.glob("syncd.db*"))
    code, out = syncd(store, "once", "--json")
    assert code == 0
    assert json.loads(out)["pending"] == 0
    assert json.loads(out)["remotes"]["lab"]["events"] == 22
    code, out = syncd(store, "status")
    assert out.splitlines()[0] == "lab: 1 run up to date, 0 events of 0 runs pending"
    assert "syncd: does not run" in out
    code, out = syncd(store, "verify", "--json")
    assert code == 0
    assert json.loads(out)["equal"] is True
    published = json.loads((store.sync / "status.json").read_bytes())["remotes"]
    assert published == {"lab": {"events": 0, "runs": 0, "error": None}}


def test_unreachable_remote_is_said_in_seconds(tmp_path, project):
    """With 50 runs too: the breaker opens, what is left is counted and shown as pending."""
    store = make_store(tmp_path / "store", f"http://127.0.0.1:{free_port()}")
    for _ in range(50):
        record(store, project, calls=1)
    began = time.monotonic()
    quick = {"TRACKER_RETRY_FIRST_S": "0.5", "TRACKER_RETRY_MOST_S": "15"}
    code, out = syncd(store, "once", **quick)
    assert time.monotonic() - began < 12
    assert code == 1
    assert "cannot reach the remote" in out
    assert "pending: 150 events" in out
    code, out = syncd(store, "status")
    assert "150 events of 50 runs pending" in out


def _unknown_kind(store):
    shutil.rmtree(store.sync)
    remove_remote(store, "lab")
    add_remote(store, "other", RemoteSettings("mlflw", "http://127.0.0.1:1"))


def _newer_store(store):
    content = json.loads((store.root / "store.json").read_bytes())
    (store.root / "store.json").write_text(json.dumps({**content, "format": 99}))


def _newer_ledger(store):
    store.sync.mkdir(exist_ok=True)
    with closing(sqlite3.connect(store.sync / "syncd.db")) as db:
        db.execute("PRAGMA user_version=99")
        db.commit()


def _broken_settings(store):
    store.settings.write_text("{not json")


def _unknown_setting(store):
    content = json.loads(store.settings.read_bytes())
    store.settings.write_text(json.dumps({**content, "pol_interval_s": 3}))


def _defect(store):
    """What no code expects: rows that are not ours in a file that is."""
    shutil.rmtree(store.sync)
    store.sync.mkdir()
    with closing(sqlite3.connect(store.sync / "syncd.db")) as db:
        db.execute("CREATE TABLE lanes (x)")
        db.execute("PRAGMA user_version=1")
        db.commit()


WRONG = [
    ("unknown kind", _unknown_kind, ["once"], 2, "unknown kind 'mlflw'"),
    ("unknown kind, a hint", _unknown_kind, ["run"], 2, "Did you mean 'mlflow'?"),
    ("no store", lambda s: (s.root / "store.json").unlink(), ["once"], 1, "there is no store at"),
    ("newer store", _newer_store, ["once"], 1, "has format 99"),
    ("newer syncd.db", _newer_ledger, ["once"], 1, "has format 99"),
    ("newer syncd.db, looked at", _newer_ledger, ["status"], 1, "has format 99"),
    ("broken settings", _broken_settings, ["once"], 1, "settings.json cannot be read"),
    ("unknown setting", _unknown_setting, ["run"], 1, "Did you mean 'poll_interval_s'?"),
    ("unknown run", lambda _: None, ["once", "--run", "nope"], 2, "there is no run 'nope'"),
    ("unknown run, verified", lambda _: None, ["verify", "nope"], 2, "there is no run 'nope'"),
    ("unknown remote", lambda _: None, ["once", "--remote", "x"], 2, "there is no remote 'x'"),
    ("unknown command", lambda _: None, ["nope"], 2, "no command 'nope'. See: syncd --help"),
    ("unknown option", lambda _: None, ["once", "--x"], 2, "See: syncd once --help"),
    ("a defect", _defect, ["status"], 1, "set TRACKER_DEBUG=1 for the trace"),
    ("no remote", lambda s: s.settings.unlink(), ["once"], 2, "tracker remote add"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "command", "code", "text"), [case[1:] for case in WRONG], ids=[w[0] for w in WRONG]
)
def test_wrong_input_is_one_line_and_the_right_code(spoil, command, code, text, tmp_path):
    """It names the thing and the next step, and changes nothing that was recorded."""
    store = make_store(tmp_path / "store", "http://127.0.0.1:1")
    record(store, "p")
    journals = {path: path.read_bytes() for path in store.journals.rglob("*.seg")}
    spoil(store)
    found, out = syncd(store, *command)
    assert (found, len(out.splitlines())) == (code, 1), out
    assert out.startswith("syncd: error: ")
    assert text in out
    assert {path: path.read_bytes() for path in store.journals.rglob("*.seg")} == journals


def test_unauthorized_stops_the_remote_and_says_so(tmp_path, project):
    """One refusal of the credentials is enough: nothing else is asked, all of it stays pending."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer  # noqa: PLC0415 - here only
    from threading import Thread  # noqa: PLC0415

    asked = []

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        store = make_store(tmp_path / "store", f"http://127.0.0.1:{server.server_port}")
        for _ in range(20):
            record(store, project, calls=1)
        code, out = syncd(store, "once")
        server.shutdown()
    assert code == 1
    assert "401" in out
    assert "credentials" in out
    assert len(asked) <= 3
    assert "pending: 60 events" in out


def test_a_server_that_serves_no_files_gets_all_else(tmp_path, project):
    """The run is finished there; files and documents are parked, with the reason."""
    with MlflowServer(tmp_path / "server", serve_artifacts=False) as server:
        store = make_store(tmp_path / "store", server.url)
        (tmp_path / "weights.bin").write_bytes(b"weights")
        run = tracker.init(project, dir=store.root)
        run.log({"loss@1": 1.0}, step=0)
        run.log_artifact(tmp_path / "weights.bin", name="net")
        run.finish()
        code, out = syncd(store, "once")
        assert (code, "2 entries refused for good" in out) == (1, True), out
        oracle = Oracle(server.url)
        told = Told(run.id, project)
        assert oracle.run(told).info.status == "FINISHED"
        assert len(oracle.points(oracle.run(told))) == 1
        _, out = syncd(store, "verify")
        assert "2 entries are parked" in out
        report = json.loads(asked(store.root, "doctor", "--json").stdout)
    todo = {one["area"]: one for one in report["findings"] if one["level"] == "todo"}
    assert "takes no files (--no-serve-artifacts)" in todo["remotes"]["text"]
    assert "--artifacts-destination" in todo["remotes"]["next"]
    assert "then: syncd retry --remote lab" in todo["parked"]["next"]
    assert todo["parked"]["facts"]["entries"] == 2
    _, out = syncd(store, "status")
    assert "0 events" not in out.splitlines()[1]
    assert "    parked: artifact net: net/weights.bin: the MLflow server does not serve" in out
    assert "    parked: documents: tracker/run.json: the MLflow server does not serve" in out
    assert "notes: 1 mapped" in out
    [lane] = json.loads(syncd(store, "status", "--json")[1])["lanes"]
    assert [entry["what"] for entry in lane["refused"]] == ["documents", "artifact net"]
    assert lane["notes"] == [{"what": "mapped", "key": "loss@1", "done": "loss_x40_1"}]


def test_delivered_runs_are_packed_and_a_second_pass_asks_for_nothing(
    mlflow_server, project, tmp_path, monkeypatch
):
    """What was delivered from raw segments reads back equal from packed ones."""
    monkeypatch.setenv("TRACKER_SEGMENT_BYTES", "20000")
    store = make_store(tmp_path / "store", mlflow_server.url)
    with tracker.init(project, dir=store.root) as run:
        for step in range(400):
            run.log({"loss": step / 3, "val/acc": step / 400}, step=step)
    before = sum(path.stat().st_size for path in store.run(run.id).iterdir())
    code, out = syncd(store, "once", "--json")
    assert code == 0, out
    after = sum(path.stat().st_size for path in store.run(run.id).iterdir())
    assert after < before / 2, (before, after)
    code, out = syncd(store, "once", "--json")
    lab = json.loads(out)["remotes"]["lab"]
    assert (code, lab["events"], lab["data_requests"]) == (0, 0, 0), out
    code, out = syncd(store, "verify")
    assert code == 0, out


def test_a_backlog_goes_in_batches_as_large_as_the_platform_takes(mlflow_server, project, tmp_path):
    """Not as it was logged, a call at a time: as few requests as MLflow's limits let it be."""
    store = make_store(tmp_path / "store", mlflow_server.url)
    points = 20_000
    told = long_run(store, project, 1, points)
    code, out = syncd(store, "once", "--json")
    assert code == 0, out
    lab = json.loads(out)["remotes"]["lab"]
    assert lab["counts"]["points"] == points
    full = points / MlflowSink.limits.points
    assert full <= lab["data_requests"] <= full + 6  # its beginning, end and documents
    assert lab["requests"] - lab["data_requests"] < 12
    assert seen(Oracle(mlflow_server.url), told) == points
