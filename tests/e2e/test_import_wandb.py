"""`tracker import wandb` on what the real client wrote."""

import hashlib
import json
import os
import signal
import subprocess
import time

import pytest

from tests import wandb_client
from tests.e2e.recording import TRACKER
from tracker.events import OF_ARTIFACT, Artifact, Console, Log, Media, System
from tracker.journal import journals
from tracker.store import StoreFolder

LIMIT_S = 100

EVERYTHING = """
import sys, pathlib
import numpy as np, wandb
from PIL import Image
run = wandb.init(
    project="demo", name="all of it", id="everything", group="g", job_type="j", notes="two\\nlines",
    tags=["a", "b"], config={"lr": 0.1, "optim": {"name": "sgd", "betas": [1, 2]}},
)
for step in range(200):
    run.log({"loss": 1 / (step + 1), "deep": {"acc": step, "more": {"x": 0.5}}, "text": "hi"})
print("on stdout")
print("on stderr", file=sys.stderr)
picture = lambda n: wandb.Image(np.full((8, 8, 3), n, dtype=np.uint8), caption=f"grey {n}")
run.log({"one": picture(0), "many": [picture(40), picture(80)]})
run.log({"hist": wandb.Histogram(np.arange(10.0))})
run.log({"table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])})
path = pathlib.Path("data.txt")
path.write_text("content")
artifact = wandb.Artifact("my-data", "dataset", metadata={"k": 1})
artifact.add_file(str(path))
run.log_artifact(artifact, aliases=["best"])
run.summary["best"] = 0.25
run.config.update({"late": True})
run.save("data.txt")
run.finish(exit_code=3)
"""

GROWING = """
import os, signal, sys, wandb
run = wandb.init(project="demo", id="growing", settings=wandb.Settings(x_disable_stats=True))
step = 0
for line in sys.stdin:
    for _ in range(int(line)):
        run.log({"loss": float(step), "long": "x" * 2000}, step=step)
        step += 1
run.finish()
"""


