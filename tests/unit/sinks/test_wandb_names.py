"""Names at W&B: what it takes, and no two become one."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.sinks.wandb.names import OWN_FILES, label, map_key, map_path, map_project, map_tag

KEYS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["_step", "_timestamp", "_runtime", "_wandb", "_tracker", "_x5f_step", "_x_"]),
)


def unmap(name: str) -> str:
    """The name that a name was mapped from: what proves one to one."""
    if name == "_x_":
        return ""
    return re.sub(r"_x([0-9a-f]{1,6})_", lambda found: chr(int(found[1], 16)), name)


@settings(max_examples=300, deadline=None)
@given(KEYS)
def test_keys_are_turned_back_and_never_ours(key):
    mapped = map_key(key)
    assert unmap(mapped) == key
    assert not mapped.startswith(("_step", "_timestamp", "_runtime", "_wandb", "_tracker"))
    assert mapped


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_projects_are_taken(name):
    mapped = map_project(name)
    assert 1 <= len(mapped) <= 128
    assert not set(mapped) & set("/\\#?%:")


def test_long_projects_differ():
    assert map_project("p" * 200 + "a") != map_project("p" * 200 + "b")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_tags_have_1_to_64_characters(name, value):
    assert 1 <= len(label(name, value)) <= 64
    assert not map_tag(name).startswith("summary.")


def test_files_of_w_and_b_keep_their_names():
    for name in OWN_FILES:
        assert map_path(name) not in OWN_FILES
        assert map_path(f"folder/{name}") == f"folder/{name}"
    assert map_path("a?/b") == "a_x3f_/b"
