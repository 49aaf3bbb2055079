"""Events in MLflow's terms."""

from __future__ import annotations

import copy
import math
import random

import msgspec
import pytest

from syncd.sinks import Cursors, Entries, Item
from syncd.sinks.mlflow.sending import cursor_tags
from syncd.sinks.mlflow.translation import MAX_VALUES, set_back, translate
from tracker.events import (
    Artifact,
    Config,
    Console,
    Event,
    Finish,
    Log,
    Media,
    Summary,
    System,
    Tags,
    Unknown,
)

T0 = 1_790_000_000_000
NS = 1_000_000


def log(ms: int, values: dict, step: int = 0) -> Log:
    return Log(1, ms * NS, step, values)


def run(events: list[Event], state: dict | None = None) -> tuple[list[Entries], dict]:
    state = {} if state is None else state
    found = []
    for event in events:
        entries, state = translate(state, Item("w", event))
        found.append(entries)
    return found, state


def rows(found: list[Entries]) -> list[tuple]:
    return [(p.key, p.step, p.time_ms, repr(p.value + 0.0)) for e in found for p in e.points]


@pytest.mark.parametrize("seed", range(30))
def test_no_two_points_share_a_row_and_the_order_does_not_matter(seed):
    """However events of a few milliseconds are ordered, the same distinct rows come out."""
    print(f"seed {seed}")  # noqa: T201 - pytest shows it where the test fails
    chance = random.Random(seed)
    values = [0.0, -0.0, 1.0, math.nan, math.inf]
    events = [
        log(T0, {k: chance.choice(values) for k in chance.sample("abc", 2)}, chance.randrange(2))
        for _ in range(60)
    ]
    found, _ = run(events)
    assert len(set(rows(found))) == len(rows(found)) == 120
    chance.shuffle(events)
    assert sorted(rows(run(events)[0])) == sorted(rows(found))


def test_a_first_point_before_1970_is_translated_like_any_other():
    """A clock that was never set gives negative times; what to do with them is the server's."""
    found, _ = run([log(-5, {"a": 1.0}), log(-5, {"a": 1.0}), log(3, {"a": 1.0})])
    assert [entries.points[0].time_ms for entries in found] == [-5, -4, 3]


@pytest.mark.parametrize("seed", range(30))
def test_time_that_goes_on_and_back_a_little_keeps_points_apart(seed):
    """As long as no event is earlier than one before it, every point has its own row."""
    print(f"seed {seed}")  # noqa: T201 - pytest shows it where the test fails
    chance = random.Random(seed)
    times = sorted(T0 + chance.randrange(8) for _ in range(80))
    found, _ = run([log(ms, {"a": chance.choice([1.0, 2.0])}, chance.randrange(2)) for ms in times])
    assert len(set(rows(found))) == 80


def test_translation_is_pure_and_its_state_survives_json():
    """Cut anywhere, stored as JSON and taken up again, the outcome is the same."""
    chance = random.Random(5)
    events: list[Event] = [
        log(T0 + i // 9, {"a": chance.choice([1, math.nan, math.inf]), "b": i // 20}, i % 2)
        for i in range(100)
    ]
    events[50:50] = [Config(1, T0 * NS, {"k": 1, "é": [1, math.nan]}), Config(1, 1, {"k": 2})]
    whole, last = run(events)
    state: dict = {}
    found = []
    for event in events:
        before = copy.deepcopy(state)
        entries, after = translate(state, Item("w", event))
        assert state == before
        found.append(entries)
        state = msgspec.json.decode(msgspec.json.encode(after))
    assert rows(found) == rows(whole)
    assert [e.notes for e in found] == [e.notes for e in whole]
    assert state == last


def test_the_state_stays_small():
    """A long run leaves no more than its params and its last millisecond behind."""
    _, state = run([log(T0 + i, {f"m{k}": k / 3 for k in range(10)}, i) for i in range(500)])
    assert len(msgspec.json.encode(state)) < 1000


def test_a_moved_twin_is_said():
    """The note names the key and both times."""
    found, _ = run([log(T0, {"a": 1}), log(T0, {"a": 1.0, "b": 1})])
    assert [p.time_ms for p in found[1].points] == [T0 + 1, T0]
    assert [(n.what, n.key) for n in found[1].notes] == [("moved", "a")]


@pytest.mark.parametrize(
    "event",
    [
        Artifact(1, 1, "model", "model", "0" * 64, 1, 1),
        Finish(1, 1, "finished"),
        Unknown(1, 1, 99, []),
        Log(1, 1, 0, {"only": "text"}),
        Summary(1, 1, {}),
    ],
)
def test_what_files_and_finish_carry_is_no_entry(event):
    """Texts, artifacts and the end reach the remote on other ways."""
    entries, state = translate({}, Item("w", event))
    assert entries == Entries()
    assert not state.get("params")


def test_a_files_cursor_of_nothing_is_no_tag():
    """Its absence says 0 as well."""
    cursors = Cursors({"w1": 3, "w2": 4}, {"w1": 0, "w2": 2})
    assert cursor_tags(cursors) == {
        "tracker.cursor.w1": "3", "tracker.cursor.w2": "4", "tracker.files.w2": "2",
    }  # fmt: skip


def test_measures_of_the_machine_are_metrics_at_the_seconds_since_the_first():
    """Their own namespace; console and media are files and make no entry."""
    seconds = (0, 0.5, 1.2, 61)
    events = [System(1, int((T0 / 1000 + s) * 1e9), {"cpu": s, "gpu@0": 1.0}) for s in seconds]
    found, state = run([Console(9, 1, "stdout", "x"), Media(9, 1, 0, "k", "image", []), *events])
    assert [e.points for e in found[:2]] == [[], []]
    assert [(p.key, p.step, p.value) for e in found for p in e.points if p.key == "system/cpu"] == [
        ("system/cpu", step, value) for step, value in zip((0, 0, 1, 61), seconds, strict=True)
    ]
    assert "system/gpu_x40_0" in {p.key for e in found for p in e.points}
    assert (
        run([System(1, (T0 // 1000 + 90) * 10**9, {"cpu": 1.0})], state)[0][0].points[0].step == 90
    )


def test_tags_that_are_set_back():
    """An earlier value of ours is known again, the last eight of them; what others set is not."""
    state = {}
    for seq, value in enumerate(["a", "a", *"bcdefghij"], 1):
        _, state = translate(state, Item("w", Tags(seq, T0, {"t": value, "same": "s"}, [])))
    assert set_back(state, {"t": "j", "same": "x"}) == {}
    assert set_back(state, {"t": "c", "same": "s"}) == {"t": "j"}
    assert set_back(state, {"t": "by a person"}) == {}
    assert set_back(state, {}) == {}  # it was removed by somebody else
    assert set_back(state, {"t": "b"}) == {}  # forgotten
    assert len(state["tags"]["t"]) == MAX_VALUES
    _, state = translate(state, Item("w", Tags(20, T0, {}, ["t"])))
    assert set_back(state, {"t": "j"}) == {"t": None}
    assert set_back(state, {}) == {}
    _, state = translate(state, Item("w", Tags(21, T0, {"t": "z"}, [])))
    assert set_back(state, {}) == {"t": "z"}
