"""Curves on a terminal: nothing hidden, series told apart without colour, always in their room."""

from __future__ import annotations

import io
import math
import re
import sys

import numpy as np
import pytest

from tracker.cli import terminal
from tracker.cli.curve import Series, braille_shown, curve

BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def series(ys, name="loss", xs=None):
    at = np.arange(len(ys)) if xs is None else np.array(xs)
    return Series(name, at, np.array(ys, dtype=np.float64))


def plot(lines):
    """The lines beside the y axis, without it."""
    return [
        re.split("[│┤|+]", line, maxsplit=1)[1]
        for line in lines
        if re.search("[│┤|]|[^ ] [+]", line)
    ]


def dots(lines):
    """Dots of the picture as (column from the left, row from the bottom), read from the text."""
    rows = plot(lines)
    return {
        (2 * column + side, 4 * (len(rows) - row) - 1 - level)
        for row, text in enumerate(rows)
        for column, char in enumerate(text)
        if 0x2800 <= ord(char) < 0x2900
        for level in range(4)
        for side in range(2)
        if (ord(char) - 0x2800) & BITS[level][side]
    }


@pytest.mark.parametrize("at", [0, 6_789, 9_999])
def test_a_single_spike_among_many_points_reaches_the_top(at):
    values = [0.0] * 10_000
    values[at] = 1.0
    drawn = dots(curve([series(values)], 60, 12))
    top = max(row for _, row in drawn)
    columns = max(column for column, _ in drawn) + 1
    assert top == 4 * 9 - 1
    (spike,) = {column for column, row in drawn if row == top}
    assert spike == round(at / 9_999 * (columns - 1))
    assert {(spike, row) for row in range(top + 1)} <= drawn


def test_points_are_joined_but_not_across_what_is_not_finite():
    whole = dots(curve([series([0, 1, 2, 3])], 60, 8))
    broken = dots(curve([series([0, 1, math.nan, 3])], 60, 8))
    width = max(column for column, _ in whole)
    assert {column for column, _ in whole} == set(range(width + 1))
    missing = {column for column, _ in whole} - {column for column, _ in broken}
    assert missing == {column for column in range(width) if column > width / 3 + 0.5}


def test_axes_say_smallest_and_largest_value_and_step():
    lines = curve([series([0.25, 4.5], xs=[10, 990])], 60, 12)
    labels = {row: line.split("┤")[0].strip() for row, line in enumerate(lines) if "┤" in line}
    assert labels == {0: "4.5", 4: "2.375", 8: "0.25"}
    assert lines[10].split() == ["10", "step", "990"]
    assert lines[11] == "loss"


def test_labels_have_as_many_digits_as_tell_them_apart():
    lines = curve([series([0.9823456, 0.9823461])], 60, 8)
    ends = [line.split()[0] for line in lines if "┤" in line]
    assert ends == ["0.9823461", "0.9823456"]


def test_a_constant_is_a_line_in_the_middle_with_its_value():
    lines = curve([series([5.0] * 8)], 40, 10)
    assert [line.split()[0] for line in lines if "┤" in line] == ["5"]
    assert len({row for _, row in dots(lines)}) == 1


def test_a_single_point_is_seen():
    lines = curve([series([5.0], xs=[3])], 40, 10)
    assert len(dots(lines)) == 1
    assert "step 3" in lines[-2]


@pytest.mark.parametrize("braille", [True, False])
def test_several_series_are_told_apart_without_colour(braille):
    lines = curve([series([0, 1], "up"), series([1, 0], "down")], 60, 12, braille=braille)
    rows = plot(lines)
    assert (rows[0].rstrip()[-1], rows[-1].rstrip()[-1]) == ("a", "b")
    assert lines[-1] == "a up  b down"


@pytest.mark.parametrize("braille", [True, False])
def test_equal_curves_both_show(braille):
    lines = curve([series([0, 1], "one"), series([0, 1], "two")], 60, 12, braille=braille)
    assert {"a", "b"} <= set("".join(plot(lines)))


