"""A metric's lines fit the terminal and cut no name that there is room for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tracker.cli import drawing, terminal
from tracker.index.history import History
from tracker.query import Figures


def lines(key, values, width):
    points = np.array(values, dtype=np.float64)
    steps = np.arange(len(points), dtype=np.int64)
    history = History(steps, steps, points, steps * 0, ("0" * 16,))
    figures = Figures(
        count=len(points), nans=0, first=points[0], last=-1.234e-100, min=-1.234e-100,
        max=-1.234e300, mean=-1.234e-100, last_step=0, min_step=12345, max_step=12345,
    )  # fmt: skip
    return list(drawing.metric_lines(key, figures, history, drawing.rooms_for([key], width)))


@pytest.mark.parametrize("width", [80, 100, 140, 300])
@pytest.mark.parametrize("key", ["x", "a/very/long/name/of/a/metric/that/goes/on", "名前" * 20])
def test_lines_fit_the_terminal(key, width):
    for line in lines(key, [1.0, math.nan, 3.0], width):
        assert terminal.columns(line) <= width


def test_names_are_whole_where_there_is_room():
    key = "validation/top5/accuracy"
    assert key in lines(key, [1.0], 100)[0]
    assert "x" * 200 in lines("x" * 200, [1.0], terminal.UNLIMITED)[0]


def test_what_is_not_drawn_is_counted_by_kind():
    values = [math.nan, math.inf, math.inf, -math.inf, 1.0]
    assert lines("x", values, 80)[2].strip() == "not drawn: 1 NaN, 2 inf, 1 -inf"
    assert len(lines("x", [1.0], 80)) == 2
