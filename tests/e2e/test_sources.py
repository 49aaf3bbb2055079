"""A folder of W&B runs that a real `syncd run` follows, from the real client to a real MLflow."""

import json
import os
import time
from types import SimpleNamespace

from tests import wandb_client
from tests.fault.delivering import Oracle, Syncd, make_store, overview, wait_for
from tests.unit.syncd.telemetry.watching import lines

TRAINING = """
import sys, wandb
run = wandb.init(project=sys.argv[1], id="followed", settings=wandb.Settings(x_disable_stats=True))
step = 0
for line in sys.stdin:
    for _ in range(int(line)):
        run.log({"loss": float(step), "long": "x" * 2000}, step=step)
        step += 1
run.finish()
"""


def say(client, rows):
    client.stdin.write(f"{rows}\n")
    client.stdin.flush()


def test_what_a_client_writes_arrives_without_any_command(mlflow_server, tmp_path):
    """While it trains and to its end, each row once; a folder that is not there is told once."""
    project = f"followed-{os.getpid()}-{time.time_ns()}"
    store = make_store(tmp_path / "store", mlflow_server.url)
    absent, oracle = tmp_path / "absent", Oracle(mlflow_server.url)
    followed = SimpleNamespace(run_id="followed", project=project)
    content = json.loads(store.settings.read_bytes())
    content["sources"] = [str(tmp_path / "work" / "wandb"), str(absent)]
    store.settings.write_text(json.dumps(content))

    def steps():
        run = oracle.run(followed)
        return sorted(step for _, step, _, _ in oracle.points(run)) if run else []

    with (
        Syncd(store, "run") as syncd,
        wandb_client.start(tmp_path / "work", TRAINING, project) as client,
    ):
        try:
            say(client, 60)
            wait_for("rows while it trains", lambda: len(steps()) >= 20)
            assert oracle.run(followed).info.status == "RUNNING"
            wait_for("the trouble", lambda: overview(store).sources.keys() == {str(absent)})
            say(client, 40)
            client.communicate(timeout=60)
            wait_for("its end", lambda: oracle.run(followed).info.status == "FINISHED")
            code, out = syncd.stop()
        finally:
            client.kill()
    assert code == 0, out
    assert steps() == list(range(100))
    told = [line for line in lines(store) if f"source {absent}: " in json.dumps(line)]
    assert len(told) == 1
