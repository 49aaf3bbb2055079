"""Processes that record one run together: a distributed training, several machines, bad clocks."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import tracker
from tracker.events import Log, Rewind, Start
from tracker.journal import journals
from tracker.store import StoreFolder

RANKS, EVENTS = 8, 10_000

HEAD = """
import os, sys, time
clock, ahead_s = time.time_ns, float(os.environ.get("AHEAD_S", "0"))
time.time_ns = lambda: clock() + int(ahead_s * 1e9)
if "HOST" in os.environ:
    system = os.uname()
    os.uname = lambda: type(system)((system[0], os.environ["HOST"], *system[2:]))
import tracker
run = tracker.init(project="p", id="run", dir=sys.argv[1])
"""


def start(store, program, **environ):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("TRACKER_", "SLURM_"))}
    environment |= {"TRACKER_SILENT": "1", **environ}
    command = [sys.executable, "-c", HEAD + textwrap.dedent(program), str(store)]
    return subprocess.Popen(command, env=environment)


def ended(store, program, **environ):
    with start(store, program, **environ) as process:
        try:
            assert process.wait(120) == 0
        finally:
            process.kill()


def ranks(**more):
    return [{"RANK": str(n), "WORLD_SIZE": "8", "LOCAL_RANK": str(n % 4), **more} for n in range(8)]


def told(store):
    """The events of each journal by the rank in its Start; proves that none is damaged."""
    found = {}
    for journal in journals(StoreFolder(store, "").run("run")):
        blocks = list(journal.blocks())
        assert not [gap for block in blocks for gap in block.gaps]
        events = [event for block in blocks for event in block.events]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        found.setdefault(events[0].rank, []).append(events)
    return found


def points(found):
    return list(zip(found.steps.tolist(), found.values.tolist(), strict=True))


def test_eight_ranks_at_once_are_one_run_with_a_journal_each(tmp_path):
    program = f"""
    rank = int(os.environ["RANK"])
    for step in range({EVENTS}):
        run.log({{"loss": rank * 1e6 + step, "only/" + str(rank): step}})
    """
    processes = [start(tmp_path / "s", program, **place) for place in ranks()]
    try:
        assert [process.wait(120) for process in processes] == [0] * RANKS
    finally:
        for process in processes:
            process.kill()
    found = told(tmp_path / "s")
    assert sorted(found) == list(range(RANKS))
    for rank, (events,) in found.items():
        about = events[0].about
        assert (about["world_size"], about["local_rank"]) == (8, rank % 4)
        logged = [(e.step, e.values["loss"]) for e in events if isinstance(e, Log)]
        assert logged == [(step, rank * 1e6 + step) for step in range(EVENTS)]
    store = tracker.open(tmp_path / "s")
    run = store.run("run")
    assert (run.status, run.ranks, len(list(store.runs()))) == ("finished", list(range(8)), 1)
    assert points(run.history("loss", rank=3)) == [(s, 3e6 + s) for s in range(EVENTS)]
    together = run.history("loss", policy="mean")
    assert together.steps.tolist() == list(range(EVENTS))
    assert np.allclose(together.values, 3.5e6 + np.arange(EVENTS))
    assert len(run.history("loss").steps) == RANKS * EVENTS
    assert run.metrics["loss"].count == RANKS * EVENTS
    assert not len(run.history("only/1", rank=2).steps)


def test_a_requeued_job_rewinds_each_rank_by_itself(tmp_path):
    program = """
    rank, first, last = int(os.environ["RANK"]), *map(int, os.environ["STEPS"].split())
    for step in range(first, last):
        run.log({"loss": rank * 100 + step + first / 10}, step=step)
    os._exit(0)
    """
    for steps in ("0 10", "6 12"):
        processes = [start(tmp_path / "s", program, **place) for place in ranks(STEPS=steps)]
        assert [process.wait(120) for process in processes] == [0] * RANKS
    found = told(tmp_path / "s")
    for rank, (first, second) in found.items():
        (rewind,) = [event for event in second if isinstance(event, Rewind)]
        assert rewind.step == 6
        assert len(rewind.writers) == 1
        assert not [event for event in first if isinstance(event, Rewind)]
        run = tracker.open(tmp_path / "s").run("run")
        expected = [(s, rank * 100 + s + (0.6 if s >= 6 else 0)) for s in range(12)]
        assert points(run.history("loss", rank=rank)) == [
            (s, pytest.approx(v)) for s, v in expected
        ]


SHARED = """
for step in range(200):
    run.log({os.environ["HOST"]: step, "loss": step}, step)
    time.sleep(0.001)
