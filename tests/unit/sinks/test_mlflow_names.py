"""Names for MLflow: taken by the real server's own check, and turned back."""

from __future__ import annotations

import posixpath
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.sinks.mlflow.names import MAX_KEY, map_name

RESERVED = ("tracker.", "config.", "_x")
NASTY = st.text(alphabet="_x40af/.-@ \n#", max_size=16)
NAMES = st.one_of(st.text(max_size=30), NASTY)


def unmap(name: str) -> str:
    """The name that a name was mapped from, if it was not cut: what proves one to one."""
    if name == "_x_":
        return ""
    return re.sub(r"_x([0-9a-f]{1,6})_", lambda found: chr(int(found[1], 16)), name)


def taken(name: str) -> bool:
    """The server's rule, as mlflow/utils/validation.py has it."""
    return (
        re.fullmatch(r"[/\w.\- :]+", name) is not None
        and posixpath.normpath(name) == name
        and not name.startswith(("..", "/"))
        and name != "."
        and len(name) <= MAX_KEY
    )


@settings(max_examples=1000, deadline=None)
@given(NAMES)
def test_every_name_is_taken_and_turned_back(name):
    """Mapping is one to one as long as nothing is cut."""
    mapped = map_name(name)
    assert taken(mapped)
    assert unmap(mapped) == name


@settings(max_examples=1000, deadline=None)
@given(NAMES, st.sampled_from([*RESERVED, ""]))
def test_reserved_beginnings_are_kept_free(name, beginning):
    """No name of a user's begins as ours do, and it is still turned back."""
    mapped = map_name(beginning + name, RESERVED[:2])
    assert taken(mapped)
    assert not mapped.startswith(RESERVED[:2])
    assert unmap(mapped) == beginning + name


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=200, max_size=600))
def test_long_names_are_cut_apart(name):
    """They fit, and differ where the whole names do."""
    assert taken(map_name(name))
    longer = "n" * 300 + name
    assert map_name(longer + "a") != map_name(longer + "b")


@pytest.mark.parametrize(
    "name", ["train/loss", "a b", "gpu:0", "_x", "max_x1", "a_xb_mean", "x_x_x"]
)
def test_good_names_stay_as_they_are(name):
    """What the server takes is not touched, unless it reads as an escape."""
    expected = {"a_xb_mean": "a_x5f_xb_mean"}.get(name, name)
    assert map_name(name) == expected
