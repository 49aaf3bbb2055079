"""Escapes that platforms share: taken by file systems, and turned back."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.sinks.escapes import MAX_FILE_PART, map_file


def unmap(name: str) -> str:
    """The name that a name was mapped from, if it was not cut: what proves one to one."""
    if name == "_x_":
        return ""
    return re.sub(r"_x([0-9a-f]{1,6})_", lambda found: chr(int(found[1], 16)), name)


PARTS = st.text(
    alphabet=st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1
)


@settings(max_examples=1000, deadline=None)
@given(st.lists(PARTS, min_size=1, max_size=4))
def test_file_paths(parts):
    """Paths keep their parts; none is special, too long, or changed by a second decoding."""
    mapped = map_file("/".join(parts)).split("/")
    assert len(mapped) == len(parts)
    for part, ours in zip(mapped, parts, strict=True):
        assert part not in ("", ".", "..")
        assert not set(part) & set('%#?;:\\<>|"*\n\0')
        assert len(part.encode()) <= MAX_FILE_PART
        if len(ours) < 30:
            assert unmap(part) == ours
