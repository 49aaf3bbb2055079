"""What reaches a terminal is printable and as wide as it is said to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.cli import terminal


def test_wide_characters_take_two_columns_and_marks_none():
    assert terminal.columns("名前") == 4
    assert terminal.columns("e\u0301") == 1


@given(st.text(st.characters(exclude_categories=["C"])), st.integers(0, 20))
def test_cut_and_fitted_text_keeps_to_its_room(text, room):
    assert terminal.columns(terminal.cut(text, room)) <= room
    assert terminal.columns(terminal.fitted(text, room)) == room


def test_a_cut_is_marked_and_what_fits_is_whole():
    assert terminal.cut("abcdef", 4) == "abc…"
    assert terminal.cut("abcd", 4) == "abcd"
    assert terminal.cut("名前名前", 4) == "名…"


def test_figures_stand_at_the_right():
    assert terminal.fitted("7", 3, right=True) == "  7"


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr(terminal, "width", lambda: 30)


@pytest.mark.usefixtures("narrow")
def test_running_text_is_wrapped_below_itself_and_nothing_of_it_lost():
    lines = terminal.wrapped("error  ", "one two three four five " + "x" * 40)
    assert lines[0].startswith("error  one two")
    assert all(line.startswith(" " * 7) for line in lines[1:])
    assert max(map(len, lines)) <= 30
    assert "".join(lines).count("x") == 40


def test_where_nobody_s_lines_wrap_text_is_one_line(monkeypatch):
    monkeypatch.setattr(terminal, "width", lambda: terminal.UNLIMITED)
    assert terminal.wrapped("a ", "word " * 100) == ["a " + "word " * 100]


@given(st.text(st.characters(exclude_categories=["C"])), st.integers(2, 20))
def test_folded_text_keeps_to_its_room_and_loses_nothing(text, room):
    pieces = terminal.folded(text, room)
    assert "".join(pieces) == text
    assert all(terminal.columns(piece) <= room for piece in pieces)
