"""What no training should log: each case is named, costs bounded memory and time, and no more."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

import tracker
from tracker.events import Config, Finish, Log, Summary
from tracker.index import Index
from tracker.journal import FORMAT, journals
from tracker.journal.record import PREAMBLE
from tracker.store import StoreFolder

NAMES = 10_000 * int(os.environ.get("SOAK_ROUNDS", "2"))
MEMORY_BYTES = 2 * 2**30
"""Address space of a training with bad input; the arrays and lists below would need far more."""

HEAD = f"""
import gc, resource, sys, time
import tracker
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_BYTES}, {MEMORY_BYTES}))
run = tracker.init("p", id="run", dir=sys.argv[1])
"""


@pytest.fixture(autouse=True)
def own_settings(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("TRACKER_", "SLURM_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def trained(store, program, head=HEAD):
    """Run a training with little memory to its good end; what it said."""
    done = subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(program), str(store)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert max(map(len, done.stderr.splitlines())) < 500
    return done.stderr


def events(store, kind, run_id="run"):
    found = journals(StoreFolder(store, "").run(run_id))
    return [event for j in found for event in j.events() if isinstance(event, kind)]


def merged(store, kind):
    return {k: v for event in events(store, kind) for k, v in event.values.items()}


def test_nesting_without_end_is_cut_and_named_wherever_it_is_given(tmp_path):
    said = trained(tmp_path / "s", """
        deep, flat = 1, [1]
        for _ in range(10_000):
            deep, flat = {"d": deep}, [flat]
        loop = {"good": 1}
        loop["self"] = loop
        circle = []
        circle.append(circle)
        for fields in (run.config, run.summary):
            fields.update(deep=deep, flat=flat, loop=loop, circle=circle, mixed=[deep], last=1)
        run.log({"deep": deep, "loop": loop, "last": 1})
        tracker.init("p", dir=sys.argv[1], config={"deep": deep, "loop": loop}).finish()
        run.finish()
    """)  # fmt: skip
    for what in ("config", "summary", "log"):
        for key in ("deep", "loop"):
            assert f"{what}: '{key}/" in said
    for key in ("flat", "circle", "mixed"):
        assert f"'{key}' is nested more than 32 levels deep" in said
    for kind in (Config, Summary, Log):
        found = merged(tmp_path / "s", kind)
        assert found["last"] == 1
        assert found["loop/good"] == 1


def test_a_few_objects_that_stand_for_billions_are_left_out_and_named(tmp_path):
    said = trained(tmp_path / "s", """
        import numpy as np
        bomb, wide = [1], {"x": 1}
        for _ in range(60):
            bomb, wide = [bomb, bomb], {"a": wide, "b": wide}
        huge = np.broadcast_to(np.float64(0), (10**6, 10**6))
        run.config.update(bomb=bomb)
        for fields in (run.config, run.summary):
            fields.update({"range": range(10**12), "huge": huge, "last": 1})
            fields.update(wide)
        run.log({"bomb": bomb, "huge": huge, "last": 1} | wide)
        run.finish()
    """)  # fmt: skip
    assert "config: 'bomb' holds more than 1,000,000 items; use run.log_artifact" in said
    for what in ("config", "summary"):
        for key in ("range", "huge"):
            assert f"{what}: '{key}' holds more than 1,000,000 items; use run.log_artifact" in said
    for key in ("bomb", "huge"):
        assert f"log: '{key}' is of type" in said
    for kind in (Config, Summary, Log):
        assert merged(tmp_path / "s", kind)["last"] == 1
    (finish,) = events(tmp_path / "s", Finish)
    assert set(finish.dropped) == {"values", "config values", "summary values"}


def test_a_key_of_a_megabyte_is_kept_and_a_larger_one_is_named_in_brief(tmp_path):
    said = trained(tmp_path / "s", """
        for size in (1_000_000, 5_000_000):
            run.log({"k" * size: 1, "beside": size})
            run.config.update({"k" * size: 1, "beside": size})
            run.summary.update({"k" * size: 1, "beside": size})
            run.tags.update({"k" * size: "x"})
        run.finish()
    """)  # fmt: skip
    for kind in (Log, Config, Summary):
        found = merged(tmp_path / "s", kind)
        assert found == {"k" * 1_000_000: 1, "beside": 5_000_000}
    for what in ("log: the value of", "config:", "summary:"):
        assert f"{what} '{'k' * 80}' is too large; use run.log_artifact" in said
    assert "tag: 5,000," in said


def test_values_keys_and_steps_that_raise_whatever_they_are_asked_cost_themselves(tmp_path):
    said = trained(tmp_path / "s", """
        class Raises:
            shape = (2,)

            def no(self, *_):
                raise MemoryError("no")

            __float__ = __index__ = __str__ = __repr__ = __radd__ = item = tolist = no

        for step in (Raises(), [], {}, "x", None, float("nan"), 1j, b"1", lambda: 1, 10**400):
            run.log({"bad": Raises(), "good": 1}, step)
        run.log({Raises(): 1})
        run.log(Raises())
        run.config.update(bad=Raises(), good=1)
        run.summary.update({Raises(): Raises(), "good": 1})
        run.tags.update({Raises(): Raises()})
        run.finish(exit_code=0)
    """)  # fmt: skip
    assert [event.step for event in events(tmp_path / "s", Log)] == list(range(11))
    assert merged(tmp_path / "s", Log) == {"good": 1, "<Raises>": 1}
    assert merged(tmp_path / "s", Config) == {"bad": "<Raises>", "good": 1}
    for words in (
        "'bad' is of type Raises", "step <Raises> is no whole number", "step 1j is no whole",
        "log takes a dict of names to values, not Raises", "holds a Raises that cannot be read",
    ):  # fmt: skip
        assert words in said


def test_what_is_logged_while_the_interpreter_ends_is_kept_or_counted_and_never_raises(tmp_path):
    said = trained(tmp_path / "s", """
        class Logs:
            def __init__(self, value):
                self.value, self.run = value, run
                self.circle = self

            def __del__(self):
                self.run.log({"v": self.value})
                self.run.summary["last"] = self.value
                self.run.config["last"] = self.value
                self.run.tags.add("last")

        Logs(1)
        gc.collect()
        at_the_end = Logs(2)
        import atexit
        atexit.register(run.log, {"v": 3})
        atexit.register(run.flush)
    """)  # fmt: skip
    assert {event.values["v"] for event in events(tmp_path / "s", Log)} == {1, 3}
    (finish,) = events(tmp_path / "s", Finish)
    assert finish.status == "finished"
    assert "is finished; what is recorded now is not kept" in said
    said = trained(tmp_path / "t", """
        import threading
        def log():
            while True:
                run.log({"v": 1})
        threading.Thread(target=log, daemon=True).start()
        time.sleep(0.05)
    """)  # fmt: skip
    (finish,) = events(tmp_path / "t", Finish)
    assert finish.status == "finished"


def newer_journal(store, run_id):
    """A run as a version to come may have left it; its files and their bytes."""
    tracker.init("p", id=run_id, dir=store).finish()
    (path,) = StoreFolder(store, "").run(run_id).glob("*.seg")
    body = path.read_bytes()[len(PREAMBLE) :]
    path.write_bytes(PREAMBLE[:6] + (FORMAT + 1).to_bytes(2, "little") + body[::-1])
    return {path.name: path.read_bytes()}


@pytest.mark.parametrize("run_id", ["my-run", "0" * 32])
def test_a_run_of_a_newer_version_is_refused_by_name_and_version_and_left_alone(
    tmp_path, capfd, run_id
):
    store = tmp_path / "s"
    before = newer_journal(store, run_id)
    capfd.readouterr()
    run = tracker.init("p", id=run_id, dir=store, config={"a": 1})
    run.log({"x": 1})
    run.finish()
    said = capfd.readouterr().err
    for words in (
        f"run {run_id} cannot be continued", next(iter(before)), f"has format {FORMAT + 1}",
        f"reads up to {FORMAT}", "Nothing was changed", "Upgrade", "Training goes on",
    ):  # fmt: skip
        assert words in said
    assert said.count("\n") == 1
    with pytest.raises(tracker.StoreError, match=f"run {run_id} cannot be continued"):
        tracker.init("p", id=run_id, dir=store, strict=True)
    folder = StoreFolder(store, "").run(run_id)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_damaged_format_number_alone_does_not_refuse_a_run(tmp_path):
    store = tmp_path / "s"
    tracker.init("p", id="run", dir=store).finish()
    (path,) = StoreFolder(store, "").run("run").glob("*.seg")
    content = path.read_bytes()
    path.write_bytes(content[:6] + b"\x63\x00" + content[8:])
    with tracker.init("p", id="run", dir=store) as run:
        run.log({"x": 1})
    assert [event.values for event in events(store, Log)] == [{"x": 1}]


MANY = """
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

