"""Kills and a bad network on the way to W&B: its own client reads each row once, unchanged."""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections import Counter

import pytest

from syncd.sinks import RemoteRun
from tests.contract.wandb_platform import Wandb
from tests.doubles.fault_proxy import FaultProxy
from tests.doubles.wandb_server import KEY, WandbServer
from tests.fault.delivering import Clock, Training, make_store
from tests.fault.forked import Syncd, syncd

SOAK = "SOAK" in os.environ
ROUNDS, ROWS, KILLS = (3, 20_000, 6) if SOAK else (1, 2_000, 2)
SEED = int(os.environ.get("DELIVERY_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)

RATES = {
    "refuse": 0.04, "500": 0.04, "503": 0.04, "429": 0.04, "lost": 0.06, "reset": 0.04, "cut": 0.04,
}  # fmt: skip
"""30 of 100 requests."""

BEYOND_CHANCE = ("503", "lost")
"""What happens to the first rows of each pass: they are few requests."""

PASSES = 60


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("TRACKER_SILENT", "1")
    for name in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path))


@pytest.mark.parametrize("number", range(ROUNDS))
def test_killed_again_and_again_behind_a_bad_network(number, monkeypatch, tmp_path):
    """No row is lost, doubled or changed; and after the loss of syncd.db none is sent again."""
    seed = SEED + number
    print(f"seed {SEED}, round {number}")  # noqa: T201 - to replay
    choose = random.Random(seed)
    with WandbServer() as server, FaultProxy(server.url, seed, RATES) as proxy:
        server.address = proxy.url
        store = make_store(tmp_path / "store", proxy.url, "wandb")
        training = Training(store, "kills", seed, Clock(monkeypatch))
        training.configure(lr=0.1, model="mlp")
        for kill in range(KILLS):
            training.log(ROWS // (KILLS + 1))
            assert training.run.flush()
            server.script["file_stream"] = [*BEYOND_CHANCE]
            _kill_in_the_middle(store, proxy, choose)
            if kill == 0:
                for file in store.sync.glob("syncd.db*"):
                    file.unlink()
        training.log(ROWS - KILLS * (ROWS // (KILLS + 1)))
        training.keep(tmp_path / "files", "model")
        training.finish()
        server.script["file_stream"] = [*BEYOND_CHANCE]
        _deliver(store)
        proxy.rates = {}  # files are fetched through it
        told = training.told
        platform = Wandb(server)
        run = RemoteRun(told.run_id, "", {"project": "kills"})
        _compare(told, platform, run, tmp_path)
        code, out = syncd(store, "verify", told.run_id, limit_s=300)
        assert code == 0, out
        proxy.rates = RATES
        for file in store.sync.glob("syncd.db*"):
            file.unlink()
        sent = len(server.requests["file_stream"])
        rows = list(server.run("tester", "kills", told.run_id).rows)
        _deliver(store)
        # What is sent once more is that it ended.
        again = [request.body for request in server.requests["file_stream"][sent:]]
        assert all("files" not in body for body in again)
        assert server.run("tester", "kills", told.run_id).rows == rows
        assert sum(proxy.faults[fault] for fault in RATES) > 5
        # The client's own measures come without a key.
        assert server.complaints.keys() <= {"unauthorized"}, server.complaints


def _kill_in_the_middle(store, proxy, choose):
    """SIGKILL a syncd once the server had some of its requests."""
    at = proxy.faults["forwarded"] + choose.randrange(3, 9)
    with Syncd(store, "run") as process:
        limit = time.monotonic() + 60
        while proxy.faults["forwarded"] < at and time.monotonic() < limit:
            time.sleep(0.002)
        process.kill()


def _deliver(store):
    for _ in range(PASSES):
        code, out = syncd(store, "once", "--json", limit_s=300)
        if code == 0 and json.loads(out[out.index("{") :])["pending"] == 0:
            return
    raise AssertionError(f"not delivered after {PASSES} passes:\n{out}")


def _compare(told, platform, run, folder):
    held = Counter(_row(p.key, p.step, p.time_ms, p.value) for p in platform.points(run))
    wanted = Counter(_row(*point) for point in told.points)
    assert sum(held.values()) == len(told.points) > ROWS
    assert held == wanted
    config = platform.run(run).config
    assert {key: config[key] for key in ("lr", "model")} == {"lr": 0.1, "model": "mlp"}
    texts = [row["note"] for row in platform.rows(run) if "note" in row]
    assert sorted(texts) == sorted(text for _, _, text in told.texts)
    (folder / "down").mkdir()
    files = platform.files(run, folder / "down")
    assert {path for path in files if not path.startswith("tracker/")} == set(told.files)
    for path, content in told.files.items():
        assert (folder / "down" / path).read_bytes() == content
    assert platform.outcome(run) == ("finished", told.end_ms)


def _row(key, step, ms, value):
    return key, step, ms, "NaN" if math.isnan(value) else float(value)
