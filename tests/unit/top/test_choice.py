"""Metrics that a person may mean."""

from __future__ import annotations

from tracker.top.choice import first, ranked

KEYS = ["accuracy", "grad/norm", "train/loss", "val/loss", "loss"]


def test_a_loss_is_shown_first_and_else_the_first():
    assert first(KEYS) == "train/loss"
    assert first(["a", "b"]) == "a"
    assert first([]) is None


def test_nothing_typed_leaves_all_as_they_are():
    assert ranked(" ", KEYS) == KEYS


def test_names_that_begin_so_come_before_those_that_hold_it():
    assert ranked("LOSS", KEYS) == ["loss", "train/loss", "val/loss"]


def test_a_misspelled_name_gives_the_nearest():
    assert ranked("acuracy", KEYS) == ["accuracy"]
    assert ranked("zzzzzz", KEYS) == []