def log(first, last):
    for number in range(first, last):
        run.log({"loss": 0.5, f"name/{number}": number}, number)

count = int(sys.argv[2])
log(0, 1000)
before = rss()
log(1000, count)
print(rss() - before)
run.finish()
"""
READ = """
import sys
from tracker.index import Index
from tracker.store import StoreFolder
index = Index(StoreFolder.open(sys.argv[1]))
index.catch_up()
# VmHWM begins at exec; ru_maxrss would count the process that started this one too.
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) * 1024)
"""


def ran(program, *arguments):
    """The one number that a program prints."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return int(done.stdout)


def test_any_number_of_metric_names_costs_neither_the_training_nor_the_reader_memory(tmp_path):
    """10 million in a soak of 1,000 rounds. No key is in more than a thousand sheets and one."""
    store = tmp_path / "s"
    assert ran(HEAD + MANY, store, NAMES) < 5_000_000
    assert ran(READ, store) < 300_000_000
    index = Index(StoreFolder.open(store))
    counted = "SELECT count(*), sum(count) FROM metrics"
    assert index.query(counted) == [(NAMES + 1, 2 * NAMES)]
    (loss,) = index.query("SELECT id FROM word WHERE text = 'loss'")
    spread = "SELECT count(*) FROM series WHERE key = ?"
    assert index.query(spread, loss) == [(1001,)]
    assert len(index.history("run", "loss").steps) == NAMES
    last = index.history("run", f"name/{NAMES - 1}")
    assert last.values.tolist() == [NAMES - 1]
    index.close()
