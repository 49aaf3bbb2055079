"""`tracker import mlflow` and `tensorboard`, by command and by a real syncd, to a real server."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from types import SimpleNamespace

import pytest
from tensorboardX import SummaryWriter

from tests.e2e.recording import refused, strict, tracker
from tests.fault.delivering import Oracle, Syncd, make_store, overview, wait_for

RUN = """artifact_uri: ''
end_time: {end}
lifecycle_stage: active
run_id: {run}
run_name: growing
start_time: 1700000000000
status: {status}
user_id: ann
"""


def write_run(folder, run_id, points, *, ended):
    """A run as MLflow's file store has it, with so many points."""
    metrics = folder / "1" / run_id / "metrics"
    metrics.mkdir(parents=True, exist_ok=True)
    (folder / "1" / "meta.yaml").write_text(f"experiment_id: '1'\nname: {folder.parent.name}\n")
    lines = [f"{1_700_000_000_000 + n} {n / 4} {n}\n" for n in range(points)]
    (metrics / "loss").write_text("".join(lines))
    end, status = (1_700_000_009_000, 3) if ended else ("null", 1)
    meta = RUN.format(run=run_id, end=end, status=status)
    (metrics.parent / "meta.yaml").write_text(meta)


def test_sources_of_mlflow_and_tensorboard_arrive_at_a_server(mlflow_server, tmp_path):
    """While they grow and to their end, each point once, by syncd alone."""
    work = tmp_path / f"project-{os.getpid()}-{time.time_ns()}"
    run_id = os.urandom(16).hex()
    store = make_store(tmp_path / "store", mlflow_server.url)
    content = json.loads(store.settings.read_bytes())
    sources = [f"mlflow={work / 'mlruns'}", f"tensorboard={work}"]
    store.settings.write_text(json.dumps(content | {"sources": sources}))
    write_run(work / "mlruns", run_id, 20, ended=False)
    with SummaryWriter(str(work / "board")) as writer:
        for step in range(30):
            writer.add_scalar("acc", step / 2, step)
    oracle, mine = Oracle(mlflow_server.url), SimpleNamespace(run_id=run_id, project=work.name)

    def steps():
        run = oracle.run(mine)
        return sorted(step for _, step, _, _ in oracle.points(run)) if run else []

    with Syncd(store, "run") as syncd:
        wait_for("the first points", lambda: len(steps()) == 20)
        assert oracle.run(mine).info.status == "RUNNING"
        write_run(work / "mlruns", run_id, 35, ended=True)
        wait_for("its end", lambda: oracle.run(mine).info.status == "FINISHED")
        wait_for("the board", lambda: len(overview(store).lanes) == 2)
        code, out = syncd.stop()
    assert code == 0, out
    assert steps() == list(range(35))
    run = oracle.run(mine)
    assert (run.info.start_time, run.info.end_time) == (1_700_000_000_000, 1_700_000_009_000)
    assert {value for *_, value in oracle.points(run)} == {n / 4 for n in range(35)}


def test_what_was_found_is_said(tmp_path):
    """In words and as JSON; damage has its exit code, and what is no store is refused."""
    store, runs = tmp_path / "store", tmp_path / "w" / "mlruns"
    write_run(runs, "a" * 32, 5, ended=True)
    done = tracker(store, "import", "mlflow", str(runs))
    assert (done.returncode, "5 records taken; finished" in done.stdout) == (0, True), done.stderr
    (runs / "1" / ("a" * 32) / "metrics" / "loss").write_text("1 2 3\nx\n" * 6)
    done = tracker(store, "import", "mlflow", str(runs), "--json")
    assert done.returncode == 3
    (run,) = strict(done.stdout)["runs"]
    assert {lost["file"] for lost in run["lost"]} == {"metrics/loss"}
    with sqlite3.connect(tmp_path / "other.db") as database:
        database.execute("CREATE TABLE t (x)")
    refused(tracker(store, "import", "mlflow", str(tmp_path / "other.db")), 2, "none of MLflow")
    (tmp_path / "text").write_text("no database")
    refused(tracker(store, "import", "mlflow", str(tmp_path / "text")), 2, "no SQLite database")
    for tool, what in (("mlflow", "no MLflow run"), ("tensorboard", "no event file")):
        (tmp_path / tool).mkdir()
        refused(tracker(store, "import", tool, str(tmp_path / tool)), 2, what)
        refused(tracker(store, "import", tool, str(tmp_path / "nowhere")), 2, "not there")


@pytest.mark.parametrize("tool", ["mlflow", "tensorboard"])
def test_the_command_loads_none_of_their_packages(tmp_path, tool):
    """They are not needed, and would cost a second."""
    for name in ("mlflow", "tensorflow", "tensorboard", "google", "yaml", "wandb"):
        (tmp_path / f"{name}.py").write_text("raise AssertionError('not to be loaded')")
    work = tmp_path / "w"
    write_run(work / "mlruns", "b" * 32, 5, ended=True)
    with SummaryWriter(str(work / "board")) as writer:
        writer.add_scalar("x", 1.0, 0)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    done = tracker(tmp_path / "store", "import", tool, str(work), PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
