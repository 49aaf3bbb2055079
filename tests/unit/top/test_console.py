"""The last lines that a run wrote."""

from __future__ import annotations

import pytest

import tracker
from tracker.top import console


@pytest.fixture(autouse=True)
def _silent(monkeypatch):
    monkeypatch.setenv("TRACKER_SILENT", "1")


def run_of(folder, *written):
    with tracker.init("p", name="r", dir=folder) as run:
        for text, stream in written:
            run.log_console(text, stream=stream)
    return tracker.open(folder).run("r")


def test_the_last_lines_are_those_at_the_end_of_all(tmp_path):
    many = "".join(f"line {n}\n" for n in range(50))
    run = run_of(tmp_path, (many, "stdout"), ("half", "stdout"), (" and half\n", "stdout"))
    whole = [line.text for line in run.console()]
    assert [line.text for line in run.last_lines(1000)] == whole
    assert [line.text for line in run.last_lines(3)] == ["line 48", "line 49", "half and half"]


def test_a_progress_bar_is_its_last_state_and_colours_are_left_out(tmp_path):
    run = run_of(tmp_path, ("\r 10%\r 50%\r\x1b[32m100%\x1b[0m done\x07\n", "stderr"))
    (line,) = console.lines(run, 80)
    assert "100% done\\x07" in line
    assert "10%" not in line.replace("100%", "")


def test_long_lines_are_folded(tmp_path):
    run = run_of(tmp_path, ("x" * 100 + "\n", "stdout"))
    assert [line.count("x") for line in console.lines(run, 60)] == [50, 50]
