"""Tables keep to the width: cells are cut, then columns dropped, and no line wraps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracker.cli import table, terminal
from tracker.cli.table import Column

TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=40)


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=5), st.integers(10, 120))
def test_no_line_is_wider_than_the_room(rows, room):
    cells = list(zip(*rows, strict=True))
    columns = [
        Column("FIRST", list(cells[0]), least=5),
        Column("SECOND", list(cells[1]), least=6),
        Column("THIRD", list(cells[2]), optional=True),
    ]
    for line in table.lines(columns, room):
        assert terminal.columns(line) <= room


def test_with_room_nothing_is_cut_and_figures_stand_at_the_right():
    columns = [Column("NAME", ["a", "longer"]), Column("N", ["1", "20"], right=True)]
    assert table.lines(columns, 80) == ["NAME     N", "a        1", "longer  20"]


def test_the_widest_column_gives_first_and_only_to_its_least():
    columns = [Column("A", ["x" * 30], least=10), Column("B", ["y" * 12], least=12)]
    (_, line) = table.lines(columns, 24)
    assert line == "x" * 9 + "…  " + "y" * 12


def test_an_optional_column_that_does_not_fit_is_left_out_and_a_later_one_taken():
    columns = [
        Column("A", ["1"]),
        Column("LONG", ["x" * 50], optional=True),
        Column("C", ["3"], optional=True),
    ]
    assert table.lines(columns, 20) == ["A  C", "1  3"]


def test_where_not_even_the_least_fits_the_last_columns_go():
    columns = [Column("A", ["a" * 9], least=9), Column("B", ["b" * 9], least=9)]
    assert table.lines(columns, 12) == ["A", "a" * 9]
