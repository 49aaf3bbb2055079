"""The list of `tracker top`: its order, its filter, and that only what is seen is read."""

from __future__ import annotations

import pytest

import tracker
from tracker.top.listing import Listing, in_language
from tracker.top.wish import SORTS, Wish


@pytest.fixture
def listing(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKER_SILENT", "1")
    for number, name in enumerate(("beta", "Alpha", "gamma")):
        with tracker.init("p" if number else "q", name=name, id=name, dir=tmp_path) as run:
            if number:
                run.log({"loss": number})
    found = Listing(tracker.open(tmp_path))
    found.store.index.catch_up()
    return found


def ids(listing, metric="loss", **wish):
    listing.read(Wish(**wish), metric, object())
    return listing.ids


def test_each_order_and_the_other_way_round(listing):
    orders = {
        "started": ["gamma", "Alpha", "beta"],
        "name": ["Alpha", "beta", "gamma"],
        "project": ["gamma", "Alpha", "beta"],
        "status": ["gamma", "Alpha", "beta"],
        "metric": ["gamma", "Alpha", "beta"],
    }
    assert {*orders, "took"} == set(SORTS)
    for sort, expected in orders.items():
        assert ids(listing, sort=sort) == expected
        assert ids(listing, sort=sort, ascending=True) == expected[::-1]


def test_each_word_of_a_filter_is_somewhere_in_the_run(listing):
    assert ids(listing, filter="alp") == ["Alpha"]
    assert ids(listing, filter="p finished A") == ["gamma", "Alpha"]
    assert ids(listing, filter="100%") == []


def test_a_comparison_is_one_of_the_query_language(listing):
    assert ids(listing, filter="metrics.loss >= 1", sort="name") == ["Alpha", "gamma"]
    assert ids(listing, filter="loss is null order by name desc") != []
    assert ids(listing, filter="metrics.loss > 0 order by metrics.loss asc") == ["Alpha", "gamma"]
    assert not in_language("train/loss isabel link in")


def test_a_filter_that_cannot_be_read_leaves_the_list_as_it_was(listing):
    ids(listing, filter="alp")
    assert ids(listing, filter="metrics.loss > ") == ["Alpha"]
    assert listing.filter == "alp"
    assert "column" in listing.trouble
    ids(listing, filter="")
    assert listing.trouble is None


def test_only_rows_on_the_screen_and_those_that_are_chosen_are_read(listing):
    listing.read(Wish(first=1, count=1, cursor="beta"), "loss", 1)
    assert set(listing.rows) == {"Alpha", "beta"}
    assert listing.rows["Alpha"].last == 1
    assert listing.rows["beta"].last is None


def test_what_did_not_change_is_not_read_again(listing):
    listing.read(Wish(), "loss", 1)
    before = listing.ids
    listing.read(Wish(first=1), "loss", 1)
    assert listing.ids is before
    listing.read(Wish(), "loss", 2)
    assert listing.ids is not before
