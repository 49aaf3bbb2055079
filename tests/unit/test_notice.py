"""What a run says never stands in the way of the training."""

from __future__ import annotations

import io
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.notice import Notice, shown


def test_a_warning_is_said_once_if_asked(capfd):
    notice = Notice(silent=False)
    for _ in range(3):
        notice.warn("this", once="key")
        notice.say("that")
    assert capfd.readouterr().err == "tracker: warning: this\n" + "tracker: that\n" * 3


class Reentrant(io.StringIO):
    def write(self, _):
        raise RuntimeError("reentrant call")


class Gone(io.StringIO):
    def write(self, _):
        raise BrokenPipeError


@pytest.mark.parametrize("stream", [None, Reentrant(), Gone()])
def test_a_standard_error_in_any_state_raises_nothing(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    Notice(silent=False).say("text")
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    Notice(silent=False).warn("text")


def test_a_logger_that_raises_is_no_trouble(capfd):
    class Broken(logging.Handler):
        def emit(self, _):
            raise RuntimeError

    handler = Broken()
    logging.getLogger("tracker").addHandler(handler)
    try:
        Notice(silent=True).warn("text")
    finally:
        logging.getLogger("tracker").removeHandler(handler)
    assert capfd.readouterr().err == ""


@given(st.text(st.characters()))
def test_shown_text_is_always_printable(text):
    assert shown(text).isprintable()


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_printable_text_of_any_script_stays_as_it_is(text):
    assert shown(text) == text


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202egnp", "\\u202egnp"),
        ("\ud800", "\\ud800"),
        ("\u2028", "\\u2028"),
    ],
)
def test_what_steers_a_terminal_is_escaped(raw, safe):
    assert shown(raw) == safe


def test_a_run_s_name_reaches_the_terminal_escaped(capfd):
    """What steers a terminal in a name or text is shown, not obeyed, and no new line is begun."""
    Notice(silent=False).say("run \x1b[31mred\n is recorded")
    assert capfd.readouterr().err == "tracker: run \\x1b[31mred\\n is recorded\n"
