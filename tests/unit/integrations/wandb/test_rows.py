"""Rows of a history."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.integrations.wandb.records import Parser
from tracker.integrations.wandb.rows import Rows, is_computed, row_of

PARSER = Parser()

NAMES = st.text(min_size=1, max_size=4) | st.sampled_from(
    ["loss", "val/acc", "_step", "_timestamp", "_runtime", "_wandb", 'quo"te', "back\\slash", "é"]
)
NUMBERS = st.integers() | st.floats() | st.integers(-(2**70), 2**70)
VALUES = NUMBERS | st.text(max_size=10) | st.none() | st.booleans() | st.lists(NUMBERS, max_size=3)
STEPS = st.integers(0, 2**40)


def made(items, step=0, number=5, *, kind="history", info=False):
    record = PARSER.new()
    record.num = number
    target = record.history.item if kind == "history" else record.summary.update
    for name, text in items:
        item = target.add()
        item.nested_key.append(name)
        item.value_json = text
    if kind == "history":
        record.history.step.num = step
    if info:
        record._info.stream_id = "s"
    return record


def same(left, right):
    """Equal, types and NaN too."""
    return repr(left) == repr(right)


def plain(record):
    return Rows().plain(record.SerializeToString())


@settings(max_examples=60, deadline=None)
@given(
    items=st.dictionaries(NAMES, NUMBERS, min_size=1, max_size=14), step=STEPS,
    number=st.integers(1, 2**40), info=st.booleans(),
)  # fmt: skip
def test_the_short_way_says_what_the_long_one_says(items, step, number, info):
    """Whatever numbers and keys a row has, where the short way answers it is right."""
    texts = {"_step": str(step), "_timestamp": "1790000000.25"}
    texts |= {name: json.dumps(value) for name, value in items.items()}
    record = made(texts.items(), step, number, info=info)
    found = plain(record)
    assert found is None or same(found, row_of(record))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), items=st.dictionaries(NAMES, VALUES, min_size=1, max_size=6))
def test_the_short_way_is_not_fooled(data, items):
    """Rows of all kinds of values, and bytes changed anywhere: right, or left to the long way."""
    texts = {name: json.dumps(value) for name, value in items.items()}
    record = made((texts | {"_step": "7"}).items(), 7)
    content = bytearray(record.SerializeToString())
    found = Rows().plain(bytes(content))
    assert found is None or same(found, row_of(record))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    Rows().plain(bytes(content))


def test_a_nested_key_is_no_name():
    """A key of two parts looks like one with odd characters but for its length."""
    record = made([("_step", "3")], 3)
    item = record.history.item.add()
    item.nested_key.extend(["a", "b"])
    item.value_json = "1"
    assert plain(record) is None
    assert row_of(record).values == [{"a/b": 1}]


def test_the_short_way_is_taken():
    """Plain rows do go the short way, in any order of their keys, also new ones."""
    rows = Rows()
    for names in ("ab", "ba", "abc"):
        items = [(name, "1.5") for name in names]
        record = made([*items, ("_step", "3"), ("_timestamp", "5.5"), ("_runtime", "1")], 3)
        found = rows.plain(record.SerializeToString())
        assert found is not None
        assert (found.step, found.time) == (3, 5_500_000_000)
        assert found.values == [dict.fromkeys(names, 1.5)]


@pytest.mark.parametrize(
    "items",
    [
        [("a", '"text"')], [("a", "NaN")], [("a", "1"), ("a", "2")], [("a", "1e999")],
        [("a", "01")], [("_wandb", "1")], [("_timestamp", "-1")], [("a" * 200, "1")],
    ],
)  # fmt: skip
def test_what_is_not_plain_takes_the_long_way(items):
    """Texts, NaN, doubled keys, odd times and long names are left to the protobuf classes."""
    assert plain(made([*items, ("_step", "3")])) is None


def test_values_that_are_no_numbers():
    """Texts stay, lists become JSON, nulls are counted, dicts are joined with "/"."""
    record = PARSER.new()
    given = {
        ("text",): '"hi"', ("list",): "[1, 2]", ("none",): "null", ("a", "b"): "1",
        ("deep",): '{"c": {"d": true}, "e": {}}', ("odd",): "no json", ("big",): str(2**80),
        ("nan",): "NaN", ("inf",): "-Infinity",
    }  # fmt: skip
    for path, text in given.items():
        item = record.history.item.add()
        item.nested_key.extend(path)
        item.value_json = text
    record.history.step.num = 9
    row = row_of(record)
    (values,) = row.values
    assert (row.step, row.time, row.empty, row.media) == (9, 0, 1, [])
    assert math.isnan(values.pop("nan"))
    assert values == {
        "text": "hi", "list": "[1, 2]", "a/b": 1, "deep/c/d": True, "deep/e": "{}",
        "odd": "no json", "big": float(2**80), "inf": -math.inf,
    }  # fmt: skip


def test_a_key_that_is_there_twice_keeps_both_values():
    """The key "a/b" and a dict a with b are one here: the row takes two log events."""
    record = made([("a/b", "1"), ("c", "2")])
    item = record.history.item.add()
    item.nested_key.extend(["a", "b"])
    item.value_json = "3"
    assert row_of(record).values == [{"a/b": 1, "c": 2}, {"a/b": 3}]


def test_summaries_that_the_client_computed_are_told_from_those_of_the_script():
    """By the nested keys and the absence of the script's mark."""
    assert is_computed(made([("a", "1")], kind="summary").SerializeToString())
    assert not is_computed(made([("a", "1")], kind="summary", info=True).SerializeToString())
    assert not is_computed(made([("a", "1")]).SerializeToString())
    record = PARSER.new()
    record.num = 3
    record.summary.update.add(key="a", value_json="1")
    assert not is_computed(record.SerializeToString())
