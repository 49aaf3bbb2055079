"""`config`, `summary` and `tags` read as they were set, and record each change once."""

from __future__ import annotations

import threading

import pytest

from tracker.errors import BadInput
from tracker.fields import Fields, Tags, tags_of


class Mute:
    """Neither its text nor its repr can be had."""

    def __str__(self):
        raise RuntimeError("no words")

    __repr__ = __str__


class Shut(dict):
    def items(self):
        raise RuntimeError("shut")


def refuse(problems, lost):
    raise AssertionError((problems, lost))


@pytest.fixture
def fields():
    changes = []
    told = []
    made = Fields(changes.append, {"old": 1}, lambda problems, lost: told.append((problems, lost)))
    object.__setattr__(made, "changes", changes)
    object.__setattr__(made, "told", told)
    return made


def test_only_what_changed_is_recorded(fields):
    fields.update({"old": 1, "new": 2})
    fields.update(new=2)
    fields["old"] = 1.0
    fields.nested = {"a": {"b": [1, (2,)]}}
    assert fields.changes == [{"new": 2}, {"old": 1.0}, {"nested/a/b": [1, [2]]}]


def test_a_key_that_is_a_value_and_a_prefix_shows_both_in_either_order():
    for order in (("a", "a/b"), ("a/b", "a")):
        made = Fields(lambda _: None, {}, refuse)
        for key in order:
            made[key] = key
        assert made.as_dict() == {"a": "a", "a/b": "a/b"}
        assert made["a"] == "a"
        assert made["a/b"] == "a/b"


def test_it_is_a_mapping_and_has_attributes(fields):
    fields.update([("x/y", 1)])
    assert set(fields) == {"old", "x/y"}
    assert len(fields) == 2
    assert fields.get("absent") is None
    assert fields.x == {"y": 1}
    assert repr(fields) == "{'old': 1, 'x': {'y': 1}}"
    with pytest.raises(KeyError):
        fields["absent"]
    with pytest.raises(AttributeError):
        _ = fields._private


def test_reading_while_another_thread_sets_never_raises(fields):
    stop = threading.Event()

    def change():
        number = 0
        while not stop.is_set():
            number += 1
            fields[f"k/{number % 5000}"] = number

    thread = threading.Thread(target=change)
    thread.start()
    for _ in range(200):
        assert "absent" not in fields
        fields.as_dict()
        list(fields.items())
    stop.set()
    thread.join()


def test_tags_change_as_said():
    changes = []
    tags = Tags(lambda new, gone: changes.append((new, gone)), {"a": ""}, refuse)
    tags["v"] = 2
    tags.add("a", "b")
    tags += ["b"]
    tags += "team=x"
    tags.replace(None)
    assert changes == [
        ({"v": "2"}, []), ({"b": ""}, []), ({"team": "x"}, []), ({}, ["a", "v", "b", "team"]),
    ]  # fmt: skip
    assert not tags
    with pytest.raises(KeyError):
        del tags["a"]


def test_tags_in_their_forms():
    assert tags_of(" a, b = c ,,") == {"a": "", "b": "c"}
    assert tags_of(None) == {}
    assert tags_of(("x", 1)) == {"x": "", "1": ""}
    with pytest.raises(BadInput, match=r"tags=1\.5"):
        tags_of(1.5)


@pytest.mark.parametrize(
    ("given", "kept", "words", "lost"),
    [
        ({1: "x", "1": "y"}, {"1": "y"}, ["key 1 is recorded as '1'", "'1' is given twice"], 1),
        ({"a": {"b": 1}, "a/b": 2}, {"a/b": 2}, ["'a/b' is given twice"], 1),
        ({2: None}, {"2": None}, ["key 2 is recorded as '2'"], 0),
        ({"n": [10**30]}, {"n": [str(10**30)]}, ["'n' holds an integer of more than 64 bits"], 0),
        ({"n": 2**64 - 1}, {"n": 2**64 - 1}, [], 0),
        ({"l": [{1: 2, "1": 3}]}, {"l": [{"1": 3}]}, ["'l' holds the key '1' twice"], 0),
        ({Mute(): 1}, {"<Mute>": 1}, ["key <Mute> is recorded as '<Mute>'"], 0),
        ({"m": Mute()}, {"m": "<Mute>"}, ["'m' holds a Mute that cannot be read"], 0),
        ({"a": 1, "s": Shut(b=2)}, {"a": 1}, ["cannot be read: RuntimeError('shut')"], 1),
    ],
)  # fmt: skip
def test_what_is_not_kept_as_it_was_given_is_told_by_its_key(fields, given, kept, words, lost):
    fields.update(given)
    assert fields.changes == [kept]
    assert len(fields.told) == bool(words)
    for problems, left_out in fields.told:
        assert left_out == lost
        assert len(problems) == len(words)
        for problem, word in zip(problems, words, strict=True):
            assert word in problem


def test_what_is_nested_too_deep_is_told_and_counted(fields):
    deep = {"x": 1}
    for _ in range(40):
        deep = {"d": deep}
    fields.update(deep)
    ((problem,), lost) = fields.told[0]
    assert "nested more than 32 levels deep" in problem
    assert lost == 1
    assert fields.changes == []


def test_a_stranger_s_text_that_raises_stays_out_of_the_training(fields):
    fields[Mute()] = 1
    assert fields[Mute()] == 1
    assert Mute() in fields
    changes = []
    tags = Tags(lambda new, gone: changes.append((new, gone)), {}, refuse)
    tags.add(Mute())
    tags["a"] = Mute()
    assert changes == [({"<Mute>": ""}, []), ({"a": "<Mute>"}, [])]


def test_a_tag_without_a_name_is_told_and_left_out():
    changes, told = [], []
    tags = Tags(lambda *change: changes.append(change), {}, lambda *said: told.append(said))
    tags += "=x,b"
    assert changes == [({"b": ""}, [])]
    ((problems, lost),) = told
    assert "without a name" in problems[0]
    assert lost == 1
