"""The stand-in for Weights & Biases: the real wandb client works against it, unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.fault_proxy import FaultProxy
from tests.doubles.wandb_client import WandbClient
from tests.doubles.wandb_server import WandbServer

PATH = ("tester", "p", "r")

LOG = """
with wandb.init(project="p", id="r", resume="allow") as run:
    for i in range(int(sys.argv[1]), int(sys.argv[2])):
        run.log({"loss": i})
"""

READ = """
run = wandb.Api().run("tester/p/r")
print(json.dumps([[row["_step"], row["loss"]] for row in run.scan_history()]))
"""


@pytest.fixture
def server() -> Iterator[WandbServer]:
    with WandbServer() as server:
        yield server


@pytest.fixture
def client(server: WandbServer, tmp_path: Path) -> WandbClient:
    return WandbClient(tmp_path, server.url, server.key)


def test_an_online_run_reads_back_as_it_was_logged(server: WandbServer, client: WandbClient):
    """Rows, config, summary, labels, files, console and measures, by their own Api."""
    server.features.add("FILESTREAM_GZIP")
    read = client.run("""
with wandb.init(
    project="p", id="r", name="n", group="g", job_type="j", notes="o", tags=["t"],
    config={"lr": 0.1},
) as run:
    for i in range(20):
        run.log({"loss": i / 2, "odd" if i % 2 else "even": float("nan")})
    print("out", flush=True)
run = wandb.Api().run("tester/p/r")
print(json.dumps({
    "named": [run.state, run.name, run.group, run.job_type, run.notes, run.tags, run.config],
    "loss": run.summary["loss"],
    "rows": [[row["_step"], row["loss"], row.get("odd")] for row in run.scan_history()],
    "some": [row["loss"] for row in run.scan_history(keys=["loss", "odd"])],
    "page": [row["loss"] for row in run.scan_history(min_step=5, max_step=8, page_size=2)],
    "thin": len(run.history(samples=5, pandas=False)),
    "keyed": run.history(keys=["loss"], samples=1000, pandas=False)[-1],
    "file": run.file("config.yaml").download().read()[:3],
    "files": sorted(file.name for file in run.files()),
    "python": run.metadata["python"][:6],
    "console": [line.content for line in run.console_logs()],
    "measured": "system.memory_percent" in run.system_metrics,
}))
""")
    assert read["named"] == ["finished", "n", "g", "j", "o", ["t"], {"lr": 0.1}]
    assert read["loss"] == 9.5
    assert read["rows"] == [[i, i / 2, "NaN" if i % 2 else None] for i in range(20)]
    assert read["some"] == [i / 2 for i in range(1, 20, 2)]
    assert read["page"] == [2.5, 3.0, 3.5]
    assert (read["thin"], read["keyed"]) == (5, {"_step": 19, "loss": 9.5})
    assert read["file"] == "_wa"
    assert {"config.yaml", "output.log", "requirements.txt"} <= set(read["files"])
    assert read["python"] == "CPytho"
    assert read["console"] == ["out"]
    assert read["measured"]
    run = server.run(*PATH)
    assert (run.state, run.exit_code, run.config["lr"]) == ("finished", 0, 0.1)
    assert sorted(run.uploaded) == sorted(run.files) == read["files"]
    assert not server.complaints


def test_an_offline_run_is_synced_with_its_exit_code(server: WandbServer, client: WandbClient):
    """`wandb sync` of a folder that was recorded without a server."""
    client.run("""
run = wandb.init(project="p", id="r", mode="offline")
for i in range(7):
    run.log({"loss": i})
