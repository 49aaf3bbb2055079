"""A job that is stopped and started again goes on with its run, wherever its checkpoint stands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

import tracker
from tests.e2e.recording import TRACKER
from tracker import identity
from tracker.events import Rewind, Start
from tracker.journal import journals
from tracker.store import StoreFolder


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("TRACKER_")]:
        monkeypatch.delenv(name)
    launchers = {*identity.RANKS, *(n for names in identity._PLACES.values() for n in names)}
    jobs = {name for _, names in identity.SCHEDULED for name in names}
    for name in launchers | jobs | {"KUBERNETES_SERVICE_HOST", "JOB_NAME", "JOB_COMPLETION_INDEX"}:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRACKER_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("TRACKER_SILENT", "1")
    return StoreFolder.open(tmp_path / "store", create=True)


def attempt(steps, *, key="loss", scale=1, **how):
    """One attempt at a run, to its end."""
    with tracker.init("p", **how) as run:
        for step in steps:
            run.log({key: float(step * scale)}, step=step)
    return run


def view(run_id):
    return tracker.open().run(run_id)


def curve(run_id, key="loss", **how):
    found = view(run_id).history(key, **how)
    return list(zip(found.steps.tolist(), found.values.tolist(), strict=True))


def recorded(store, run_id, kind):
    found = journals(store.run(run_id))
    return [event for j in found for event in j.events() if isinstance(event, kind)]


# -- rewinds ---------------------------------------------------------------------------------


def test_a_restart_at_a_lower_step_is_a_rewind_and_both_branches_can_be_read(capfd):
    attempt(range(8), id="r")
    attempt(range(5, 7), id="r", scale=10)
    old = [(step, float(step)) for step in range(8)]
    new = [*old[:5], (5, 50.0), (6, 60.0)]
    assert curve("r") == new
    assert curve("r", branch="old") == old[5:]
    assert curve("r", branch="all") == [*old, *new[5:]]
    run = view("r")
    assert [(rewind.step, len(rewind.writers)) for rewind in run.rewinds] == [(5, 1)]
    figures = run.metrics["loss"]
    assert (figures.count, figures.max, figures.last, figures.last_step) == (7, 60.0, 60.0, 6)
    subprocess.run([TRACKER, "show", "r"], check=True, timeout=60)
    assert "went back   to step 5 at 2" in capfd.readouterr().out
    shown = subprocess.run([TRACKER, "show", "r", "--json"], capture_output=True, check=True)
    assert json.loads(shown.stdout)["rewinds"][0]["step"] == 5


def test_an_attempt_that_goes_on_where_the_last_one_stopped_rewinds_nothing(own_store):
    attempt(range(4), id="r")
    attempt(range(4, 6), id="r")
    with tracker.init("p", id="r") as run:
        run.log({"loss": 6.0})
    assert recorded(own_store, "r", Rewind) == []
    assert [step for step, _ in curve("r")] == list(range(7))


def test_late_repeated_and_backward_steps_of_one_attempt_are_no_rewind(own_store):
    attempt([5, 3, 3, 9, 1, 5], id="r")
    assert recorded(own_store, "r", Rewind) == []
    assert [step for step, _ in curve("r")] == [5, 3, 3, 9, 1, 5]
    assert [step for step, _ in curve("r", policy="last")] == [1, 3, 5, 9]


def test_an_evaluation_of_a_resumed_run_hides_no_training_curve():
    attempt(range(8), id="r")
    attempt(range(3), id="r", key="eval")
    assert [step for step, _ in curve("r")] == list(range(8))
    assert [step for step, _ in curve("r", "eval")] == [0, 1, 2]


def test_several_rewinds_leave_the_newest_of_each_step():
    attempt(range(9), id="r", scale=1)
    attempt(range(4, 8), id="r", scale=2)
    attempt(range(6, 8), id="r", scale=3)
    assert curve("r") == [*((s, 1.0 * s) for s in range(4)), (4, 8.0), (5, 10.0), (6, 18.0),
                          (7, 21.0)]  # fmt: skip
    assert len(curve("r", branch="old")) == 5 + 2
    assert len(curve("r", branch="all")) == 9 + 4 + 2


def test_a_training_may_rewind_itself_in_mid_run(caplog):
    with tracker.init("p", id="r") as run:
        for step in range(6):
            run.log({"loss": 1.0 * step}, step)
        run.rewind(4)
        run.log({"loss": 40.0})
        run.rewind("x")
    assert curve("r") == [*((s, 1.0 * s) for s in range(4)), (4, 40.0)]
    assert "rewind: step 'x' is no whole number" in caplog.text
    with tracker.init("p", strict=True) as run, pytest.raises(tracker.BadInput):
        run.rewind(0.5)


def test_a_process_beside_one_that_lives_rewinds_nothing_of_it(own_store):
    first = tracker.init("p", id="r")
    for step in range(5):
        first.log({"loss": 1.0 * step}, step)
    attempt(range(3), id="r", scale=7)
    first.finish()
    assert recorded(own_store, "r", Rewind) == []
    assert len(curve("r")) == 8


def test_a_rewind_is_told_the_same_by_an_index_made_anew(own_store):
    attempt(range(8), id="r")
    view("r")
    attempt(range(2, 4), id="r", scale=9)
    grown = (curve("r"), view("r").to_dict()["metrics"])
    own_store.index.unlink()
    assert (curve("r"), view("r").to_dict()["metrics"]) == grown


# -- the file beside a checkpoint ------------------------------------------------------------


def test_a_run_goes_on_from_the_state_beside_its_checkpoint(tmp_path):
    checkpoint = tmp_path / "checkpoint"
    run = tracker.init("p", resume_from=checkpoint)
    for step in range(10):
        run.log({"loss": 1.0 * step})
        if step == 5:
            assert run.save_state(checkpoint)
    run.finish(1)
    again = tracker.init("p", resume_from=checkpoint)
    assert again.id == run.id
    again.log({"loss": 600.0})
    again.finish()
    assert curve(run.id) == [*((s, 1.0 * s) for s in range(6)), (6, 600.0)]


def test_a_state_from_another_machine_begins_the_run_under_its_id(tmp_path, monkeypatch):
    with tracker.init("p") as run:
        run.log({"loss": 1.0}, step=7)
        run.save_state(tmp_path / "c")
    monkeypatch.setenv("TRACKER_DIR", str(tmp_path / "other"))
    with tracker.init("p", resume_from=tmp_path / "c") as there:
        there.log({"loss": 2.0})
    assert there.id == run.id
    assert curve(run.id) == [(8, 2.0)]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"run": "../up", "step": 1}', '{"step": 1}'])
def test_a_state_that_cannot_be_read_is_refused_by_its_name(tmp_path, content):
    (tmp_path / "tracker.json").write_text(content)
    with pytest.raises(tracker.BadInput, match=r"tracker\.json does not say which run to resume"):
        tracker.init("p", resume_from=tmp_path)


def test_a_state_of_another_run_than_the_one_named_is_refused(tmp_path):
    with tracker.init("p", id="one") as run:
        run.save_state(tmp_path / "c")
    with pytest.raises(tracker.BadInput, match="belongs to run one, not two"):
        tracker.init("p", id="two", resume_from=tmp_path / "c")


def test_a_state_that_cannot_be_written_is_said_and_the_training_goes_on(tmp_path, caplog):
    (tmp_path / "file").write_text("x")
    with tracker.init("p") as run:
        assert not run.save_state(tmp_path / "file")
        run.log({"loss": 1.0})
    assert "state could not be saved beside the checkpoint" in caplog.text
    with tracker.init("p", mode="disabled") as run:
        assert not run.save_state(tmp_path / "c")
    assert not (tmp_path / "c").exists()


TRAINING = """
import json, os, signal, sys
from pathlib import Path
import tracker

