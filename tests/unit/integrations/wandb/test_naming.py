"""Names are what W&B takes, and no key of the user's hides one of W&B's."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.integrations.wandb.naming import (
    artifact_name,
    key_name,
    key_of,
    project_name,
    tag_name,
)

KEYS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["_step", "_timestamp", "_runtime", "_wandb", "_tracker", "_x5f_step", "_x_"]),
)


@settings(max_examples=300, deadline=None)
@given(KEYS)
def test_keys_are_turned_back_and_never_ours(key):
    mapped = key_name(key)
    assert key_of(mapped) == key
    assert not mapped.startswith(("_step", "_timestamp", "_runtime", "_wandb", "_tracker"))
    assert mapped


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_projects_are_taken(name):
    mapped = project_name(name)
    assert 1 <= len(mapped) <= 128
    assert not set(mapped) & set("/\\#?%:")


def test_a_project_has_no_character_that_wandb_refuses():
    assert project_name("vision/a#b:c") == "vision_x2f_a_x23_b_x3a_c"
    assert project_name("Übung 1") == "Übung 1"
    assert project_name("") == "uncategorized"


def test_an_artifact_is_called_as_it_is_but_for_what_w_and_b_refuses():
    assert artifact_name("my model (é)/v1:a") == "my model (é)_x2f_v1_x3a_a"


def test_what_is_too_long_is_cut_and_still_told_apart():
    names = {project_name("x" * 200 + end) for end in "ab"}
    assert [len(name) for name in names] == [128, 128]
    tags = {tag_name("x" * 70, value) for value in ("", "1", "2")}
    assert [len(tag) for tag in tags] == [64, 64, 64]
    assert tag_name("team", "vision") == "team:vision"


def test_a_key_of_wandbs_own_is_moved_aside():
    assert key_name("loss") == "loss"
    assert key_name("_step") == "_x5f_step"
    assert key_name("_tracker_step") == "_x5f_tracker_step"
    assert key_name("") == "_x_"
