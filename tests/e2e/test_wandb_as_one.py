"""One script written for wandb comes to W&B by three ways, and is the same run there.

sync      wandb records it offline, `wandb sync` sends it
switched  `tracker run --as-wandb` records it, syncd delivers it
taken     `tracker import wandb` takes what wandb recorded, syncd delivers it
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from pathlib import Path

import pytest

from syncd.sinks import RemoteRun
from tests import wandb_client, wandbs
from tests.contract.wandb_platform import OURS, Wandb
from tests.doubles.wandb_server import KEY, WandbServer
from tests.e2e.recording import TRACKER
from tests.fault.delivering import make_store, syncd

SCRIPT = """
import wandb
with wandb.init(
    project="one", id="one-1", name="calm", group="g", job_type="j", notes="n", tags=["t"],
    config={"lr": 0.1, "deep": {"a": [1, 2]}, "none": None},
) as run:
    run.define_metric("epoch")
    run.define_metric("val/*", step_metric="epoch", summary="min,max")
    for i in range(4):
        run.log({"epoch": i, "val/loss": 1 / (i + 1), "text": f"t{i}"})
    run.log({"img": wandb.Image("a.png", caption="c"), "hist": wandb.Histogram([1, 2, 2])}, step=6)
    run.log({"loss": 0.5}, step=6)
    table = wandb.Table(columns=["x", "y"], data=[[1, 2], [3, 4]])
    run.log({"eval/chart": wandb.plot.line(table, "x", "y", title="t")})
    run.summary["mine"] = "done"
"""
WAYS = ("sync", "switched", "taken")


def picture() -> bytes:
    """A PNG of one pixel."""
    parts = (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)), (
        b"IDAT", zlib.compress(b"\0\1\2\3")), (b"IEND", b"")  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


@pytest.fixture(scope="module")
def arrived(tmp_path_factory):
    """What W&B's own client reads of the run, by the way that it took."""
    pytest.importorskip("PIL", reason="wandb.Image needs it")
    place = tmp_path_factory.mktemp("one")
    (place / "a.png").write_bytes(picture())
    (place / "train.py").write_text(SCRIPT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_API_KEY", KEY)
        for name in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_CONFIG_DIR"):
            patch.setenv(name, str(place))
        yield {way: _sent(way, place) for way in WAYS}


def _sent(way, place):
    with WandbServer() as server:
        if way == "sync":
            offline = wandb_client.environment(place)
            wandbs.python([sys.executable, "train.py"], place, offline)
            (log,) = wandb_client.logs(place)
            online = offline | {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": KEY}
            del online["WANDB_MODE"]
            wandb = str(Path(sys.executable).parent / "wandb")
            wandbs.python([wandb, "sync", str(log.parent)], place, online)
        else:
            store = make_store(place / way, server.url, "wandb")
            environ = wandbs.environment(store.root)
            command = [*wandbs.AS_WANDB, sys.executable, "train.py"]
            if way == "taken":
                command = [TRACKER, "import", "wandb", str(place / "wandb")]
            wandbs.python(command, place, environ)
            code, out = syncd(store, "once", limit_s=120)
            assert code == 0, out
            code, out = syncd(store, "verify", "one-1", limit_s=120)
            assert code == 0, out
        platform = Wandb(server)
        run = RemoteRun("one-1", "", {"project": "one"})
        found = platform.run(run)
        return {
            "rows": platform.rows(run), "config": dict(found.config), "run": found,
            "summary": json.loads(json.dumps(found.summary._json_dict)),
            "private": server.run("tester", "one", "one-1").config["_wandb"],
            "files": dict(server.run("tester", "one", "one-1").files),
        }  # fmt: skip


def bare(value):
    """A value without what names its file: that differs by who put it there."""
    if not isinstance(value, dict) or "_type" not in value:
        return value
    names = ("path", "artifact_path", "_latest_artifact_path", "sha256", "size", "log_mode")
    return {key: told for key, told in value.items() if key not in names}


def history(found):
    """Each row's true step and values."""
    return [
        (row.get("_tracker_step", row["_step"]),
         {key: bare(value) for key, value in row.items() if key not in OURS and value is not None})
        for row in found["rows"]
    ]  # fmt: skip


@pytest.mark.parametrize("way", WAYS[1:])
def test_the_history_is_that_of_wandb_sync(arrived, way):
    assert history(arrived[way]) == history(arrived["sync"])
    assert len(history(arrived[way])) == 5


@pytest.mark.parametrize("way", WAYS[1:])
def test_head_config_and_summary_are_those_of_wandb_sync(arrived, way):
    """What is nested stands under flat keys here; the last value beside what was computed of it."""
    for name in ("name", "group", "job_type", "notes", "tags", "state"):
        assert getattr(arrived[way]["run"], name) == getattr(arrived["sync"]["run"], name), name
    for what in ("config", "summary"):
        said = [
            wandbs.flat({k: bare(v) for k, v in arrived[each][what].items() if k[0] != "_"})
            for each in (way, "sync")
        ]
        for key in [k for k in said[0] if {f"{k}/min", f"{k}/max"} & said[0].keys()]:
            del said[0][key]
        assert said[0] == said[1], what


@pytest.mark.parametrize("way", WAYS[1:])
def test_metrics_and_charts_are_those_of_wandb_sync(arrived, way):
    first, second = (arrived[each]["private"] for each in (way, "sync"))
    assert first["visualize"] == second["visualize"]
    assert drawn_over(first["m"]) == drawn_over(second["m"])


def drawn_over(metrics):
    """Each metric's summaries and the metric that it is drawn over."""
    names = [metric.get("1") or metric.get("2") for metric in metrics]
    return {
        name: (metric["7"], names[metric["5"] - 1] if "5" in metric else None)
        for name, metric in zip(names, metrics, strict=True)
    }


@pytest.mark.parametrize("way", WAYS)
def test_files_of_media_are_where_the_rows_say(arrived, way):
    found = arrived[way]
    (shown,) = [row["img"] for row in found["rows"] if row.get("img")]
    assert found["files"][shown["path"]] == picture()
    (table,) = [v for row in found["rows"] for k, v in row.items() if k.endswith("_table") and v]
    assert json.loads(found["files"][table["path"]])["data"] == [[1, 2], [3, 4]]
