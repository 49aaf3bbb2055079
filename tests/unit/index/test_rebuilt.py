"""An index says the same of the same journals, whenever and in whatever portions it read them."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest

from tests.unit.index.stories import LOG, REWIND, Story, begin, dump
from tracker.events import Log, Rewind
from tracker.index import Index, catchup, sheets
from tracker.journal import journals, reader
from tracker.store import StoreFolder


@pytest.fixture
def folder(tmp_path):
    return StoreFolder.open(tmp_path / "store", create=True)


def portioned(monkeypatch, rows, block, interval):
    monkeypatch.setattr(sheets, "CHUNK_ROWS", rows)
    monkeypatch.setattr(reader, "BLOCK_EVENTS", block)
    monkeypatch.setattr(reader, "FIRST_BLOCK_EVENTS", min(block, 64))
    monkeypatch.setattr(catchup, "COMMIT_INTERVAL_S", interval)


@pytest.mark.parametrize("seed", range(8))
def test_deleted_and_rebuilt_it_is_equal_to_one_caught_up_at_random_moments(
    folder, monkeypatch, seed
):
    print("seed", seed)  # noqa: T201 - shown when it fails
    portioned(monkeypatch, 16, 8, 0.0)
    monkeypatch.setattr(sheets, "SHEETS", (1000, 4)[seed % 2])
    story, index = Story(folder, seed), Index(folder)
    for _ in range(600):
        story.step()
        if story.random.random() < 0.05:
            index.catch_up()
    index.catch_up()
    grown = dump(index)
    index.close()
    folder.index.unlink()
    portioned(monkeypatch, 16, 4096, 60.0)
    rebuilt = Index(folder)
    rebuilt.catch_up()
    assert dump(rebuilt) == grown
    assert grown["runs"]
    story.close()


def test_damage_found_in_a_running_journal_is_told_as_a_rebuilt_index_tells_it(folder):
    writer = begin(folder, "a" * 32, sync_interval_s=3600)
    for step in range(100):
        writer.append(LOG, step, {"loss": float(step)})
    index = Index(folder)
    index.catch_up()
    (file,) = folder.run("a" * 32).iterdir()
    for step in range(100, 200):
        writer.append(LOG, step, {"loss": float(step)})
    at = file.read_bytes().rindex(b"loss")
    with file.open("r+b") as other:
        other.seek(at)
        other.write(b"!")
    writer.append(LOG, 200, {"loss": 200.0})
    index.catch_up()
    assert index.query("SELECT count FROM metrics") == [(200,)]
    assert index.query("SELECT first_seq, last_seq FROM gaps") == [(201, 201)]
    writer.close()
    index.catch_up()
    grown = dump(index)
    index.close()
    folder.index.unlink()
    index.catch_up()
    assert dump(index) == grown
    assert [gap[5] for gap in grown["gaps"]] == ["corruption"]
    index.close()


def test_killed_at_the_last_commit_of_an_ended_journal_it_still_tells_the_end(folder, monkeypatch):
    writer = begin(folder, "a" * 32, sync_interval_s=3600)
    writer.append(LOG, 1, {"loss": 1.0})
    writer.close()
    portioned(monkeypatch, 16, 8, 0.0)
    index = Index(folder)
    with monkeypatch.context() as killed:
        killed.setattr(catchup.Projection, "close", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            index.catch_up()
    index.catch_up()
    assert index.query("SELECT state FROM journals") == [("ended",)]
    index.close()


def logged(folder, run_id):
    """Points per key and texts per key, straight from the journals, in order."""
    points, texts = defaultdict(list), defaultdict(list)
    for journal in journals(folder.run(run_id)):
        for event in journal.events():
            if isinstance(event, Log):
                for key, value in event.values.items():
                    if isinstance(value, str):
                        texts[key].append((event.step, event.time, value))
                    else:
                        where = (journal.writer_id, event.seq)
                        points[key].append((where, (event.step, event.time, value)))
    return points, texts


def by_branch(folder, run_id, points):
    """A key's points as (newest, old), each rewind applied to each point in turn."""
    old = set()
    for journal in journals(folder.run(run_id)):
        for event in journal.events():
            if isinstance(event, Rewind):
                before = {
                    place for place, _ in points
                    if place[0] in event.writers
                    or (place[0] == journal.writer_id and place[1] < event.seq)
                }  # fmt: skip
                if len(before) < len(points):  # the key was logged again
                    old |= {p for p, (step, *_) in points if p in before and step >= event.step}
    return (
        [point for place, point in points if place not in old],
        [point for place, point in points if place in old],
    )


