"""A line of text as it is typed."""

from __future__ import annotations

from tracker.top.typed import Typed


def test_keys_add_and_take_away():
    typed = Typed()
    for char in "loss < 1":
        assert typed.press(char, char)
    typed.press("backspace", "\x7f")
    assert typed.text == "loss < "
    typed.press("ctrl+w", "\x17")
    assert typed.text == "loss"
    typed.press("ctrl+u", "\x15")
    assert not typed.press("backspace", "\x7f")
    assert typed.text == ""


def test_what_cannot_be_printed_is_not_taken():
    typed = Typed()
    assert not typed.press("f1", None)
    typed.paste("a\x1b[31mb\nc")
    assert typed.text == "a[31mb"
