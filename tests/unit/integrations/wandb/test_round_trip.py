"""A run that was given out as a W&B folder and is taken into another store is the same run."""

from __future__ import annotations

import math

import pytest

import tracker
from tracker import wandb
from tracker.events import Console, Finish, Log, Media, System
from tracker.integrations.wandb.giving import give
from tracker.integrations.wandb.imports import Import
from tracker.journal import journals
from tracker.query import Store
from tracker.settings import Settings
from tracker.store import StoreFolder

_NS_PER_MS = 1_000_000


@pytest.fixture
def there_and_back(tmp_path):
    """Give a run out, take it into another store; both stores."""

    def go(run_id):
        here, there = Store(tmp_path / "store"), tmp_path / "there"
        folder = tmp_path / "wandb" / f"offline-run-20260921_000000-{run_id}"
        folder.mkdir(parents=True)
        give(here.folder, here.run(run_id), folder, folder)
        target = StoreFolder.open(there, create=True)
        with Import(target, Settings(), [folder.parent]) as runs:
            (taken,) = [taking.taken for taking in runs.once(lambda _: None)]
        assert (taken.error, taken.left_out, taken.trouble) == ("", {}, [])
        return here, Store(there)

    return go


def events(store, run_id, kind):
    return [
        event
        for journal in journals(store.folder.run(run_id))
        for event in journal.events()
        if isinstance(event, kind)
    ]


def points(store, run_id):
    """Key, step, millisecond and value, as each was logged."""
    return sorted(
        (key, log.step, log.time // _NS_PER_MS, repr(value))
        for log in events(store, run_id, Log)
        for key, value in log.values.items()
    )


def media(store, run_id):
    return [
        (m.key, m.step, m.time // _NS_PER_MS, m.form, [f.digest for f in m.files])
        for m in events(store, run_id, Media)
        if m.form != "artifact"
    ]


def notes(store, run_id):
    return [(note.key, note.about) for note in store.run(run_id).artifact_notes()]


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """A run with what W&B's format has words of its own for."""
    monkeypatch.setenv("TRACKER_SILENT", "1")
    model = tmp_path / "model.bin"
    model.write_bytes(b"model")
    config = {"_step": 1, "_x5f_a": 2, "": 3, "optim": {"lr": 0.1}, "nan": math.nan}
    with tracker.init(
        "vision/digits", name="calm otter", id="r", config=config, dir=tmp_path / "store",
        tags={"baseline": ""}, group="g", job_type="j", notes="n",
    ) as run:  # fmt: skip
        for step in (*range(5), 2, -7, 3, 3):
            run.log({"loss": 1 / (step + 9), "_step": step, "": 1}, step=step)
            run.log({"late": step, "_timestamp": "text"}, step=step)
        run.log({"nan": math.nan, "up": math.inf, "big": 2**60 + 1, "word": "NaN"}, step=9)
        run.log_media("img", "image", [("a.png", b"png")], {"caption": "c"}, step=4)
        run.log_media("hist", "histogram", [], {"values": [1], "bins": [0, 1]}, step=4)
        run.summary.update({"best": 0.5, "_runtime": "mine"})
        run.log_artifact(model, "model", "model")
    return "r"


def test_every_value_comes_back_at_its_step_and_time_under_its_key(recorded, there_and_back):
    here, there = there_and_back(recorded)
    assert points(there, "r") == points(here, "r")
    assert media(there, "r") == media(here, "r")
    first, second = here.run("r"), there.run("r")
    assert repr(second.config) == repr(first.config)
    assert second.summary == first.summary == {"best": 0.5, "_runtime": "mine"}
    for name in ("project", "name", "group", "job_type", "notes", "tags", "status"):
        assert getattr(second, name) == getattr(first, name), name
    assert [v[:4] for v in second.artifacts()] == [v[:4] for v in first.artifacts()]
    for kind in (System, Console, Finish):
        assert len(events(there, "r", kind)) == len(events(here, "r", kind))


def test_a_switched_script_s_metrics_charts_and_artifacts_come_back(
    tmp_path, monkeypatch, there_and_back
):
    """What `tracker.wandb` records has the same form once it went through W&B's format."""
    monkeypatch.setenv("TRACKER_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("TRACKER_SILENT", "1")
    monkeypatch.chdir(tmp_path)
    run = wandb.init(project="p", id="face", config={"lr": 0.1})
    run.define_metric("val/*", step_metric="epoch", summary="min", goal="minimize")
    table = wandb.Table(columns=["x", "y"], data=[[1, 2], [3, 4]])
    run.log({"epoch": 1, "val/loss": 2.0})
    run.log({"eval/roc_x41_": wandb.plot.line(table, "x", "y", title="t")})
    artifact = wandb.Artifact("model", "model", "about it", {"acc": 0.9})
    with artifact.new_file("weights.txt") as file:
        file.write("w")
    run.log_artifact(artifact, aliases=["best"])
    run.finish()
    here, there = there_and_back("face")
    assert there.run("face").config == here.run("face").config
    assert [m.get("name") for m in there.run("face").config["_wandb/metrics"]] == ["val/*"]
    assert notes(there, "face") == notes(here, "face") != []
    assert points(there, "face") == points(here, "face")
    assert media(there, "face") == media(here, "face") != []
    assert there.run("face").summary == here.run("face").summary
