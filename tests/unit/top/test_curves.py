"""The pane of curves: pages of metrics, and runs that have none of them."""

from __future__ import annotations

import click
import pytest

import tracker
from tracker.cli import terminal
from tracker.top import curves
from tracker.top.points import Points
from tracker.top.wish import Wish

KEYS = [f"m{number}" for number in range(5)]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKER_SILENT", "1")
    for name in ("one", "two"):
        with tracker.init("p", name=name, dir=tmp_path) as run:
            for step in range(5):
                run.log({key: step + 1.0 for key in KEYS if name == "one" or key != "m0"})
    store = tracker.open(tmp_path)
    return [store.run("one"), store.run("two")]


def test_pages_of_metrics_follow_each_other_and_begin_again():
    small = [curves.page(Wish(width=80, height=11, page=page), KEYS) for page in range(6)]
    assert [list(one.keys) for one in small] == [[key] for key in [*KEYS, "m0"]]
    assert small[1].said == "metric 2 of 5, n: next"
    large = curves.page(Wish(width=140, height=38, page=1), KEYS)
    assert (list(large.keys), large.said) == (KEYS, "")


@pytest.mark.parametrize("size", [(80, 12), (140, 38), (200, 60), (30, 6), (5, 2), (0, 1)])
def test_pictures_fit_the_pane(runs, size):
    wish = Wish(width=size[0], height=size[1])
    lines = curves.lines(wish, runs, KEYS, Points())
    assert len(lines) <= size[1]
    assert all(terminal.columns(click.unstyle(line)) <= size[0] for line in lines)


def test_a_run_without_the_metric_is_named_so(runs):
    lines = curves.lines(Wish(), runs, ["m0"], Points())
    assert "b two: none" in click.unstyle("\n".join(lines))
    (_, said) = curves.lines(Wish(), runs[1:], ["m0"], Points())
    assert said == "two has no points of it"


def test_points_are_read_again_only_where_some_were_added(runs):
    points = Points()
    first = points.of(runs[0], "m0")
    assert points.of(runs[0], "m0") is first
    runs[0].events += 1
    assert points.of(runs[0], "m0") is not first
    points.sweep()
    points.sweep()
    again = points.of(runs[0], "m0")
    assert again is not first
