"""A run goes to W&B without us: its own client sends, shows and reads back what was exported."""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections import Counter
from pathlib import Path

import pytest

import tracker as reading
from tests import wandb_client
from tests.doubles.wandb_server import KEY, WandbServer
from tests.e2e.recording import record, refused, tracker

WANDB = str(Path(sys.executable).parent / "wandb")
LIMIT_S = 120.0

FULL = """
import math, pathlib, sys, tracker
with tracker.init(
    project="vision/digits", name="calm otter", id="full-1", group="sweep", job_type="train",
    config={"lr": 0.1, "optim": {"name": "adam"}, "layers": [1, {"a": None}], "nan": math.nan},
    tags={"baseline": "", "team": "vision", "x" * 70: ""}, notes="one\\ntwo",
) as run:
    for step in range(50):
        run.log({"loss": 1 / (step + 1), "точность/é x.y": step}, step=step)
    run.log({"late": 3.5, "loss": -1.0}, step=5)
    run.log({"late": 4}, step=-7)
    run.log({"loss": math.nan, "up": math.inf, "down": -math.inf, "big": 2**60 + 1}, step=60)
    run.log({"flag": True, "verdict": "très \\"fine\\" \\u2028", "_step": 1, "": 2}, step=60)
    run.log_system({"cpu": 12.5, "gpu.0.memory": 3})
    run.log_console("hello\\n")
    run.log_console("trouble\\n", "stderr")
    run.log_media("img", "image", [("a.png", b"small")], {"caption": "c"}, step=61)
    run.log_media("img", "image", [("b.png", b"large" * 100_000)], step=62)
    run.log_media("sizes", "histogram", [], {"values": [1, 2], "bins": [0, 1, 2]}, step=63)
    path = pathlib.Path("model.bin")
    path.write_bytes(b"weights" * 1000)
    run.log_artifact(path, name="my model", type="model")
    run.summary["best"] = 0.01
"""
RANK = """
import os, tracker
with tracker.init(project="digits", name="two ranks", id="ranks-1") as run:
    for step in range(30):
        run.log({"loss": step + run_rank / 10, "seen": step}, step=step)
""".replace("run_rank", "int(os.environ['RANK'])")
CRASHED = """
import os, signal, tracker
run = tracker.init(project="digits", name="crashed", id="crashed-1")
run.log({"loss": 1.0})
run.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
READ_BACK = """
import json, sys, wandb
runs = [wandb.Api().run(path) for path in sys.argv[1:]]
print(json.dumps([{
    "rows": list(run.scan_history()), "config": run.config, "tags": run.tags, "state": run.state,
    "name": run.name, "group": run.group, "job_type": run.job_type, "notes": run.notes,
    "summary": {key: run.summary.get(key) for key in ("best", "late", "verdict", "_step")},
    "files": sorted(file.name for file in run.files()),
    "artifacts": [[a.name, a.type, a.size, list(a.manifest.entries)]
                  for a in run.logged_artifacts()],
} for run in runs]))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A store with a full run, one of two ranks and one that crashed, each exported."""
    folder = tmp_path_factory.mktemp("giving")
    store = folder / "store"
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("c" * 40)
    assert record(store, FULL) == 0
    for rank in "01":
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RANK", rank)
            patch.setenv("WORLD_SIZE", "2")
            assert record(store, RANK) == 0
    assert record(store, CRASHED) == -signal.SIGKILL
    return folder


@pytest.fixture(scope="module")
def said(place):
    """What `tracker export` said of each run, by its id."""
    done = {}
    for run, more in (("full-1", ["--entity", "tester"]), ("ranks-1", []), ("crashed-1", [])):
        told = tracker(place / "store", "export", run, "--format", "wandb", *more)
        assert (told.returncode, told.stdout) == (0, ""), told.stderr
        done[run] = told.stderr
    return done


def exported(place, run):
    """The run folder; the time in its name is another one on each machine."""
    (found,) = (place / "wandb").glob(f"offline-run-*-{run}")
    return found


def client(place, url, *command):
    """Run a command of the real client against a server."""
    env = wandb_client.environment(place / "client") | {"WANDB_BASE_URL": url, "WANDB_API_KEY": KEY}
    del env["WANDB_MODE"], env["WANDB_SILENT"]
    return subprocess.run(
        command, env=env, cwd=place, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


@pytest.fixture(scope="module")
def sent(place, said):
    """What the real API reads back after one real `wandb sync` of all, by run id."""
    with WandbServer() as server:
        done = client(place, server.url, WANDB, "sync", *(exported(place, run) for run in said))
        assert done.returncode == 0, done.stdout + done.stderr
        assert not set(server.complaints) - {"unauthorized"}, server.complaints
        paths = [
            "tester/vision_x2f_digits/full-1",
            "tester/digits/ranks-1",
            "tester/digits/crashed-1",
        ]
        read = client(place, server.url, sys.executable, "-c", READ_BACK, *paths)
        assert read.returncode == 0, read.stderr
        found = dict(zip(said, json.loads(read.stdout), strict=True))
        for run, path in zip(said, paths, strict=True):
            at = server.run(*path.split("/"))
            found[run] |= {"console": list(at.console), "events": list(at.events)}
            found[run]["contents"] = dict(at.files)
        return found


def points(rows):
    """Points of W&B's rows: key, true step, time in milliseconds, value; NaN is a word there."""
    fixed = ("_step", "_tracker_step", "_tracker_times", "_timestamp", "_runtime")
    found = Counter()
    for row in rows:
        step = row.get("_tracker_step", row["_step"])
        time_ms = round(row["_timestamp"] * 1e6) // 1000
        times = json.loads(row.get("_tracker_times", "{}"))
        for key, value in row.items():
            if key not in fixed and not isinstance(value, dict):
                found[key, step, times.get(key, time_ms), value] += 1
    return found


