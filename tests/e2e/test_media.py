"""Media, console and measures of the machine on a real server, read back and compared."""

from __future__ import annotations

import json
import os
import time

import mlflow
import pytest

import tracker
from tests.fault.delivering import Oracle, Told, make_store, syncd


@pytest.fixture
def project(request):
    return f"{request.node.name[:40]}-{os.getpid()}-{time.time_ns()}"


def test_they_are_there_once_and_verified_also_after_the_loss_of_syncd_db(
    mlflow_server, project, tmp_path, monkeypatch
):
    """Small files from a pack, a large one from a blob, and a key that is no path."""
    monkeypatch.setenv("TRACKER_SILENT", "1")
    store = make_store(tmp_path / "store", mlflow_server.url)
    with tracker.init(project, dir=store.root) as run:
        for step in range(5):
            run.log_media("eval/img", "image", [("a.png", b"%d" % step)], {"n": step}, step=step)
            run.log_system({"cpu": 10.0 * step})
        run.log_media("../odd#key", "video", [("v.mp4", b"v" * 300_000)], step=7)
        run.log_console("hello\nworld\n")
    for lose in (False, True):
        if lose:
            for file in store.sync.glob("syncd.db*"):
                file.unlink()
        code, said = syncd(store, "once")
        assert code == 0, said
        code, said = syncd(store, "verify", "--json")
        assert code == 0, said
    found = Oracle(mlflow_server.url).run(Told(run.id, project))
    client = mlflow.MlflowClient(mlflow_server.url)
    history = client.get_metric_history(found.info.run_id, "system/cpu")
    assert sorted(point.value for point in history) == [0.0, 10.0, 20.0, 30.0, 40.0]
    images = client.list_artifacts(found.info.run_id, "media/eval/img")
    assert len(images) == 5
    place = client.download_artifacts(found.info.run_id, "tracker", str(tmp_path))
    with open(f"{place}/media.jsonl", encoding="utf-8") as lines:  # noqa: PTH123 - mlflow's path
        told = [json.loads(line) for line in lines]
    assert [line[4] for line in told] == ["eval/img"] * 5 + ["../odd#key"]
    assert told[3][6] == {"n": 3}
