"""Ids sort by time, names can be said, jobs keep their id, and secrets stay out."""

from __future__ import annotations

import random
import sys
import time
import uuid

from tracker import identity
from tracker.identity import about, job_id, new_id, new_name


def test_ids_are_uuid7_and_sort_by_their_time():
    early = new_id()
    time.sleep(0.003)
    late = new_id()
    assert early < late
    made = uuid.UUID(early)
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert abs((made.int >> 80) - time.time() * 1000) < 60_000
    assert len({new_id() for _ in range(1000)}) == 1000


def test_names_vary_and_leave_a_seeded_program_alone():
    random.seed(1)
    expected = random.Random(1).random()
    names = {new_name() for _ in range(200)}
    assert random.random() == expected
    assert len(names) > 150
    assert all(len(name.split("-")) == 3 for name in names)


def test_a_requeued_job_has_the_same_id(monkeypatch):
    for _, variables in identity.SCHEDULED:
        for name in variables:
            monkeypatch.delenv(name, raising=False)
    assert job_id() is None
    monkeypatch.setenv("PBS_JOBID", "12[3].server.local")
    assert job_id() == "pbs-12-3--server-local"
    monkeypatch.setenv("SLURM_JOB_ID", "7" * 100)
    assert len(job_id()) == 64
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "9")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "4")
    assert job_id() == "slurm-9-4"


def test_circumstances_hold_no_arguments_and_only_text(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/home/me/tr\udcffain.py", "--token", "s3cret"])
    monkeypatch.setenv("LOGNAME", "m\udce9")
    told = about()
    assert told["program"] == "tr\\udcffain.py"
    assert "s3cret" not in str(told)
    str(told).encode()
