"""Names are what W&B takes, and no key of the user's hides one of W&B's."""

from __future__ import annotations

from tracker.integrations.wandb.naming import artifact_name, key_name, project_name, tag_name


def test_a_project_has_no_character_that_wandb_refuses():
    assert project_name("vision/a#b:c") == "vision_x2f_a_x23_b_x3a_c"
    assert project_name("Übung 1") == "Übung 1"
    assert project_name("") == "uncategorized"


def test_an_artifact_is_called_in_plain_characters():
    assert artifact_name("my model (é).bin") == "my-model----.bin"


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