@pytest.mark.parametrize("seed", range(100, 106))
def test_points_and_figures_are_those_of_the_journals(folder, monkeypatch, seed):
    print("seed", seed)  # noqa: T201 - shown when it fails
    portioned(monkeypatch, 32, 16, 0.0)
    monkeypatch.setattr(sheets, "SHEETS", (1000, 4)[seed % 2])
    story, index = Story(folder, seed), Index(folder)
    for _ in range(800):
        story.step()
        if story.random.random() < 0.02:
            index.catch_up()
    index.catch_up()
    checked = left_behind = 0
    for (run_id,) in index.query("SELECT id FROM runs"):
        points, texts = logged(folder, run_id)
        keys = index.query("SELECT key FROM metrics WHERE run = ?", (run_id,))
        assert {key for (key,) in keys} <= set(points)
        for key, expected in points.items():
            newest, old = by_branch(folder, run_id, expected)
            assert ((key,) in keys) == bool(newest)
            check_points(index.history(run_id, key), newest)
            check_points(index.history(run_id, key, branch="old"), old)
            check_points(index.history(run_id, key, branch="all"), [p for _, p in expected])
            row = index.query("SELECT * FROM metrics WHERE run = ? AND key = ?", (run_id, key))
            if newest:
                check_figures(row[0][2:], newest)
            checked += 1
            left_behind += len(old)
        for key, expected in texts.items():
            found = index.query(
                "SELECT step, time, value FROM texts WHERE run = ? AND key = ?", (run_id, key)
            )
            assert sorted(found) == sorted(expected)
    assert checked > 5
    assert left_behind
    story.close()


def test_where_two_processes_left_each_others_points_behind_a_metric_has_no_figures(folder):
    """Each rewound and named the other, so that nothing is on the newest branch."""
    first, second = (begin(folder, "a" * 32, sync_interval_s=3600) for _ in range(2))
    for own, other in ((first, second), (second, first)):
        own.append(LOG, 5, {"loss": 1.0})
        own.append(REWIND, 0, [other.id])
        own.append(LOG, 5, {"loss": 2.0})
    index = Index(folder)
    index.catch_up()
    assert index.query("SELECT * FROM metrics") == []
    assert len(index.history("a" * 32, "loss", branch="old").steps) == 4
    first.close()
    second.close()
    index.close()


def check_points(history, expected):
    assert history.steps.tolist() == [step for step, _, _ in expected]
    assert history.times.tolist() == [time for _, time, _ in expected]
    values = np.array([float(value) for _, _, value in expected])
    assert history.values.tobytes() == values.tobytes()  # to the bit: -0.0 and NaN too


def check_figures(row, expected):
    count, nans, first, last, least, most, mean, last_step, min_step, max_step = row
    values = [float(value) for _, _, value in expected]
    numbers = [value for value in values if not math.isnan(value)]
    assert (count, nans) == (len(values), len(values) - len(numbers))
    assert same(first, values[0])
    assert same(last, values[-1])
    assert last_step == expected[-1][0]
    if not numbers:
        assert (least, most, mean, min_step, max_step) == (None,) * 5
        return
    assert (least, most) == (min(numbers), max(numbers))
    assert min_step == min(step for step, _, value in expected if float(value) == least)
    assert max_step == min(step for step, _, value in expected if float(value) == most)
    if all(map(math.isfinite, numbers)) and max(map(abs, numbers)) < 1e300:
        exact = math.fsum(numbers) / len(numbers)
        assert mean == pytest.approx(exact, abs=1e-12 * max(1, *map(abs, numbers)))


def same(stored, value):
    return stored is None if math.isnan(value) else stored == value
