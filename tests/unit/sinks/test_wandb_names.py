"""Names at W&B: what it takes, and no two become one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.sinks.wandb.names import OWN_FILES, map_path, map_tag
from tracker.integrations.wandb.naming import tag_name


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_tags_have_1_to_64_characters(name, value):
    assert 1 <= len(tag_name(name, value)) <= 64
    assert not map_tag(name).startswith("summary.")


def test_files_of_w_and_b_keep_their_names():
    for name in OWN_FILES:
        assert map_path(name) not in OWN_FILES
        assert map_path(f"folder/{name}") == f"folder/{name}"
    assert map_path("a?/b") == "a_x3f_/b"