"""


def test_two_hosts_with_clocks_an_hour_apart_record_one_run_on_a_shared_folder(tmp_path):
    hosts = {"node-a": "0", "node-b": "3600"}
    processes = [start(tmp_path / "s", SHARED, HOST=h, AHEAD_S=s) for h, s in hosts.items()]
    assert [process.wait(120) for process in processes] == [0, 0]
    ((one, two),) = told(tmp_path / "s").values()
    assert {one[0].about["host"], two[0].about["host"]} == set(hosts)
    assert not [event for event in one + two if isinstance(event, Rewind)]
    apart = abs(one[0].time - two[0].time)
    assert 3500e9 < apart < 3700e9  # times are those of each clock, unchanged
    run = tracker.open(tmp_path / "s").run("run")
    assert run.status == "finished"
    assert len(run.history("loss").steps) == 400
    for host in hosts:
        assert points(run.history(host)) == [(step, float(step)) for step in range(200)]


def test_the_newest_attempt_is_the_newest_though_its_clock_is_an_hour_behind(tmp_path):
    program = """
    for step in range(int(os.environ["FIRST"]), 8):
        run.log({"loss": float(os.environ["AHEAD_S"])}, step)
    run.config.host = os.environ["HOST"]
    run.finish(status=os.environ["END"])
    """
    ended(tmp_path / "s", program, HOST="a", AHEAD_S="3600", FIRST="0", END="failed")
    ended(tmp_path / "s", program, HOST="b", AHEAD_S="-3600", FIRST="5", END="finished")
    run = tracker.open(tmp_path / "s").run("run")
    assert (run.status, run.config["host"], run.about["host"]) == ("finished", "b", "b")
    assert points(run.history("loss")) == [(s, 3600.0 if s < 5 else -3600.0) for s in range(8)]


JUMPS = """
from tracker.journal import writer
mono, wall, base = time.monotonic, [0.0], time.monotonic()
writer._now = lambda: clock() + int(wall[0] * 1e9)
for step in range(400):
    wall[0] = (-3.15e8, 3.15e9, 0.0, -7200.0)[step // 100]  # 10 years back, 100 years on
    if step % 100 == 50:
        jump = (1e6, 2e6, 3e6, 4e6)[step // 100]
        time.monotonic = lambda: mono() + jump
    run.log({"loss": step}, step)
    if step % 40 == 0:
        assert run.flush()
"""


def test_a_clock_that_jumps_by_years_loses_nothing_and_changes_no_order(tmp_path):
    ended(tmp_path / "s", JUMPS)
    ((events,),) = told(tmp_path / "s").values()
    logged = [event for event in events if isinstance(event, Log)]
    assert [event.step for event in logged] == list(range(400))
    assert logged[50].time < events[0].time < logged[150].time
    run = tracker.open(tmp_path / "s").run("run")
    assert run.history("loss").steps.tolist() == list(range(400))
    assert run.status == "finished"


def test_processes_without_a_rank_are_told_by_their_launcher_or_not_at_all(tmp_path):
    for place in ({"SLURM_PROCID": "5", "SLURM_NTASKS": "6"}, {"OMPI_COMM_WORLD_RANK": "2"},
                  {"RANK": "x"}, {"RANK": "1", "SLURM_PROCID": "0"}):  # fmt: skip
        ended(tmp_path / "s", "run.log({'v': 1}, 0)", **place)
    found = told(tmp_path / "s")
    assert set(found) == {5, 2, None, 1}
    assert isinstance(found[5][0][0], Start)
    assert found[5][0][0].about["slurm_procid"] == 5
    assert found[5][0][0].about["world_size"] == 6
