"""A store on a network file system without locks: a node writes, login nodes deliver in turn."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from tests.fault.delivering import Oracle, Told, environment, make_store, wait_for

HOST = """
import sys
from pathlib import Path
from tracker import filesystem
from tracker.journal import liveness, writer
from syncd import lease
name, filesystem.MOUNTS = sys.argv[1], Path(sys.argv[2])
liveness.host = lease.host = lease.kernel = lambda: name
liveness.hold = lambda fd: False
liveness.held = lambda path: None
liveness.SILENT_S, writer.BEAT_S = 4.0, 0.2
"""
"""What makes a process one of another host: name, kernel, and a file system without locks."""

SYNCD = """
from syncd.cli import main
sys.argv = ["syncd", *sys.argv[3:]]
main()
"""

TRAINING = """
import os, time, tracker
run = tracker.init(sys.argv[3], dir=sys.argv[4])
notes = os.open(sys.argv[5], os.O_CREAT | os.O_APPEND | os.O_WRONLY)
os.write(notes, f"run {run.id}\\n".encode())
for step in range(10**9):
    run.log({"loss": step / 7}, step=step)
    os.write(notes, f"logged {step}\\n".encode())
    time.sleep(0.02)
"""


class Cluster:
    """Hosts that see one folder, which each takes for NFS."""

    def __init__(self, folder):
        self.folder = folder
        self.mounts = folder / "mounts"
        line = "36 35 98:0 / {} rw shared:1 - {} server:/export rw\n"
        self.mounts.write_text(line.format("/", "ext4") + line.format(folder / "store", "nfs4"))

    @contextmanager
    def on(self, host, program, *arguments):
        """A process on a host, which has a local disk of its own."""
        state = self.folder / f"disk of {host}"
        process = subprocess.Popen(
            [sys.executable, "-c", HOST + program, host, str(self.mounts), *map(str, arguments)],
            env=environment(XDG_STATE_HOME=str(state)), cwd=Path(__file__).parents[2], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def syncd(self, host, *arguments):
        """Run a command of syncd on a host to its end."""
        with self.on(host, SYNCD, *arguments, "--dir", self.folder / "store") as process:
            out, _ = process.communicate(timeout=60)
            return process.returncode, out


def test_login_nodes_deliver_in_turn_what_a_node_writes(mlflow_server, tmp_path):
    """One is killed and the other takes over by the lease; the node's death shows by its heartbeat.

    The first one's syncd.db is older then than what the remote has: nothing is sent again from it.
    """
    cluster, project = Cluster(tmp_path), f"shared-{os.getpid()}-{time.time_ns()}"
    store, notes = make_store(tmp_path / "store", mlflow_server.url), tmp_path / "notes"
    oracle = Oracle(mlflow_server.url)
    serve = ("run", "--wait", "--dir", store.root)
    words = lambda: [line.split() for line in notes.read_text().splitlines()]  # noqa: E731 - a word
    with cluster.on("node7", TRAINING, project, store.root, notes) as training:
        wait_for("the training", lambda: notes.exists() and len(words()) > 2)
        told = Told(words()[0][1], project)
        there = lambda: len(oracle.points(run)) if (run := oracle.run(told)) else 0  # noqa: E731
        with cluster.on("login1", SYNCD, *serve) as first:
            wait_for("the first to deliver", there)
            with cluster.on("login2", SYNCD, *serve) as second:
                assert "on login1" in second.stdout.readline()
                first.send_signal(signal.SIGKILL)
                first.wait()
                before = there()
                wait_for("the second to deliver", lambda: there() > before)
                assert oracle.run(told).info.status == "RUNNING"
                training.kill()
                training.wait()
                wait_for("its end", lambda: oracle.run(told).info.status == "KILLED")
                second.send_signal(signal.SIGTERM)
                assert second.wait(15) == 0
    code, out = cluster.syncd("login1", "once", "--json")
    assert code == 0, out
    delivered = json.loads(out)
    assert (delivered["pending"], delivered["remotes"]["lab"]["counts"].get("points", 0)) == (0, 0)
    returned = [int(number) for word, number in words() if word == "logged"]
    steps = sorted(step for _, step, _, _ in oracle.points(oracle.run(told)))
    assert steps in (returned, [*returned, len(returned)])  # the call under way may be there
    assert not list(store.root.rglob("*.db*"))
    assert len(list(tmp_path.glob("disk of login*/tracker/stores/*/syncd.db"))) == 2