def tracker(store, *arguments, check=0):
    environment = os.environ | {"TRACKER_DIR": str(store)}
    done = subprocess.run(
        [TRACKER, *map(str, arguments)], env=environment, capture_output=True, text=True,
        timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == check, done.stderr + done.stdout
    return done.stdout


def events(store, run_id):
    folder = StoreFolder.open(store).run(run_id)
    return [event for journal in journals(folder) for event in journal.events()]


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """A store with the run of `EVERYTHING`, the folder that it was in, and what import said."""
    place = tmp_path_factory.mktemp("everything")
    wandb_client.run(place / "work", EVERYTHING)
    said = tracker(place / "store", "import", "wandb", place / "work", "--links", "--json")
    return place / "store", place / "work", json.loads(said)["runs"]


def test_all_that_a_client_logged_is_there(everything):
    """Rows, media by their content, artifacts, console and measures of the machine."""
    store, work, (taken,) = everything
    assert (taken["error"], taken["lost"], taken["left_out"]) == ("", [], {})
    assert (taken["run"], taken["status"]) == ("everything", "failed")
    found = events(store, "everything")
    rows = [(e.step, e.values) for e in found if isinstance(e, Log)]
    assert rows == [
        (n, {"loss": pytest.approx(1 / (n + 1)), "deep/acc": n, "deep/more/x": 0.5, "text": "hi"})
        for n in range(200)
    ]
    assert all(abs(e.time / 1e9 - time.time()) < 3600 for e in found)
    noted = {e.key: e.about for e in found if isinstance(e, Media) and e.form == OF_ARTIFACT}
    assert (noted["my-data"]["aliases"], noted["my-data"]["metadata"]) == (["best"], {"k": 1})
    media = {e.key: e for e in found if isinstance(e, Media) and e.form != OF_ARTIFACT}
    assert {key: (e.form, len(e.files), e.step) for key, e in media.items()} == {
        "one": ("image", 1, 200), "many": ("image", 2, 200), "hist": ("histogram", 0, 201),
        "table": ("table", 1, 202),
    }  # fmt: skip
    assert media["many"].about["captions"] == ["grey 40", "grey 80"]
    assert sum(media["hist"].about["values"]) == 10
    there = {hashlib.sha256(p.read_bytes()).hexdigest() for p in work.rglob("media/**/*.*")}
    assert {file.digest for e in media.values() for file in e.files} == there
    assert {"my-data", "run-everything-table", "data.txt"} <= {
        e.name for e in found if isinstance(e, Artifact)
    }
    console = {"stdout": "", "stderr": ""}
    for event in found:
        if isinstance(event, Console):
            console[event.stream] += event.text
    assert "on stdout\n" in console["stdout"]
    assert "on stderr\n" in console["stderr"]
    assert any(isinstance(e, System) for e in found)


def test_the_run_can_be_looked_at(everything):
    """From the offline folder to what `tracker show` says, without wandb's service."""
    store, work, _ = everything
    shown = json.loads(tracker(store, "show", "everything", "--json"))
    assert (shown["name"], shown["project"], shown["status"]) == ("all of it", "demo", "failed")
    assert (shown["group"], shown["job_type"], shown["notes"]) == ("g", "j", "two\nlines")
    assert shown["exit_code"] == 3
    assert shown["config"] == {
        "lr": 0.1, "optim/name": "sgd", "optim/betas": [1, 2], "late": True
    }  # fmt: skip
    assert shown["summary"]["best"] == 0.25
    said = tracker(store, "import", "wandb", work / "wandb")
    assert "0 records taken" in said


def killed(client, log_of, least):
    """SIGKILL the client once its log has `least` bytes."""
    until = time.monotonic() + LIMIT_S
    while True:
        found = log_of()
        if found and found[0].stat().st_size >= least:
            break
        assert time.monotonic() < until
        time.sleep(0.05)
    client.send_signal(signal.SIGKILL)
    client.wait()


def test_a_killed_client_and_one_that_is_watched(tmp_path):
    """A run that is taken while it grows is shown as running; killed, it ends as crashed."""
    work, store = tmp_path / "work", tmp_path / "store"
    watch = [TRACKER, "import", "wandb", work / "wandb", "--watch"]
    environment = os.environ | {"TRACKER_DIR": str(store)}
    with (
        wandb_client.start(work, GROWING) as client,
        subprocess.Popen(watch, env=environment, stdout=subprocess.PIPE, text=True) as watching,
    ):
        try:
            say(client, 100)
            wait_for(lambda: len(logged(store)) >= 60)
            assert json.loads(tracker(store, "show", "growing", "--json"))["status"] == "running"
            say(client, 150)
            wait_for(lambda: len(logged(store)) >= 200)
            client.kill()
            client.wait()
            watching.send_signal(signal.SIGINT)
            said, _ = watching.communicate(timeout=LIMIT_S)
            assert watching.returncode == 0
            assert "no end is recorded" in said
        finally:
            client.kill()
            watching.kill()
    tracker(store, "import", "wandb", work)
    rows = logged(store)
    assert [step for step, _ in rows] == list(range(len(rows)))
    assert len(rows) >= 200
    assert all(values == {"loss": float(step), "long": "x" * 2000} for step, values in rows)
    assert json.loads(tracker(store, "show", "growing", "--json"))["status"] == "crashed"


def say(client, rows):
    client.stdin.write(f"{rows}\n")
    client.stdin.flush()


def wait_for(condition):
    until = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


def logged(store):
    if not (store / "store.json").exists():
        return []
    return [(e.step, e.values) for e in events(store, "growing") if isinstance(e, Log)]


def test_damage_is_told_and_has_its_exit_code(everything, tmp_path):
    """A flipped byte costs its record, which is told by its number and place."""
    _, work, _ = everything
    (log,) = wandb_client.logs(work)
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    hurt = tmp_path / "hurt.wandb"
    hurt.write_bytes(content)
    said = tracker(tmp_path / "store", "import", "wandb", hurt, check=3)
    assert "damaged: bytes " in said
    assert " are lost" in said


def test_what_is_no_log_is_said(tmp_path):
    """A folder without any run, and a path that is not there."""
    tracker(tmp_path / "store", "import", "wandb", tmp_path, check=2)
    tracker(tmp_path / "store", "import", "wandb", tmp_path / "nowhere", check=2)
