"""Kills of syncd around the making of a W&B artifact, and a bad network: one version in the end."""

from __future__ import annotations

import json
import os
import random

import pytest

import tracker
from syncd.sinks import RemoteRun
from tests.contract.wandb_platform import Wandb
from tests.doubles.fault_proxy import FaultProxy
from tests.doubles.wandb_server import KEY, WandbServer
from tests.fault.delivering import make_store, wait_for
from tests.fault.forked import Syncd, syncd

SEED = int(os.environ.get("DELIVERY_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)

RATES = {"refuse": 0.04, "503": 0.04, "lost": 0.08}

KILLED_AT = ("CreateArtifactFiles", "CommitArtifact", "AddAliases")
"""Syncd is killed when the server has taken such a request, whose answer is lost."""

PASSES = 30


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("TRACKER_SILENT", "1")
    for name in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "wandb"))


def test_killed_around_each_request(tmp_path):
    """Two versions of one name are two, with their aliases, and verified; a resend makes none."""
    print(f"seed {SEED}")  # noqa: T201 - to replay
    with WandbServer() as server, FaultProxy(server.url, SEED, RATES) as proxy:
        server.address = proxy.url
        store = make_store(tmp_path / "store", proxy.url, "wandb")
        run_id = _record(store, tmp_path)
        for call in KILLED_AT:
            _kill_at(store, server, call)
        _deliver(store)
        proxy.rates = {}
        versions = _versions(server, run_id)
        assert [(held.version, "best" in held.aliases) for held in versions] == [
            ("v0", False), ("v1", True),
        ]  # fmt: skip
        assert [held.metadata.get("f1") for held in versions] == [None, 0.5]
        assert _noted(store, run_id) == {"net:v0", "net:v1", "net:v1, best"}
        code, out = syncd(store, "verify", run_id)
        assert code == 0, out
        for file in store.sync.glob("syncd.db*"):
            file.unlink()
        made = {call: len(server.requests[call]) for call in KILLED_AT}
        _deliver(store)
        assert {call: len(server.requests[call]) for call in made} == made
        assert [held.version for held in _versions(server, run_id)] == ["v0", "v1"]
        assert not server.complaints.keys() - {"unauthorized"}, server.complaints


def _record(store, folder):
    """Log two versions, the second one named "best" behind it, and the first once more."""
    run = tracker.init("nets", dir=store.root)
    run.log({"loss": 1.0})
    source = folder / "net"
    source.mkdir()
    (source / "config").write_text("the same")
    manifests = []
    for weights in (b"1" * 300_000, b"2", b"1" * 300_000):
        (source / "weights").write_bytes(weights)
        manifests.append(run.log_artifact(source, "net", "model"))
    said = {"type": "model", "aliases": ["best"], "metadata": {"f1": 0.5}}
    run.log_media("net", "artifact", [], {"manifest": manifests[1], **said})
    run.finish()
    return run.id


def _kill_at(store, server, call):
    """SIGKILL a syncd that made a request of this kind and does not know what came of it."""
    before = len(server.requests[call])
    server.script[call] = ["lost"] * 9
    with Syncd(store, "run") as process:
        wait_for(call, lambda: len(server.requests[call]) > before)
        process.kill()
    server.script.clear()


def _deliver(store):
    for _ in range(PASSES):
        code, out = syncd(store, "once", "--json")
        if code == 0 and json.loads(out[out.index("{") :])["pending"] == 0:
            return
    raise AssertionError(f"not delivered after {PASSES} passes:\n{out}")


def _versions(server, run_id):
    platform = Wandb(server)
    found = list(platform.run(RemoteRun(run_id, "", {"project": "nets"})).logged_artifacts())
    return sorted(found, key=lambda held: held.version)


def _noted(store, run_id):
    code, out = syncd(store, "receipts", run_id, "--json")
    assert code == 0, out
    [receipt] = json.loads(out)["receipts"]
    return {note["done"] for note in receipt["notes"] if note["key"].startswith("artifact net")}
