"""Curves of any points are what plain loops over the journals' rows make of them.

Seeds draw the runs: several writers, ranks, keys logged together and alone, steps in order, late
and repeated, rewinds, NaN and infinities, a clock that jumps; in chunks of 8 rows, so that there
are many.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from tests.unit.index.stories import FINISH, LOG, REWIND, begin
from tracker.errors import BadInput, RunError
from tracker.index import sample, sheets
from tracker.journal import writer as journal_writer
from tracker.query import Store, curves
from tracker.store import StoreFolder

SEEDS = range(12)
BEGAN = 1_700_000_000 * 10**9
HOUR = 3600 * 10**9
ODD = (math.nan, math.inf, -math.inf)
RUNS = ("a" * 32, "b" * 32)


@pytest.fixture
def clock(monkeypatch):
    """A clock that tests set: a list of one number of nanoseconds."""
    now = [BEGAN]
    monkeypatch.setattr(journal_writer, "_now", lambda: now[0])
    monkeypatch.setattr(sheets, "chunk_rows", lambda _: 8)
    return now


@pytest.fixture
def store(tmp_path):
    opened = Store(StoreFolder.open(tmp_path / "store", create=True).root)
    yield opened
    opened.close()


def record(store, run_id, seed, clock):
    """Log at random under "loss" and "acc" from one to three writers."""
    dice = random.Random(f"{seed} {run_id}")
    writers = [begin(store.folder, run_id, name=run_id[0], rank=dice.choice((None, 0, 1)))
               for _ in range(dice.randint(1, 3))]  # fmt: skip
    order = dice.choice(("ascending", "nearly", "none"))
    odd, rewinds = dice.random() < 0.5, dice.random() < 0.4
    at = 0
    for _ in range(dice.randint(1, 400)):
        writer = dice.choice(writers)
        clock[0] += dice.choice((1, 1000, HOUR)) if dice.random() < 0.98 else -5 * HOUR
        at += dice.randint(1, 3)
        step = at + dice.randint(-9, 9) if order == "nearly" else at
        step = dice.randint(-50, 300) if order == "none" else step
        if rewinds and dice.random() < 0.01:
            writer.append(REWIND, step // 2, [writers[0].id])
        keys = dice.choice((("loss", "acc"), ("loss", "acc"), ("loss",), ("acc",)))
        writer.append(LOG, step, {key: value(dice, odd) for key in keys})
    for writer in writers:
        writer.append(FINISH, "finished", 0, None, {})
        writer.close()


def value(dice, odd):
    if odd and dice.random() < 0.05:
        return dice.choice(ODD)
    return dice.gauss(0, 1) if dice.random() < 0.98 else dice.choice((-1e9, 1e9))


def whole(store, run_id, key="loss", branch="newest", rank=None):
    """Every point as (step, time, value, writer), in the order of logging.

    Of all branches and ranks it is what the journals' rows say.
    """
    read = store.index.history(run_id, key, branch=branch, rank=rank)
    ids = [read.writer_ids[number] for number in read.writers]
    points = list(zip(read.steps.tolist(), read.times.tolist(), read.values.tolist(), ids,
                      strict=True))  # fmt: skip
    if branch == "all" and rank is None:
        rows = store.run(run_id).rows()
        told = [(r.step, r.time_ns, r.values[key], r.writer) for r in rows if key in r.values]
        assert same(points, told)
    return points


def same(found, wanted):
    """NaN equals NaN."""
    return repr(found) == repr(wanted)


def told(found):
    ids = [found.writer_ids[number] for number in found.writers]
    return list(zip(found.steps.tolist(), found.times.tolist(), found.values.tolist(), ids,
                    strict=True))  # fmt: skip


def heights(points):
    """What a curve shows of a bucket: its ends, its extremes, and which odd values are in it."""
    values = [point[2] for point in points]
    finite = [v for v in values if math.isfinite(v)]
    odd = {repr(v) for v in values if not math.isfinite(v)}
    ordered = sorted(points, key=lambda point: point[0])  # stable: then by logging
    ends = repr((ordered[0][::2], ordered[-1][::2]))
    return ends, min(finite, default=None), max(finite, default=None), odd


def grouped(points, starts):
    groups = {}
    for point in points:
        groups.setdefault(int(np.searchsorted(starts, point[0], "right")), []).append(point)
    return groups


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sample_keeps_ends_and_extremes_of_every_bucket(store, clock, seed):
    """No spike vanishes: each bucket of the sample shows what the bucket of all points does."""
    print("seed", seed)  # noqa: T201 - shown when it fails
    record(store, RUNS[0], seed, clock)
    dice = random.Random(seed)
    view = store.run(RUNS[0])
    for _ in range(8):
        most, branch = dice.choice((4, 8, 20, 100)), dice.choice(("newest", "old", "all"))
        span = dice.choice((None, (dice.randint(-50, 100), dice.randint(100, 400)), (None, 50)))
        want = curves.wanted(span, most, "all", branch, dice.choice((None, None, 0)))
        if not view.has("loss"):
            return
        found = told(view.history("loss", step=span, points=most, branch=branch, rank=want.rank))
        points = [point for point in whole(store, RUNS[0], branch=branch, rank=want.rank)
                  if want.steps[0] <= point[0] <= want.steps[1]]  # fmt: skip
        if len(points) <= most:
            assert same(found, sorted(points, key=lambda point: point[0]))
            continue
        assert not Counter(map(repr, found)) - Counter(map(repr, points))
        assert [p[0] for p in found] == sorted(p[0] for p in found)
        starts = _starts(store, want)
        assert len(starts) <= most // 4
        kept, there = grouped(found, starts), grouped(points, starts)
        assert kept.keys() == there.keys()
        for bucket, members in there.items():
            assert heights(kept[bucket]) == heights(members)
            assert len(kept[bucket]) <= 4 + len(heights(members)[-1])


def _starts(store, want):
    read = lambda c: sample.cut(curves._selection(c, (RUNS[0], "loss"), "step", want), want.points)  # noqa: E731
    return store.index.read(read).starts


@pytest.mark.parametrize("policy", ["last", "first", "mean"])
@pytest.mark.parametrize("seed", SEEDS[:4])
def test_a_policy_is_applied_before_points_are_left_out(store, clock, seed, policy):
    print("seed", seed)  # noqa: T201 - shown when it fails
    record(store, RUNS[0], seed, clock)
    view = store.run(RUNS[0])
    full = told(view.history("loss", policy=policy))
    few = told(view.history("loss", policy=policy, points=16))
    assert not Counter(map(repr, few)) - Counter(map(repr, full))
    assert heights(few) == heights(full)
    cut = view.history("loss", policy=policy, step=slice(10, 60))
    assert same(told(cut), [point for point in full if 10 <= point[0] < 60])


def row(members, policy):
    """Value, least, largest and count of a row; members are (place, value) in order of logging."""
    ordered = [v for _, v in sorted(members, key=lambda member: member[0])]
    numbers = [v for v in ordered if not math.isnan(v)]
    if policy == "mean":
        # numpy's sum, as inf - inf is NaN there too
        value = float(np.sum(numbers)) / len(numbers) if numbers else math.nan
    else:
        value = ordered[-1 if policy == "last" else 0]
    none = math.nan
    return value, min(numbers, default=none), max(numbers, default=none), len(ordered)


def check_columns(found, members_of, policy):
    """Each row of each column is what a loop over its points says."""
    rows = {}
    for number, members in enumerate(members_of):
        for place, number_value in members:
            at = int(np.searchsorted(found.at, place, "right")) - 1
            assert at >= 0
            rows.setdefault((at, number), []).append((place, number_value))
    for at in range(len(found.at)):
        assert found.counts[at].any()
        for number in range(len(members_of)):
            told = (found.values, found.low, found.high, found.counts)
            got = [float(column[at, number]) for column in told]
            wanted = (math.nan, math.nan, math.nan, 0)
            if (at, number) in rows:
                wanted = row(rows[at, number], policy)
            assert got == pytest.approx(wanted, nan_ok=True, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("by", ["step", "time", "relative time", "acc"])
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_aligned_runs_are_what_a_loop_over_their_points_makes(store, clock, seed, by):
    print("seed", seed)  # noqa: T201 - shown when it fails
    for run_id in RUNS:
        record(store, run_id, seed, clock)
    dice = random.Random(seed)
    policy, points = dice.choice(("last", "first", "mean")), dice.choice((None, 4, 30))
    views = [store.run(run_id) for run_id in RUNS]
    if not any(view.has("loss") and view.has("acc") for view in views):
        return
    found = store.history(views, "loss", by=by, points=points, policy=policy)
    assert found.columns == RUNS
    assert len(found.at) <= (points or 1000)
    members_of = [_placed(store, view, by) for view in views]
    if by == "step" and points is None:
        assert found.at.tolist() == sorted({at for members in members_of for at, _ in members})
    check_columns(found, members_of, policy)


def _placed(store, view, by):
    points = whole(store, view.id)
    began = store.index.query("SELECT started_at FROM runs WHERE id = ?", (view.id,))[0][0]
    if by == "step":
        return [(step, v) for step, _, v, _ in points]
    if by == "time":
        return [(time, v) for _, time, v, _ in points]
    if by == "relative time":
        return [((time - began) / 1e9, v) for _, time, v, _ in points]
    other = {step: v for step, _, v, _ in whole(store, view.id, by) if math.isfinite(v)}
    return [(other[step], v) for step, _, v, _ in points if step in other]


@pytest.mark.parametrize("seed", SEEDS[:6])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_several_keys_of_a_run_stand_side_by_side(store, clock, seed):
    print("seed", seed)  # noqa: T201 - shown when it fails
    record(store, RUNS[0], seed, clock)
    view = store.run(RUNS[0])
    if not (view.has("loss") and view.has("acc")):
        return
    for points, policy in ((None, "last"), (4, "first"), (40, "mean")):
        found = view.history(["loss", "acc"], points=points, policy=policy)
        assert found.columns == ("loss", "acc")
        members = [
            [(step, v) for step, _, v, _ in whole(store, RUNS[0], key)] for key in found.columns
        ]
        check_columns(found, members, policy)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_trend_counts_every_point_of_every_run_at_its_time(store, clock, seed):
    print("seed", seed)  # noqa: T201 - shown when it fails
    for run_id in RUNS:
        record(store, run_id, seed, clock)
    dice = random.Random(seed)
    since = datetime.fromtimestamp(BEGAN // 10**9, timezone.utc)
    since += timedelta(hours=dice.randint(-9, 60))
    until = since + timedelta(hours=dice.randint(1, 300))
    reach = [int(at.timestamp()) * 10**9 for at in (since, until)]
    try:
        found = store.trend("loss", since=since, until=until, points=dice.choice((1, 7, 50)))
    except RunError:
        assert not any(store.run(run_id).has("loss") for run_id in RUNS)
        return
    rows = {}
    for run_id in RUNS:
        for _, time, v, _ in whole(store, run_id):
            if reach[0] <= time < reach[1]:
                at = int(np.searchsorted(found.times, time, "right")) - 1
                assert 0 <= time - int(found.times[at]) < found.width_s * 10**9
                rows.setdefault(at, []).append((run_id, v))
    assert len(rows) == len(found.times)
    for at, members in rows.items():
        value, low, high, count = row([(0, v) for _, v in members], "mean")
        numbers = sum(not math.isnan(v) for _, v in members)
        assert found.runs[at] == len({run_id for run_id, _ in members})
        assert (found.counts[at], found.nans[at]) == (count, count - numbers)
        got = [float(column[at]) for column in (found.mean, found.min, found.max)]
        assert got == pytest.approx((value, low, high), nan_ok=True, rel=1e-9, abs=1e-6)


def test_whole_chunks_are_told_by_their_figures(store, clock, monkeypatch):
    """A coarse look at a long run decodes next to nothing."""
    writer = begin(store.folder, RUNS[0])
    for step in range(8000):
        clock[0] += 1
        writer.append(LOG, step, {"loss": math.sin(step)})
    writer.close()
    view = store.run(RUNS[0])
    opened = []
    decode = sample.Selection.points
    monkeypatch.setattr(sample.Selection, "points", lambda *a: opened.append(1) or decode(*a))
    found = view.history("loss", points=400)
    assert 300 <= len(found.steps) <= 400
    assert not opened  # 1,000 chunks, 100 buckets, each begun where a chunk does
    assert (found.values.min(), found.values.max()) == (
        min(map(math.sin, range(8000))), max(map(math.sin, range(8000))),
    )  # fmt: skip


def test_extreme_steps_and_times_have_buckets_too(store, clock):
    writer = begin(store.folder, RUNS[0])
    for step in (-(2**63), -1, 0, 2**63 - 1):
        for number in range(8):
            clock[0] += HOUR
            writer.append(LOG, step, {"loss": float(number)})
    writer.close()
    view = store.run(RUNS[0])
    found = view.history("loss", points=16)
    assert (found.steps[0], found.steps[-1]) == (-(2**63), 2**63 - 1)
    assert store.history([view], "loss", points=4).counts.tolist() == [[8]] * 4
    assert len(view.history("loss", step=(-(10**30), 10**30)).steps) == 32


@pytest.mark.usefixtures("clock")
def test_what_cannot_be_used_is_said_with_what_can(store):
    writer = begin(store.folder, RUNS[0], name="one")
    writer.append(LOG, 0, {"loss": 1.0, "acc": 2.0})
    writer.close()
    begin(store.folder, RUNS[1], name="empty").close()
    view = store.run("one")
    with pytest.raises(BadInput, match="points=3 cannot be used; it is 4 or more"):
        view.history("loss", points=3)
    with pytest.raises(BadInput, match=r"step='1:2' cannot be used; give \(from, to\)"):
        view.history("loss", step="1:2")
    with pytest.raises(BadInput, match=r"policy='all' .*aligned; it is one of last, first, mean"):
        view.history(["loss", "acc"], policy="all")
    with pytest.raises(RunError, match=r"run one has no metric 'lost'. Nearest: 'loss'"):
        view.history(["acc", "lost"])
    with pytest.raises(RunError, match=r"none of 2 runs has a metric 'lss'. Nearest: 'loss'"):
        store.history(["one", "empty"], "lss")
    with pytest.raises(RunError, match=r"run one has no metric 'ac'. Nearest: 'acc'"):
        store.history([view], "loss", by="ac")
    with pytest.raises(RunError, match=r"no run of the project 'p' has a metric 'lo'. Nearest: "):
        store.trend("lo", project="p")
    with pytest.raises(BadInput, match="points=0"):
        store.trend("loss", points=0)
    found = store.history(["one", "empty"], "loss")
    assert found.counts.tolist() == [[1, 0]]
    assert math.isnan(found.values[0, 1])


@pytest.mark.usefixtures("clock")
def test_aligned_columns_become_a_data_frame(store):
    pytest.importorskip("pandas")
    writer = begin(store.folder, RUNS[0])
    writer.append(LOG, 5, {"loss": 1.0})
    writer.close()
    frame = store.history([RUNS[0]], "loss").to_pandas()
    assert (frame.index.name, frame.index.tolist()) == ("step", [5])
    assert frame[RUNS[0]].tolist() == [1.0]
    times = store.history([RUNS[0]], "loss", by="time").to_pandas().index
    assert times[0].timestamp() == pytest.approx(BEGAN / 1e9)