def recorded(place, run):
    """The same of what was recorded, from the journals, under W&B's names."""
    names = {"_step": "_x5f_step", "": "_x_"}
    found = Counter()
    for row in reading.open(place / "store").run(run).rows():
        for key, value in row.values.items():
            found[names.get(key, key), row.step, row.time_ns // 10**6, in_words(value)] += 1
    return found


def in_words(value):
    """A value as W&B's API tells it."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]


@pytest.mark.parametrize("run", ["full-1", "ranks-1", "crashed-1"])
def test_every_point_arrives_once_with_its_step_time_and_value(place, sent, run):
    """Late and negative steps, NaN, infinities, Unicode keys, large integers, texts, two ranks."""
    wanted = recorded(place, run)
    assert points(sent[run]["rows"]) == wanted
    assert sum(wanted.values()) == {"full-1": 111, "ranks-1": 120, "crashed-1": 1}[run]


def test_steps_rise_and_the_true_one_of_a_moved_row_stands_beside_it(sent):
    """So no row hides another from W&B's client, and nothing is guessed when going back."""
    for run in sent.values():
        steps = [row["_step"] for row in run["rows"]]
        assert steps == sorted(set(steps))
        assert min(steps) >= 0
    late = [(row["_step"], row["_tracker_step"]) for row in sent["full-1"]["rows"]
            if "_tracker_step" in row]  # fmt: skip
    assert late == [(50, 5), (51, -7)]
    both = [row.get("_tracker_step", row["_step"]) for row in sent["ranks-1"]["rows"]]
    assert both == sorted([*range(30), *range(30)])  # no rank waits for the other's end


def test_the_run_is_described_as_it_was(sent):
    full = sent["full-1"]
    assert (full["name"], full["group"], full["job_type"]) == ("calm otter", "sweep", "train")
    assert (full["notes"], full["state"]) == ("one\ntwo", "finished")
    plain, valued, cut = sorted(full["tags"])
    assert (plain, valued) == ("baseline", "team:vision")
    assert (cut[:47], len(cut)) == ("x" * 47, 64)
    config = {key: value for key, value in full["config"].items() if key != "_wandb"}
    assert str(config.pop("nan")).lower() == "nan"
    assert config == {"lr": 0.1, "optim/name": "adam", "layers": [1, {"a": None}]}
    verdict = 'très "fine" \u2028'
    assert full["summary"] == {"best": 0.01, "late": 4, "verdict": verdict, "_step": 63}


def test_console_measures_media_and_artifacts_go_along(sent):
    full = sent["full-1"]
    assert [line.split(" ")[-1].strip() for line in full["console"]] == ["hello", "trouble"]
    assert full["console"][1].startswith("ERROR")
    (measures,) = full["events"]
    assert (measures["system.cpu"], measures["system.gpu.0.memory"]) == (12.5, 3)
    shown = [row["img"] for row in full["rows"] if "img" in row]
    assert [(img["_type"], img.get("caption")) for img in shown] == [
        ("image-file", "c"), ("image-file", None),
    ]  # fmt: skip
    assert [full["contents"][img["path"]] for img in shown] == [b"small", b"large" * 100_000]
    (sizes,) = (row["sizes"] for row in full["rows"] if "sizes" in row)
    assert sizes == {"_type": "histogram", "values": [1, 2], "bins": [0, 1, 2]}
    assert full["artifacts"] == [["my model:v0", "model", 7000, ["model.bin"]]]
    metadata = json.loads(full["contents"]["wandb-metadata.json"])
    assert metadata["username"]
    assert metadata["python"].startswith("3.")
    assert metadata["git"]["commit"] == "c" * 40


def test_what_wandb_will_have_of_it_is_said(said):
    assert "56 rows, 2 media files, 1 artifact version" in said["full-1"]
    assert "2 rows of a step that goes back" in said["full-1"]
    assert "_tracker_step" in said["full-1"]
    assert "60 rows\n59 rows of a step" in said["ranks-1"]
    assert "1 row\nLook at it: wandb leet" in said["crashed-1"]
    assert all("wandb sync" in text for text in said.values())


@pytest.mark.usefixtures("said")
def test_wandbs_own_reader_finds_every_record_and_no_end_of_a_crashed_run(place):
    """`wandb leet inspect` is the reader of the installed client; the file is sound to its end."""
    done = client(place, "http://127.0.0.1:1", WANDB, "leet", "inspect", "--json",
                  exported(place, "crashed-1"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [entry["type"] for entry in found]
    assert kinds == ["header", "run", "environment", "history", "summary"]


@pytest.mark.usefixtures("said")
def test_leet_shows_the_run_in_a_terminal(place):
    """`wandb beta leet` opens the folder: the run's name and a metric stand on the screen."""
    pid, terminal = pty.fork()
    if pid == 0:  # the child: nothing but the program
        env = wandb_client.environment(place / "client") | {"TERM": "xterm-256color"}
        with contextlib.suppress(OSError):
            os.execve(WANDB, [WANDB, "beta", "leet", str(exported(place, "full-1"))], env)  # noqa: S606 - as said
        os._exit(127)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    try:
        screen = seen(terminal, (b"calm otter", b"loss"))
    finally:
        os.killpg(pid, signal.SIGKILL)  # the command starts another program
        os.waitpid(pid, 0)
        os.close(terminal)
    assert b"calm otter" in screen, screen[-2000:]
    assert b"loss" in screen, screen[-2000:]


def seen(terminal, words):
    """Read what a program draws until all words stood there, it ends, or the time is over."""
    screen, limit = b"", time.monotonic() + LIMIT_S
    while not all(word in screen for word in words) and time.monotonic() < limit:
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            drawn = os.read(terminal, 65536)
        except OSError:  # how Linux says that the program has ended
            break
        screen += drawn
        if b"\x1b]11;?" in drawn:  # asked for its background, as a terminal would be
            os.write(terminal, b"\x1b]11;rgb:0000/0000/0000\x1b\\")
    return screen


@pytest.mark.usefixtures("said")
def test_a_folder_that_is_there_is_replaced_only_with_force(place, tmp_path):
    out = tmp_path / "out"
    home = out / exported(place, "crashed-1").name
    home.mkdir(parents=True)
    (home / "mark").write_text("precious")
    command = ("export", "crashed-1", "--format", "wandb", "--output", str(out))
    refused(tracker(place / "store", *command), 2, "--force", "is there already")
    assert (home / "mark").exists()
    done = tracker(place / "store", *command, "--force")
    assert done.returncode == 0, done.stderr
    assert not (home / "mark").exists()
    assert (home / "run-crashed-1.wandb").exists()
    assert list(out.iterdir()) == [home]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("full-1", "--format", "csv", "--entity", "me"), 2, ("--entity", "wandb")),
        (("no-such", "--format", "wandb"), 1, ("no run", "no-such")),
        (("full-1", "--format", "wandb", "--output", "no/such"), 1, ("--output", "no/such")),
        (("full-1", "--format", "wandb", "--output", "store/store.json"), 1, ("store.json",)),
    ],
)
def test_what_is_typed_wrongly_is_said(place, arguments, code, words):
    refused(tracker(place / "store", "export", *arguments), code, *words)


def test_without_wandb_it_says_what_to_install(place, tmp_path):
    (tmp_path / "wandb.py").write_text("raise ImportError('none here')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = ("export", "full-1", "--format", "wandb", "--output", str(tmp_path / "out"))
    refused(tracker(place / "store", *command, PYTHONPATH=path), 1, "'tracker-syncd[wandb]'")
    assert not (tmp_path / "out").exists()
