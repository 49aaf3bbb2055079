"""What a real syncd tells while it delivers: metrics, log lines, and how well it is off."""

from __future__ import annotations

import json
import os
import time
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

import tracker
from tests.doubles.collector import Collector
from tests.doubles.doorman import Doorman
from tests.fault.delivering import Syncd, make_store, syncd, wait_for
from tests.fault.small_disk import on_small_disk
from tests.servers import free_port
from tests.unit.syncd.telemetry.watching import lines

SECRET = "s3cret-of-ada"  # noqa: S105 - of a server of the test's own


@pytest.fixture(autouse=True)
def _silent(monkeypatch):
    monkeypatch.setenv("TRACKER_SILENT", "1")


def record(store, project, calls=5):
    run = tracker.init(project, dir=store.root)
    for step in range(calls):
        run.log({"loss": step / 3}, step=step)
    run.finish()
    return run.id


class Scraper:
    """Asks a syncd on a free port; values by sample name and labels but remote and platform."""

    def __init__(self):
        self.port = free_port()
        self.env = {"TRACKER_METRICS_PORT": str(self.port)}

    def __call__(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as at:
                text = at.read().decode()
        except OSError:
            return {}
        found = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                extra = [v for k, v in sample.labels.items() if k not in ("remote", "platform")]
                if not extra or sample.name == "syncd_lanes":
                    found[" ".join([sample.name, *extra])] = sample.value
        return found


def events(store):
    return [line["event"] for line in lines(store)]


def line(store, event):
    return next((line for line in lines(store) if line["event"] == event), None)


def test_a_delivery_is_seen_in_metrics_log_and_traces(mlflow_server, tmp_path):
    """One artifact is put, one is parked as its content is gone; then the runs are compared."""
    project = f"watched-{os.getpid()}-{time.time_ns()}"
    store = make_store(tmp_path / "store", mlflow_server.url)
    (tmp_path / "net.bin").write_bytes(b"w" * 2000)
    (tmp_path / "gone.bin").write_bytes(b"gone")
    with tracker.init(project, dir=store.root) as run:
        run.log({"loss": 0.5})
        run.log_artifact(tmp_path / "net.bin", name="net", type="model")
        run.log_artifact(tmp_path / "gone.bin", name="gone")
    for blob in store.blobs.rglob("*"):
        if blob.is_file() and blob.read_bytes() == b"gone":
            blob.unlink()
    scrape = Scraper()
    with Collector().serves() as collector:
        traced = {"TRACKER_TRACE_ENDPOINT": collector.url, "TRACKER_TRACE_SHARE": "1"}
        traced["OTEL_BSP_SCHEDULE_DELAY"] = "200"
        with Syncd(store, "run", **scrape.env, **traced) as process:
            wait_for("the run", lambda: scrape().get("syncd_lanes settled") == 1)
            syncd(store, "verify")
            found = scrape()
            wait_for("the spans", collector.spans, 15)
            code, out = process.stop()
    expected = {
        "experiments_logged_total": 1, "models_registered_total": 1, "runs_compared_total": 1,
        "tracking_latency_ms_count": 1, "artifact_upload_size_bytes_sum": 2000,
        "syncd_pending_events": 0, "syncd_oldest_pending_age_s": 0, "syncd_parked": 1,
        "syncd_breaker_state": 0, "syncd_remote_stopped": 0, "syncd_degradation_level": 0,
        "syncd_lanes open": 0,
    }  # fmt: skip
    assert {name: found.get(name) for name in expected} == expected
    assert found["tracking_latency_ms_sum"] > 0
    assert events(store) == [
        "run_started", "metrics_logged", "artifact_cached", "artifact_cached", "upload_failed",
    ]  # fmt: skip
    for told in lines(store):
        assert (told["experiment_id"], told["run_id"]) == (project, run.id)
        assert (told["platform"], told["remote"]) == ("mlflow", "lab")
    assert line(store, "metrics_logged")["counts"]["points"] == 1
    assert line(store, "upload_failed")["what"] == "artifact gone"
    check_spans(collector.spans(), run.id)
    assert code == 0
    assert "upload_failed: artifact gone: the content of gone/gone.bin" in out


def check_spans(spans, run_id):
    """The batch is one span, the requests that carried it are below it."""
    [batch] = [span for span in spans if span.name == "batch"]
    about = {entry.key: entry.value for entry in batch.attributes}
    assert (about["run_id"].string_value, about["events"].int_value) == (run_id, 5)
    below = [span for span in spans if span.parent_span_id == batch.span_id]
    assert {span.name for span in below} == {"request"}
    paths = [e.value.string_value for span in below for e in span.attributes if e.key == "path"]
    assert "/api/2.0/mlflow/runs/log-batch" in paths


def test_refused_credentials_are_told_once_and_never_shown(tmp_path):
    """Though the server repeats them in its answer; a level of 1 says that nothing goes there."""
    with Doorman("nobody", echo=True).serves() as door:
        store = make_store(tmp_path / "store", door.url)
        for _ in range(3):
            record(store, "p")
        scrape = Scraper()
        token = {"TRACKER_REMOTE_LAB_TOKEN": SECRET, "TRACKER_SLOW_RETRY_S": "300"}
        with Syncd(store, "run", **scrape.env, **token) as process:
            wait_for("the stop", lambda: scrape().get("syncd_remote_stopped") == 1)
            wait_for("the level", lambda: scrape().get("syncd_degradation_level") == 1)
            _, out = process.stop()
    assert events(store) == ["auth_failed", "degradation_changed"]
    assert line(store, "auth_failed")["level"] == "ERROR"
    assert "answered 401: you are Bearer ***" in line(store, "auth_failed")["error"]
    assert line(store, "degradation_changed")["away"] == ["lab"]
    assert out.count("auth_failed") == 1
    assert SECRET not in out + (store.sync / "syncd.log").read_text()
    _, out = syncd(store, "status")
    assert out.startswith("degradation level 1: remotes unreachable, recording goes on\n")


def test_a_server_that_is_away_is_told_as_the_breaker_opens(tmp_path):
    """Level 1, and 2 once enough waits for it."""
    store = make_store(tmp_path / "store", f"http://127.0.0.1:{free_port()}")
    record(store, "p")
    scrape = Scraper()
    few = {"TRACKER_BACKLOG_EVENTS": "20", "TRACKER_BREAKER_PAUSE_S": "60"}
    with Syncd(store, "run", **scrape.env, **few) as process:
        wait_for("level 1", lambda: scrape().get("syncd_degradation_level") == 1)
        for _ in range(5):
            record(store, "p")
        wait_for("level 2", lambda: scrape().get("syncd_degradation_level") == 2)
        wait_for("all runs", lambda: scrape().get("syncd_pending_events") == 6 * 7)
        found = scrape()
        process.stop()
    assert 0 < found["syncd_oldest_pending_age_s"] < 120
    assert found["syncd_breaker_state"] in (1, 2)
    assert found["syncd_lanes delayed"] >= 1
    unavailable = line(store, "tracking_unavailable")
    assert (unavailable["level"], unavailable["remote"]) == ("ERROR", "lab")
    assert "cannot reach the remote" in unavailable["error"]
    delayed = line(store, "sync_delayed")
    assert (delayed["level"], delayed["experiment_id"]) == ("WARN", "p")
    levels = [told["now"] for told in lines(store) if told["event"] == "degradation_changed"]
    assert levels == [1, 2]
    status = json.loads(syncd(store, "status", "--json", **few)[1])
    assert (status["degradation_level"], len(status["lanes"])) == (2, 6)


def test_nothing_that_can_be_delivered_is_fatal(tmp_path):
    """In the log of `once` too."""
    store = make_store(tmp_path / "store", "http://127.0.0.1:1")
    content = json.loads(store.settings.read_bytes())
    content["remotes"]["lab"]["kind"] = "mlflw"
    store.settings.write_text(json.dumps(content))
    code, out = syncd(store, "once")
    assert (code, len(out.splitlines())) == (2, 1)
    [told] = lines(store)
    assert (told["event"], told["level"]) == ("tracking_unavailable", "FATAL")
    assert "unknown kind 'mlflw'" in told["error"]


def test_a_nearly_full_disk_is_level_3_until_there_is_room_again(tmp_path):
    """Artifacts are left out and counted, scalars and the run's life are recorded."""
    found = on_small_disk(tmp_path, """
        import json, subprocess
        def level():
            command = [sys.executable, "-m", "syncd", "status", "--json"]
            done = subprocess.run(command, capture_output=True, check=True)
            return json.loads(done.stdout)["degradation_level"]
        model = disk.path.parent / "model.bin"
        model.write_bytes(b"m" * 100_000)
        story = Story()
        kept, levels = [], []
        for fill in (False, True, False):
            disk.put(3_000_000) if fill else disk.free()
            levels.append(level())
            kept.append(story.run.log_artifact(model, name=f"model{len(kept)}") is not None)
            story.log(10)
        disk.put(3_000_000)
        story.run.finish()
        tell(kept_artifacts=kept, levels=levels, **story.told())
    """, "size=4m", TRACKER_STORAGE_LOW_BYTES="2000000")  # fmt: skip
    assert found["kept_artifacts"] == [True, False, True]
    assert found["levels"] == [0, 3, 0]
    assert found["artifacts"] == ["model0", "model2"]
    assert found["values"] == list(range(30))
    assert found["finish"] == [["finished", {"artifacts": 1}]]
    assert (
        "artifact 'model1': its 100,000 bytes were not kept, as the store's disk is"
        in found["said"]
    )
    assert "not kept: 1 artifacts\n" in found["said"]
    assert "is nearly full (degradation level 3): until there is room" in found["said"]