run.finish(exit_code=3)
""")
    assert not server.requests
    (folder,) = client.folder.glob("wandb/offline-run-*")
    client.command("sync", str(folder))
    run = server.run(*PATH)
    assert [row["loss"] for row in run.rows] == list(range(7))
    assert (run.state, run.exit_code) == ("failed", 3)
    assert not server.complaints


def test_a_resumed_run_goes_on_behind_its_rows(server: WandbServer, client: WandbClient):
    """The counts that the server answers tell the client where to go on."""
    client.run(LOG, "0", "5")
    client.run(LOG, "5", "9")
    assert client.run(READ) == [[i, i] for i in range(9)]
    first_offsets = [
        request.body["files"]["wandb-history.jsonl"]["offset"]
        for request in server.requests["file_stream"]
        if "wandb-history.jsonl" in request.body.get("files", {})
    ]
    assert first_offsets == [0, 5]
    assert not server.complaints


def test_a_stale_count_makes_the_client_overwrite_rows(server: WandbServer, client: WandbClient):
    """Rows go to the place that their offset says, so those of the client replace older ones."""
    client.run(LOG, "0", "5")
    server.stale_rows = 3
    client.run(LOG, "10", "11")
    assert [row["loss"] for row in server.run(*PATH).rows] == [0, 1, 10, 3, 4]
    assert "_step goes back" in server.complaints["step"][0]


def test_a_lost_answer_leaves_every_row_once(server: WandbServer, tmp_path: Path):
    """Rows and questions whose answer was lost come again; a proxy may stand in front."""
    with FaultProxy(server.url, seed=0) as proxy:
        server.address = proxy.url
        server.script = {"UpsertBucket": ["lost"], "CreateRunFiles": ["503"]}
        proxy.script = {"POST /files/tester/p/r/file_stream": ["lost", "cut"]}
        client = WandbClient(tmp_path, proxy.url, server.key)
        client.run(LOG, "0", "50")
        assert client.run(READ) == [[i, i] for i in range(50)]
        assert proxy.faults["lost"] == proxy.faults["cut"] == 1
        came = sum(map(len, server.requests.values()))
        assert proxy.faults["forwarded"] == came - 1, "one was lost behind the proxy"
    assert [request.status for request in server.requests["UpsertBucket"]][:2] == [0, 200]
    assert [request.status for request in server.requests["CreateRunFiles"]][:2] == [503, 200]
    assert len(server.run(*PATH).files) == len(server.run(*PATH).uploaded)
    assert not server.complaints


def test_a_request_too_many_waits_as_long_as_it_is_told(server: WandbServer, client: WandbClient):
    """The client obeys 429 and Retry-After, and everything arrives."""
    server.retry_after_s = 2
    server.script = {"UpsertBucket": ["429"], "file_stream": ["429"]}
    client.run(LOG, "0", "50")
    for kind in ("UpsertBucket", "file_stream"):
        first, second = server.requests[kind][:2]
        assert (first.status, second.status) == (429, 200)
        assert second.at - first.at >= 1.95
    assert [row["loss"] for row in server.run(*PATH).rows] == list(range(50))
    assert not server.complaints


def test_a_deleted_run_is_refused_for_ever(server: WandbServer, client: WandbClient):
    """Its id cannot be had again, neither to create nor to resume."""
    client.run(LOG, "0", "1")
    said = client.run("""
wandb.Api().run("tester/p/r").delete()
try:
    wandb.init(project="p", id="r", settings=wandb.Settings(init_timeout=1.5))
except wandb.errors.CommError as error:
    print(json.dumps(str(error)))
""")
    assert "409" in said
    assert "previously created and deleted" in said
    assert PATH not in server.runs


def test_artifacts_are_logged_once_used_and_read_back(server: WandbServer, client: WandbClient):
    """The same content makes no second version; another run uses it by alias."""
    (client.folder / "d").mkdir()
    (client.folder / "d" / "a.txt").write_text("first")
    (client.folder / "b.txt").write_text("same")
    read = client.run("""
def log(run, **how):
    artifact = wandb.Artifact("data", type="dataset", metadata={"k": 1})
    artifact.add_dir("d")
    artifact.add_file("b.txt")
    return run.log_artifact(artifact, **how).wait().version

with wandb.init(project="p", id="r") as run:
    versions = [log(run, aliases=["best"]), log(run)]
    with open("d/a.txt", "w") as file:
        file.write("second")
    versions.append(log(run, tags=["t"]))
with wandb.init(project="p", id="user") as run:
    used = run.use_artifact("data:best")
    folder = used.download(root="got")
    content = [open(f"{folder}/a.txt").read(), open(f"{folder}/b.txt").read()]
api = wandb.Api()
first = api.artifact("tester/p/data:v0")
logged = api.run("tester/p/r").logged_artifacts()
print(json.dumps({
    "versions": versions,
    "used": [used.version, used.metadata, used.digest == first.digest],
    "content": content,
    "logged": [[a.name, a.type, a.aliases, a.tags] for a in logged],
    "used by": [run.id for run in first.used_by()],
    "missing": api.artifact_exists("tester/p/data:v7"),
}))
""")
    assert read["versions"] == ["v0", "v0", "v1"]
    assert read["used"] == ["v0", {"k": 1}, True]
    assert read["content"] == ["first", "same"]
    v0 = ["data:v0", "dataset", ["best"], []]
    assert read["logged"] == [v0, ["data:v1", "dataset", ["latest"], ["t"]]]
    assert read["used by"] == ["user"]
    assert read["missing"] is False
    versions = server.collections["tester", "p", "data"].versions
    assert [v.files["a.txt"] for v in versions] == [b"first", b"second"]
    assert not server.complaints


def test_todays_client_doubles_a_run_that_it_syncs_twice(server: WandbServer, client: WandbClient):
    """`wandb sync` goes on behind the rows that are there, also with the same rows."""
    client.run("""
with wandb.init(project="p", id="r", mode="offline") as run:
    for i in range(5):
        run.log({"loss": i})
""")
    (folder,) = client.folder.glob("wandb/offline-run-*")
    client.command("sync", str(folder))
    client.command("sync", "--include-synced", str(folder))
    assert [row["loss"] for row in server.run(*PATH).rows] == [*range(5), *range(5)]
