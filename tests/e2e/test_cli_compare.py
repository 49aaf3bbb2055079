"""`tracker compare`, `best` and `diff` as a person and a program use them."""

from __future__ import annotations

import pytest

from tests.e2e.recording import document, record, refused, tracker

TRAININGS = """
import math, tracker
def train(name, lr, seed, end, **more):
    with tracker.init(project="digits", name=name, config={"lr": lr, "seed": seed}, **more) as run:
        for step in range(50):
            run.log({"loss": end + math.exp(-step / 9), "acc": 1 - end, "x": step}, step=step)
for seed in range(3):
    train(f"base-{seed}", 0.1, seed, 0.30 + seed / 100, tags="baseline" if seed == 0 else None)
    train(f"small-{seed}", 0.01, seed, 0.10 + seed / 100)
with tracker.init(project="odd", name="nan") as run:
    run.log({"loss": math.nan})
with tracker.init(project="odd", name="other") as run:
    run.log({"y": 1})
with tracker.init(project="ev\\x1bil", name="na\\x1b[31mme", config={"k\\x1b": "\\x07"}) as run:
    run.log({"loss": 5.0})
"""
CRASHED = """
import os, signal, tracker
run = tracker.init(project="digits", name="crashed", config={"lr": 1.0})
run.log({"loss": 2.0})
os.kill(os.getpid(), signal.SIGKILL)
"""
CHOSEN = ("compare", "--project", "digits", "--metric", "loss", "--baseline", "baseline")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = tmp_path_factory.mktemp("compare") / "store"
    assert record(store, TRAININGS) == 0
    assert record(store, CRASHED) != 0
    return store


def test_compare_says_which_is_best_why_and_how_sure(store):
    done = tracker(store, *CHOSEN)
    assert done.returncode == 0, done.stderr
    title, _, heading, first, *rest = done.stdout.splitlines()
    assert title == "loss: last value, lower is better, by its name; 7 runs"
    assert heading.split()[:6] == ["#", "RUN", "ID", "LOSS", "VS", "BASE"]
    assert first.split()[:2] == ["1", "small-0"]
    assert "outside" in first
    text = "\n".join(rest)
    assert "Take small-0 (n = 3): loss is 0.1143 against 0.3143 of the baseline base-0" in text
    assert "confidence  low" in text
    assert "others that may not be whole: crashed crashed" in text
    assert "0.01: 1 to 3; 0.1: 4 to 6; 1: 7" in text
    (crashed,) = [line for line in rest if line.startswith("7  crashed")]
    assert "not known" not in crashed
    assert crashed.split("  ")[-1].strip() == "crashed"


def test_json_is_the_comparison(store):
    told = document(store, *CHOSEN)
    assert list(told)[:3] == ["best_run", "metrics_delta", "recommendation"]
    names = {run["id"]: run["name"] for run in told["runs"]}
    assert names[told["best_run"]] == "small-0"
    assert names[told["baseline"]] == "base-0"
    assert told["metrics_delta"]["loss"] == pytest.approx(-0.2)
    assert told["metrics_delta"]["acc"] == pytest.approx(0.2)
    (crashed,) = [run for run in told["runs"] if run["name"] == "crashed"]
    assert crashed["incomplete"] == ["crashed"]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_compare_fits_the_terminal(store, columns):
    done = tracker(store, *CHOSEN, "--plot", COLUMNS=str(columns))
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= columns
    assert "small-0" in done.stdout


def test_plot_draws_in_braille_or_ascii(store):
    shown = tracker(store, *CHOSEN, "--plot", PYTHONIOENCODING="utf-8", TERM="xterm").stdout
    plain = tracker(store, *CHOSEN, "--plot", PYTHONIOENCODING="utf-8", TERM="linux").stdout
    assert any(0x2800 < ord(char) < 0x2900 for char in shown)
    assert not any(0x2800 <= ord(char) < 0x2900 for char in plain)
    assert "+-----" in plain
    for text in (shown, plain):
        assert "a small-0 (#1)" in text
        assert "0                " in text


def test_markdown_and_html_are_written(store, tmp_path):
    page = tmp_path / "report.html"
    done = tracker(store, *CHOSEN, "--markdown", "--html", str(page))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("### loss: last value")
    assert "report.html" in done.stderr
    assert page.read_text(encoding="utf-8").count("<polyline") > 7
    again = tracker(store, *CHOSEN, "--html", str(page))
    refused(again, 2, "report.html", "--force")
    assert tracker(store, *CHOSEN, "--html", str(page), "--force").returncode == 0


def test_best_names_the_run_and_the_next(store):
    done = tracker(store, "best", "--metric", "acc", "--project", "digits")
    assert done.stdout.startswith("small-0  finished  digits  ")
    assert "higher is better, by its name" in done.stdout
    assert "second: small-1" in done.stdout
    told = document(store, "best", "--metric", "x", "--mode", "min", "--figure", "mean")
    assert (told["value"], told["of"], told["ranked"]) == (24.5, 10, 6)


def test_a_query_chooses_runs(store):
    query = "config.lr < 0.5 and project = 'digits'"
    for arguments in ((query,), ("--filter", query)):
        told = document(store, "compare", *arguments, "--metric", "loss")
        assert len(told["runs"]) == 6
        assert {run["project"] for run in told["runs"]} == {"digits"}
    done = tracker(store, "best", "config.lr <> <", "--metric", "loss")
    assert done.returncode == 2
    assert "^" in done.stderr


def test_diff_shows_what_differs(store):
    done = tracker(store, "diff", "base-0", "small-0")
    assert done.returncode == 0, done.stderr
    assert "lr  0.1  0.01" in done.stdout
    assert "seed" not in done.stdout
    told = document(store, "diff", "base-0", "small-0")
    found = {(each["kind"], each["key"]): (each["a"], each["b"]) for each in told["differences"]}
    assert found["config", "lr"] == (0.1, 0.01)
    assert found["tags", "baseline"] == ("", None)


def test_names_cannot_steer_the_terminal(store):
    for arguments in (("compare", "--metric", "loss", "--plot"), ("best", "--metric", "loss"),
                      ("diff", "base-0", "na\x1b[31mme")):  # fmt: skip
        done = tracker(store, *arguments)
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        assert "\x07" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("compare", "base-0", "--metric", "loss"), 2, ("two different runs",)),
        (("compare", "base-0", "small-0", "--metric", "los"), 2, ("'los'", "'loss'")),
        (("compare", "base-0", "small-0"), 2, ("--metric", "'acc', 'loss', 'x'")),
        (("compare", "nan", "other"), 2, ("no metric in common", "'loss', 'y'")),
        (("compare", "base-0", "small-0", "--metric", "x"), 2, ("'x'", "--mode min or --mode max")),
        (("compare", "base-0", "small-9", "--metric", "loss"), 1, ("small-9", "Nearest")),
        (("compare", "base-0", "--tag", "x", "--metric", "loss"), 2, ("either runs",)),
        (("compare", "--tag", "none", "--metric", "loss"), 2, ("no run is like that",)),
        (("compare", "base-0", "base-1", "--metric", "loss", "--json", "--markdown"), 2, ("one",)),
        (("best", "nan", "--metric", "loss"), 2, ("finite",)),
        (("diff", "base-0", "base-0"), 2, ("same run",)),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_a_line(store, arguments, code, words):
    refused(tracker(store, *arguments), code, *words)
