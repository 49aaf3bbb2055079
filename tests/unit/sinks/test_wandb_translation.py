"""Events in W&B's terms: every point can be told again from its row, whatever the order."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.sinks import Item, Point
from syncd.sinks.wandb.sending import mark
from syncd.sinks.wandb.translation import points, summary, translate
from syncd.sinks.wandb.values import number, read_number, told
from tracker.events import Config, Console, Log, Summary, System, Tags

T0 = 1_790_000_000_123_456_789
NUMBERS = st.one_of(
    st.floats(), st.integers(-(2**63), 2**64 - 1), st.booleans(), st.text(max_size=8)
)
LOGS = st.tuples(
    st.sampled_from(["one", "two"]),  # writer
    st.integers(0, 10**15),  # time, from T0 on
    st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1)),
    st.dictionaries(st.sampled_from(["a", "b", "_step", "NaN", "x/y"]), NUMBERS, max_size=4),
)


def told_twice(point: Point) -> tuple[object, ...]:
    return point.key, point.step, point.time_ms, repr(float(point.value))


def run(items, state=None):
    """Translate items in their order: entries, rows as a server gives them back, and the state."""
    state, entries, rows = state or {}, [], {}
    for item in items:
        made, share, state = translate(state, item)
        json.dumps(state)
        entries.append(made)
        rows |= share.rows
    return entries, json.loads(json.dumps(rows)), state


@settings(max_examples=100, deadline=None)
@given(st.lists(LOGS, max_size=12))
def test_every_point_is_told_again_from_its_row(logs):
    """Key, true step, millisecond, value; steps of rows only grow, no ordinal is left out."""
    items = [Item(w, Log(i + 1, T0 + t, s, v)) for i, (w, t, s, v) in enumerate(logs)]
    entries, rows, state = run(items)
    said = sorted(told_twice(p) for each in entries for p in each.points)
    assert sorted(told_twice(p) for row in rows.values() for p in points(row)) == said
    assert [int(at) for at in rows] == list(range(len(rows))) or not rows
    steps = [row["_step"] for row in rows.values()]
    assert steps == sorted(set(steps))
    assert all(step >= 0 for step in steps)
    assert state.get("row", 0) == len(rows)


@pytest.mark.parametrize(
    ("values", "stand"),
    [
        ({"a": 1.5, "b": -2.0}, {"a": 1.5, "b": -2.0}),
        ({"a": 1e308, "b": 1e308}, {"a": 1e308, "b": 1e308}),
        ({"a": math.inf, "b": -math.inf}, {"a": "Infinity", "b": "-Infinity"}),
        ({"a": 1.0, "b": math.nan}, {"a": 1.0, "b": "NaN"}),
        ({"a": 1.0, "_step": 2.0}, {"a": 1.0, "_x5f_step": 2.0}),
    ],
)
def test_numbers_that_are_summed_up_stand_each_as_it_is(values, stand):
    """A sum too large, or of infinities, tells nothing of its parts: each is looked at then."""
    _, rows, _ = run([Item("w", Log(1, T0, 0, values))])
    assert {key: rows["0"][key] for key in stand} == stand


@settings(max_examples=100, deadline=None)
@given(st.lists(LOGS, max_size=12), st.integers(0, 12))
def test_it_is_the_same_however_it_is_cut_into_batches(logs, at):
    """A row that is open at the end of a batch goes on in the next one."""
    items = [Item(w, Log(i + 1, T0 + t, s, v)) for i, (w, t, s, v) in enumerate(logs)]
    _, whole, state = run(items)
    _, first, middle = run(items[:at])
    _, rest, end = run(items[at:], json.loads(json.dumps(middle)))
    assert first | rest == whole
    assert end == state
    assert mark(end) == mark(state)


@settings(max_examples=100, deadline=None)
@given(st.lists(LOGS, max_size=12), st.randoms())
def test_how_many_rows_there_are_depends_on_no_order(logs, chance):
    """Writers merged in another order, each in its own, make as many rows."""
    items = [Item(w, Log(i + 1, T0 + t, s, v)) for i, (w, t, s, v) in enumerate(logs)]
    queues = {w: [item for item in items if item.writer_id == w] for w in ("one", "two")}
    other = []
    while any(queues.values()):
        other.append(queues[chance.choice([w for w in queues if queues[w]])].pop(0))
    assert run(items)[2].get("row") == run(other)[2].get("row")


@pytest.mark.parametrize("time", [0, -5_000_000, 1, 999_999_999, T0, T0 + 899, 2**62])
def test_the_millisecond_is_exact(time):
    """Whatever a float makes of the seconds."""
    entries, rows, _ = run([Item("w", Log(1, time, 0, {"a": 1.0}))])
    assert points(rows["0"]) == entries[0].points
    assert entries[0].points[0].time_ms == time // 1_000_000


@given(st.one_of(st.floats(), st.integers(-(2**70), 2**70), st.booleans()))
def test_numbers_are_read_back(value):
    held = read_number(json.loads(json.dumps(number(value))))
    assert repr(held) == repr(float(value))


def test_a_number_is_told_the_same_as_float_and_as_integer():
    """Services differ in whether 3.0 comes back as 3."""
    assert (
        told({"b": 3.0, "a": [1.0, 0.5]}) == told({"a": [1, 0.5], "b": 3}) == '{"a":[1,0.5],"b":3}'
    )
    assert told("3.0") == "3.0"
    assert told(None) == "null"


def test_calls_join_a_row_until_a_key_comes_twice():
    items = [
        Item("w", Log(1, T0, 1, {"a": 1})), Item("w", Log(2, T0, 1, {"b": 2})),
        Item("w", Log(3, T0, 1, {"a": 3})), Item("x", Log(1, T0, 1, {"c": 4})),
        Item("w", Log(4, T0, 1, {"b": 5})),
    ]  # fmt: skip
    _, rows, _ = run(items)
    made = [{k: v for k, v in row.items() if k in "abc"} for row in rows.values()]
    assert made == [{"a": 1, "b": 2}, {"a": 3, "b": 5}, {"c": 4}]


def test_a_row_that_is_long_takes_no_more():
    """The state would have to hold it, so it lets go of it."""
    items = [Item("w", Log(i, T0, 1, {f"k{i}": "x" * 40_000})) for i in range(1, 5)]
    assert len(run(items)[1]) == 4
    wide = Item("w", Log(9, T0, 5, {f"k{i}": "x" * 40_000 for i in range(9)}))
    assert run([*items, wide])[2]["open"] == {}


def test_the_summary_has_last_values_and_those_that_were_set():
    items = [
        Item("w", Summary(1, T0, {"best": 0.9})), Item("w", Log(2, T0, 1, {"best": 0.1, "l": 1.0})),
        Item("w", Log(3, T0, 2, {"l": math.nan})),
    ]  # fmt: skip
    entries, _, state = run(items)
    held = summary(state)
    assert (held["best"], held["l"], held["_step"]) == (0.9, "NaN", 2)
    assert entries[0].tags == {"summary.best": "0.9"}


def test_other_events():
    config, share, _ = translate(
        {}, Item("w", Config(1, T0, {"deep": {"nan": math.nan}, "_wandb": 1}))
    )
    assert share.config == {"deep": {"nan": "NaN"}, "_x5f_wandb": 1}
    assert config.params["deep"] == '{"nan":"NaN"}'
    tags, _, _ = translate({}, Item("w", Tags(1, T0, {"summary.x": "1"}, ["summary.y"])))
    assert tags.tags == {"_x73_ummary.x": "1"}
    assert tags.removed_tags == ["_x73_ummary.y"]
    _, share, state = translate({}, Item("w", System(1, T0, {"cpu": math.inf})))
    assert share.system == {0: {"_wandb": True, "_timestamp": 1790000000.123456, "_runtime": 0.0,
                                "system.cpu": "Infinity"}}  # fmt: skip
    assert state["system"] == 1
    _, share, _ = translate(state, Item("w", Console(1, T0, "stderr", "a\n")))
    assert share.lines == {0: "ERROR 2026-09-21T14:13:20.123456 a"}
