"""What Prometheus is told: exact, cheap, on the loopback address, and never in the way."""

from __future__ import annotations

import socket
import sqlite3
import time
import urllib.request
from contextlib import closing

import msgspec
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from syncd.cursors import Queue
from syncd.database import Database
from syncd.ledger import Ledger
from syncd.telemetry import What, Where
from syncd.telemetry.metrics import Metrics
from syncd.telemetry.standing import RemoteStanding, Standing
from syncd.telemetry.telemetry import Telemetry
from tests.servers import free_port
from tracker import usage
from tracker.settings import Settings
from tracker.store import StoreFolder

LANE = Where("lab", "mlflow", "r1", "digits")


@pytest.fixture
def store(tmp_path):
    return StoreFolder.open(tmp_path / "store", create=True)


def scraped(text):
    """Values by sample name and labels; every remote here is lab."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {**sample.labels}
            about = (labels.pop("remote", None), labels.pop("platform", None))
            assert about in [("lab", "mlflow"), (None, None)]
            found[(sample.name, *labels.values())] = sample.value
    return found


def scrape(metrics):
    return scraped(generate_latest(metrics.registry).decode())


def standing(**about):
    return Standing([RemoteStanding("lab", "mlflow", **about)])


def test_what_never_happened_is_zero(store):
    found = scrape(Metrics(store, standing, lambda: 0))
    for name in ("experiments_logged", "models_registered", "runs_compared"):
        assert found.pop((f"{name}_total",)) == 0
    for bound in ("50.0", "100.0", "500.0", "1000.0", "5000.0", "+Inf"):
        assert found.pop(("tracking_latency_ms_bucket", bound)) == 0
    assert not any(found.values())


def test_what_is_told_is_counted(store):
    metrics = Metrics(store, standing, lambda: 0)
    metrics.tell(What.RUN_STARTED, LANE, {})
    metrics.tell(What.METRICS_LOGGED, LANE, {"ms": 70.0})
    metrics.tell(What.METRICS_LOGGED, LANE, {"ms": 7000.0})
    metrics.tell(What.ARTIFACT_CACHED, LANE, {"type": "model"})
    metrics.tell(What.ARTIFACT_CACHED, LANE, {"type": "file"})
    metrics.tell(What.ARTIFACT_UPLOADED, LANE, {"bytes": 1500})
    usage.add(store, usage.RUNS_COMPARED, 3)
    found = scrape(metrics)
    assert found["experiments_logged_total",] == 1
    assert found["models_registered_total",] == 1
    assert found["runs_compared_total",] == 3
    assert found["tracking_latency_ms_bucket", "50.0"] == 0
    assert found["tracking_latency_ms_bucket", "100.0"] == 1
    assert found["tracking_latency_ms_bucket", "5000.0"] == 1
    assert found["tracking_latency_ms_count",] == 2
    assert found["artifact_upload_size_bytes_sum",] == 1500


def test_gauges_are_those_of_the_moment(store):
    now = standing(
        queue=Queue(7, 2, None, time.time() - 60, {"settled": 3, "delayed": 1, "open": 1}, 4),
        breaker="half-open", answers=False, stopped="401",
    )  # fmt: skip
    found = scrape(Metrics(store, lambda: now, lambda: 2))
    assert found["syncd_lanes", "settled"] == 3
    assert found["syncd_lanes", "delayed"] == found["syncd_lanes", "open"] == 1
    assert found["syncd_pending_events",] == 7
    assert 60 <= found["syncd_oldest_pending_age_s",] < 90
    assert found["syncd_parked",] == 4
    assert found["syncd_breaker_state",] == 1
    assert found["syncd_remote_stopped",] == 1
    assert found["syncd_degradation_level",] == 2


def test_a_syncd_db_that_cannot_be_read_costs_the_gauges_alone(store):
    broken = iter([standing()])

    def failing():
        try:
            return next(broken)
        except StopIteration:
            raise sqlite3.OperationalError("disk I/O error") from None

    found = scrape(Metrics(store, failing, lambda: 3))
    assert found["syncd_degradation_level",] == 3
    assert ("syncd_parked",) not in found


def test_a_scrape_with_ten_thousand_lanes_is_cheap(store):
    """It is one query, and none while nothing changes; no journal is there to be read."""
    path = store.sync / "syncd.db"
    Database(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.executemany(
            "INSERT INTO lanes (remote, run_id, pending, oldest, failures, settled, progress) "
            "VALUES ('lab', ?, 1, ?, 0, 7, ?)",
            [(f"{number:032x}", 1e9 + number, "x" * 500) for number in range(10_000)],
        )
        db.commit()
    ledger = Ledger(path)
    metrics = Metrics(store, lambda: standing(queue=ledger.queues()["lab"]), lambda: 0)
    began = time.process_time()
    found = scrape(metrics)
    assert time.process_time() - began < 0.5
    assert found["syncd_lanes", "settled"] == found["syncd_pending_events",] == 10_000
    assert ledger.queues() is ledger.queues()
    before = ledger.queues()
    ledger.leave("lab", f"{0:032x}")
    assert ledger.queues() is not before
    assert (ledger.queues()["lab"].events, ledger.queues()["lab"].oldest) == (9_999, 1e9 + 1)
    ledger.close()


def test_the_endpoint_is_off_unless_a_port_is_set(store):
    with Telemetry(store, Settings()) as telemetry, telemetry.serving(standing):
        assert len(telemetry._listeners) == 1


def test_the_endpoint_answers_on_the_loopback_address_alone(store):
    port = free_port()
    settings = msgspec.structs.replace(Settings(), metrics_port=port)
    with Telemetry(store, settings) as telemetry, telemetry.serving(standing):
        telemetry.tell(What.RUN_STARTED, LANE)
        telemetry.tell(What.DEGRADATION_CHANGED, before=0, now=2)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            found = scraped(answer.read().decode())
        assert found["experiments_logged_total",] == 1
        assert found["syncd_degradation_level",] == 2
        with socket.socket() as other:
            other.settimeout(5)
            assert other.connect_ex(("127.0.0.2", port)) != 0
    with socket.socket() as after:
        assert after.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_in_use_is_said_and_nothing_else_happens(store, capfd):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = msgspec.structs.replace(Settings(), metrics_port=port)
        with Telemetry(store, settings) as telemetry, telemetry.serving(standing):
            telemetry.tell(What.RUN_STARTED, LANE)
    said = capfd.readouterr().err
    assert f"port {port} of 127.0.0.1 cannot be used" in said
    assert "Delivery goes on" in said
