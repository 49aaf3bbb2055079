"""The keys of `tracker top`."""

from __future__ import annotations

import inspect

import pytest

from tracker.top import keys

pytest.importorskip("textual")


def test_each_key_does_something_and_is_told():
    from tracker.top.app import Top  # noqa: PLC0415 - needs textual

    for key, (name, *given) in keys.DOES.items():
        inspect.signature(getattr(Top, name)).bind(None, *given)
        told = {" ": "space", "escape": "esc", "pageup": "pgup", "pagedown": "pgdn"}.get(key, key)
        assert (
            told.replace("ctrl+q", "ctrl-c") in keys.ALL.split()
            or f"{told};" in keys.ALL
            or (f"{told})" in keys.ALL)
        ), key


def test_the_last_line_fits_and_always_says_where_all_keys_are():
    for width in range(10, 100):
        assert len(keys.fitting(width)) <= width
        assert keys.fitting(width).endswith("? all keys")
    assert all(len(line) < 80 for line in keys.ALL.splitlines())
