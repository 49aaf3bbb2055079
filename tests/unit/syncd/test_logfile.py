"""Lines of the log: each once, in order, whole; through rotation, and whoever wrote them."""

from __future__ import annotations

import json

import pytest

from syncd.logfile import LogFile


@pytest.fixture
def log(store):
    with LogFile(store) as file:
        yield file


def write(path, *events, level="INFO"):
    with path.open("a") as file:
        for event in events:
            file.write(json.dumps({"timestamp": "t", "level": level, "event": event}) + "\n")


def events(lines):
    return [line.fields.get("event", line.text) for line in lines]


def test_no_file_is_no_lines(log):
    assert (events(log.before()), events(log.more())) == ([], [])


def test_what_comes_is_given_once(log):
    write(log.path, "a", "b")
    assert events(log.more()) == ["a", "b"]
    assert events(log.more()) == []
    write(log.path, "c")
    assert events(log.more()) == ["c"]


def test_a_line_that_is_not_whole_waits(log):
    log.path.write_text('{"event": "a"}\n{"eve')
    assert events(log.more()) == ["a"]
    with log.path.open("a") as file:
        file.write('nt": "b"}\n')
    assert events(log.more()) == ["b"]


def test_rotation_loses_nothing_and_repeats_nothing(log):
    write(log.path, "a")
    assert events(log.more()) == ["a"]
    write(log.path, "b")
    log.path.replace(log.path.with_name("syncd.log.1"))
    write(log.path, "c")
    assert events(log.more()) == ["b", "c"]
    assert events(log.before()) == ["a", "b"]


def test_a_file_cut_short_is_begun_anew(log):
    write(log.path, "a", "b")
    list(log.more())
    log.path.write_text("")
    write(log.path, "c")
    assert events(log.more()) == ["c"]


def test_what_is_no_such_object_is_given_as_it_stands(log):
    log.path.write_bytes(b'Traceback\n[1]\n\xff{\n{"event": "a"}\n')
    assert events(log.more()) == ["Traceback", "[1]", "\ufffd{", "a"]


@pytest.mark.parametrize(
    ("word", "level"),
    [("WARN", "warn"), ("warning", "warn"), ("CRITICAL", "fatal"), ("x", None), (3, None)],
)
def test_levels_by_any_of_their_words(log, word, level):
    write(log.path, "a", level=word)
    [line] = log.more()
    assert line.level == level
    assert line.at_least("debug")
    assert line.at_least("warn") == (level is not None)