checkpoint, kill_at = Path(sys.argv[1]), int(sys.argv[2])
place = checkpoint / "step"
run = tracker.init("p", resume_from=checkpoint)
first = int(place.read_text()) if place.exists() else 0
for step in range(first, 40):
    run.log({"loss": step + 1000.0 * first}, step=step)
    if step % 10 == 9:
        run.save_state(checkpoint)
        place.write_text(str(step + 1))
    if step == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
print(run.id)
"""


def test_killed_between_checkpoints_again_and_again_it_is_one_run_and_one_curve(tmp_path):
    command = [sys.executable, "-c", TRAINING, str(tmp_path / "checkpoint")]
    for kill_at in (13, 17, 26):
        done = subprocess.run([*command, str(kill_at)], timeout=60, check=False)
        assert done.returncode == -signal.SIGKILL
    last = subprocess.run([*command, "-1"], timeout=60, check=True, capture_output=True, text=True)
    run_id = last.stdout.strip()
    assert len(list(tracker.open().runs())) == 1
    begun = {10: 10, 20: 20, 30: 20}  # which attempt each ten of steps was last logged by
    expected = [(s, s + 1000.0 * begun.get(s // 10 * 10, 0)) for s in range(40)]
    assert curve(run_id) == expected
    assert [rewind.step for rewind in view(run_id).rewinds] == [10, 10, 20][
        : len(view(run_id).rewinds)
    ]
    assert view(run_id).status == "finished"


# -- schedulers ------------------------------------------------------------------------------

JOBS = {
    "slurm": ({"SLURM_JOB_ID": "77"}, {"SLURM_RESTART_COUNT": "1"}, "slurm-77"),
    "slurm array": (
        {"SLURM_JOB_ID": "80", "SLURM_ARRAY_JOB_ID": "78", "SLURM_ARRAY_TASK_ID": "3"},
        {"SLURM_RESTART_COUNT": "2"}, "slurm-78-3",
    ),
    "pbs": ({"PBS_JOBID": "12.head"}, {}, "pbs-12-head"),
    "lsf": ({"LSB_JOBID": "5", "LSB_JOBINDEX": "2"}, {}, "lsf-5-2"),
    "kubernetes": (
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "train-x7k2p"},
        {"HOSTNAME": "train-9qd4f"}, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
@pytest.mark.parametrize("end", ["dies", "is killed", "fails"])
def test_a_requeued_job_finds_its_run_again(own_store, monkeypatch, job, end):
    first, then, run_id = job
    for name, value in first.items():
        monkeypatch.setenv(name, value)
    run = tracker.init("p", resume="auto")
    run.log({"loss": 1.0}, step=3)
    if end == "dies":
        run._recording._writer.abandon()
    else:
        run.finish(1, status="killed" if end == "is killed" else "failed")
    for name, value in then.items():
        monkeypatch.setenv(name, value)
    with tracker.init("p", resume="auto") as again:
        again.log({"loss": 2.0})
    assert again.id == run.id == (run_id or run.id)
    assert curve(run.id) == [(3, 1.0), (4, 2.0)]
    starts = recorded(own_store, run.id, Start)
    restarts = then.get("SLURM_RESTART_COUNT")
    assert starts[-1].about.get("slurm_restarts") == (None if restarts is None else int(restarts))


def test_a_later_kubernetes_job_of_the_same_name_is_a_new_run(monkeypatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("JOB_NAME", "nightly")
    first = tracker.init("p", resume="auto")
    first.finish()
    second = tracker.init("p", resume="auto")
    second.finish()
    assert first.id != second.id
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "4")
    assert identity.kubernetes_job() == "nightly-4"
    monkeypatch.setenv("RANK", "4")
    assert identity.kubernetes_job() == "nightly"


def test_a_store_that_takes_no_note_of_an_auto_run_records_it_all_the_same(own_store, caplog):
    (own_store.root / "auto").write_text("in the way")
    with tracker.init("p", resume="auto") as run:
        run.log({"loss": 1.0}, step=0)
    assert curve(run.id) == [(0, 1.0)]
    assert 'will not be found again by resume="auto"' in caplog.text
