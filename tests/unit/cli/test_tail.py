"""Following misses nothing at the end, and a line of a call fits the terminal."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

import tracker
from tracker.cli import program, tail, terminal
from tracker.cli.following import Call
from tracker.events import Log


def call(**values):
    return Call("0" * 16, Log(1, 0, 7, values))


def test_what_is_logged_between_the_last_look_and_the_end_is_printed(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKER_SILENT", "1")
    run = tracker.init(name="r", dir=tmp_path / "store")
    run.log({"x": 1})

    def last_words(_view, _following):
        run.log({"x": 2})
        run.finish()
        return True

    monkeypatch.setattr(tail, "_ended", last_words)
    done = CliRunner().invoke(program.program, ["tail", "r", "--dir", str(tmp_path / "store")])

    lines = done.output.splitlines()
    assert done.exit_code == 0
    assert [line.split()[-1] for line in lines[1:3]] == ["x=1", "x=2"]
    assert lines[3].startswith("finished after")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_line_fits_and_counts_what_it_leaves_out(width):
    values = {f"metric/number/{n}": n / 3 for n in range(30)}
    line = tail.line(call(**values), width)
    assert terminal.columns(line) <= width
    left = int(line.rpartition("…")[2].split()[0])
    assert line.count("=") + left == 30


def test_what_fits_is_whole():
    assert tail.line(call(a=1, b=0.5, c="t"), 80).endswith('      7  a=1  b=0.5  c="t"')


def test_a_single_text_that_is_too_long_is_cut():
    line = tail.line(call(text="x" * 500), 80)
    assert terminal.columns(line) == 80
    assert line.endswith("…")