def test_each_character_has_the_colour_of_its_series():
    def paint(number, text):
        return f"<{number}>{text}"

    lines = curve([series([0, 0], "low"), series([1, 1], "high")], 40, 8, paint=paint)
    assert "<0>" not in lines[0]
    assert lines[0].count("<1>") == 40 - len("0 ┤")
    assert lines[-1] == "<0>a low  <1>b high"


def test_ascii_is_ascii():
    lines = curve([series([0, 1]), series([1, math.nan])], 60, 12, braille=False)
    assert "\n".join(lines).isascii()


def test_what_is_not_finite_is_counted_and_leaves_the_scale_alone():
    values = [0.0, math.nan, math.inf, 1.0, -math.inf, math.inf]
    lines = curve([series(values)], 60, 8)
    assert lines[-1] == "loss (not drawn: NaN, inf, -inf)"
    assert [line.split()[0] for line in lines if "┤" in line] == ["1", "0"]


@pytest.mark.parametrize("values", [[], [math.nan, math.inf]])
def test_nothing_to_draw_is_said(values):
    lines = curve([series(values)], 60, 8)
    assert lines[0] == "nothing to draw: there is no finite value"
    assert lines[1].startswith("loss")
    assert curve([], 60, 8)[0] == lines[0]


def test_late_points_stand_where_their_steps_are():
    late = curve([series([3, 1, 2], xs=[30, 10, 20])], 60, 8)
    assert late == curve([series([1, 2, 3], xs=[10, 20, 30])], 60, 8)


def test_the_widest_range_of_floats_and_steps_is_drawn():
    lines = curve([series([-1.7e308, 1.7e308], xs=[-(2**63) + 1, 2**63 - 1])], 60, 8)
    rows = {row for _, row in dots(lines)}
    assert (min(rows), max(rows)) == (0, 4 * 5 - 1)


def test_neighbouring_floats_are_drawn_without_error():
    assert dots(curve([series([5e-324, 0.0])], 60, 8))


@pytest.mark.parametrize("braille", [True, False])
def test_no_room_is_overstepped(braille):
    many = [series([n, n + 1], f"名 {n}") for n in range(40)]
    for count in (0, 1, 3, 40):
        for width in (1, 23, 24, 31, 80):
            for height in (1, 4, 5, 8, 24):
                lines = curve(many[:count], width, height, braille=braille)
                assert len(lines) <= height
                assert max(map(terminal.columns, lines)) <= width, (count, width, height)


def test_series_beyond_the_letters_and_names_beyond_the_room_are_counted():
    many = [series([n, n + 1], f"run {n}") for n in range(30)]
    lines = curve(many, 40, 9)
    assert lines[-2:] == ["e run 4  f run 5  g run 6  h run 7", "and 22 more, 4 of them not drawn"]
    assert {"a", "z"} <= set("".join(plot(lines)))


def test_names_cannot_steer_the_terminal():
    lines = curve([series([0, 1], "\x1b[2J\nloss")], 60, 8)
    assert lines[-1] == "\\x1b[2J\\nloss"


@pytest.mark.parametrize(
    ("encoding", "term", "shown"),
    [("utf-8", "xterm", True), ("ascii", "xterm", False), ("latin-1", "xterm", False),
     ("utf-8", "linux", False)],
)  # fmt: skip
def test_braille_is_for_terminals_that_show_it(encoding, term, shown, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    monkeypatch.setenv("TERM", term)
    assert braille_shown() is shown


def test_a_logarithmic_axis_has_equal_factors_at_equal_heights():
    lines = curve([series([1, 10, 100, 1000, 10000])], 60, 12, log=True)
    labels = [line.split("┤")[0].strip() for line in lines if "┤" in line]
    assert labels == ["10000", "100", "1"]
    heights = [row for _, row in sorted(dots(lines))]
    assert heights == sorted(heights)


def test_what_has_no_logarithm_is_counted_and_not_drawn():
    lines = curve([series([1, 0, -5, math.nan, 10])], 60, 12, log=True)
    assert lines[-1] == "loss (not drawn: NaN, not above 0)"
    nothing = curve([series([0, -1])], 60, 12, log=True)
    assert nothing[0] == "nothing to draw: there is no finite value above 0"
