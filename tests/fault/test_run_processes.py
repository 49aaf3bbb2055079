"""Every way that a process really behaves and ends: what was logged is there, and what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from tracker.events import Finish, Log, Start, Summary, Tags
from tracker.journal import journals
from tracker.store import StoreFolder

HEAD = """
import os, signal, sys, threading, time
import tracker
run = tracker.init(project="p", id="run", dir=sys.argv[1])
"""


def start(store, program, head=HEAD, **environ):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRACKER_")}
    environment |= {"TRACKER_SILENT": "1", **environ}
    command = [sys.executable, "-c", head + textwrap.dedent(program), str(store)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(store, program, head=HEAD, **environ):
    """Run a training to its end: exit status, what it printed, what it said."""
    with start(store, program, head, **environ) as process:
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode, out, err


def recorded(store, run="run"):
    """Events per journal; proves that numbers have no holes and nothing is damaged."""
    found = []
    for journal in journals(StoreFolder(store, "").run(run)):
        blocks = list(journal.blocks())
        assert not [gap for block in blocks for gap in block.gaps if not gap.harmless]
        events = [event for block in blocks for event in block.events]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        if not events:
            continue  # a process that has just begun
        assert isinstance(events[0], Start)
        found.append((events, blocks[-1].ended, journal.alive()))
    return found


def finish_of(store):
    """The Finish of a run with one journal, which has to be complete."""
    ((events, complete, alive),) = recorded(store)
    assert complete
    assert not alive
    (finish,) = [event for event in events if isinstance(event, Finish)]
    assert events[-1] is finish
    return finish.status, finish.exit_code, finish.error


def logged(events, key="v"):
    return [event.values[key] for event in events if isinstance(event, Log) and key in event.values]


ENDINGS = {
    "returns": ("run.log({'v': 1})", 0, ("finished", 0, None)),
    "finish": ("run.log({'v': 1}); run.finish(); run.finish(7)", 0, ("finished", 0, None)),
    "finish 3": ("run.finish(exit_code=3)", 0, ("failed", 3, None)),
    "module finish": ("tracker.log({'v': 1}); tracker.finish()", 0, ("finished", 0, None)),
    "sys.exit 3": ("sys.exit(3)", 3, ("failed", 3, "exit code 3")),
    "sys.exit text": ("sys.exit('no data')", 1, ("failed", 1, "exit code 1")),
    "sys.exit 0": ("sys.exit(0)", 0, ("finished", 0, None)),
    "sys.exit huge": ("sys.exit(2**80)", None, ("failed", 1, "exit code 1")),
    "caught exit": (
        """
        try:
            sys.exit(3)
        except SystemExit:
            pass
        """, 0, ("finished", 0, None),
    ),
    "exit through finally": (
        """
        def train():
            try:
                sys.exit(4)
            finally:
                run.log({"v": 1})
        train()
        """, 4, ("failed", 4, "exit code 4"),
    ),
    "exception": ("raise ValueError('bad batch')", 1, ("failed", 1, "ValueError: bad batch")),
    "with": (
        "with run:\n    raise ValueError('in with')", 1, ("failed", 1, "ValueError: in with")
    ),
    "with exit": ("with run:\n    sys.exit(5)", 5, ("failed", 5, "SystemExit: 5")),
    "with, caught": (
        """
        try:
            with run:
                raise KeyError("x")
        except KeyError:
            pass
        """, 0, ("failed", 1, "KeyError: 'x'"),
    ),
    "unprintable": (
        """
        class Odd(Exception):
            def __str__(self):
                raise RuntimeError
        with run:
            raise Odd
        """, 1, ("failed", 1, "Odd"),
    ),
    "keyboard": ("raise KeyboardInterrupt", -2, ("killed", 130, "KeyboardInterrupt")),
    "odd code": ("run.finish(exit_code='x')", 0, ("failed", 1, None)),
    "forgotten": ("run = None\nimport gc; gc.collect()", 0, ("finished", 0, None)),
}  # fmt: skip


@pytest.mark.parametrize(("program", "code", "finish"), ENDINGS.values(), ids=ENDINGS)
def test_an_end_is_recorded_as_what_it_was(tmp_path, program, code, finish):
    returned, _, said = ended(tmp_path / "s", program)
    assert returned == code or code is None, said
    assert finish_of(tmp_path / "s") == finish


@pytest.mark.parametrize("how", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_process_that_just_goes_leaves_a_run_without_end_and_a_dead_writer(tmp_path, how):
    ended(tmp_path / "s", f"run.log({{'v': 1}})\n{how}")
    ((events, complete, alive),) = recorded(tmp_path / "s")
    assert logged(events) == [1]
    assert not complete
    assert not alive
    assert not [event for event in events if isinstance(event, Finish)]


def test_a_writer_is_alive_as_long_as_its_process(tmp_path):
    with start(tmp_path / "s", "print('ready', flush=True)\ntime.sleep(60)") as process:
        assert process.stdout.readline() == "ready\n"
        ((_, _, alive),) = recorded(tmp_path / "s")
        assert alive
        process.kill()
        process.wait()
        ((_, _, alive),) = recorded(tmp_path / "s")
        assert not alive


@pytest.mark.parametrize("threads", [0, 3])
@pytest.mark.parametrize("wait_s", [0.0, 0.01, 0.03, 0.1])
def test_sigterm_at_full_speed_ends_as_killed_by_that_signal(tmp_path, threads, wait_s):
    program = f"""
        def train(number):
            step = 0
            while True:
                step += 1
                run.log({{"v": step, "thread": number}}, step)
        for number in range({threads}):
            threading.Thread(target=train, args=(number,), daemon=True).start()
        print("ready", flush=True)
        train(-1)
    """
    with start(tmp_path / "s", program, TRACKER_SEGMENT_BYTES="3000") as process:
        process.stdout.readline()
        time.sleep(wait_s)
        process.terminate()
        assert process.wait(timeout=60) == -signal.SIGTERM
    ((events, complete, alive),) = recorded(tmp_path / "s")
    assert complete
    assert not alive
    (finish,) = [event for event in events if isinstance(event, Finish)]
    assert (finish.status, finish.exit_code) == ("killed", 143)
    for number in (-1, *range(threads)):
        own = [e.values["v"] for e in events if isinstance(e, Log) and e.values["thread"] == number]
        assert own == list(range(1, len(own) + 1))


def test_sigterm_while_it_finishes_lets_it_finish_first(tmp_path):
    program = """
        from tracker.journal import Files
        slow = Files.sync
        def sync(fd):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)
            slow(fd)
        run.log({"v": 1})
        Files.sync = staticmethod(sync)
        run.finish()
        time.sleep(60)
    """
    code, _, said = ended(tmp_path / "s", program, TRACKER_SYNC_INTERVAL_S="3600")
    assert code == -signal.SIGTERM, said
    assert finish_of(tmp_path / "s") == ("finished", 0, None)


def test_a_handler_of_the_users_own_is_left_in_place(tmp_path):
    program = """
        run.log({"v": 1})
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    """
    head = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\n" + HEAD
    code, _, said = ended(tmp_path / "s", program, head)
    assert code == 9, said
    assert finish_of(tmp_path / "s") == ("failed", 9, "exit code 9")


def test_several_runs_all_end_with_their_process(tmp_path):
    program = """
        others = [tracker.init(project="p", id=f"other{n}", dir=sys.argv[1]) for n in range(3)]
        for other in others:
            other.log({"v": 1})
        run.log({"v": 0})
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    """
    code, _, said = ended(tmp_path / "s", program)
    assert code == -signal.SIGTERM, said
    for name in ("run", "other0", "other1", "other2"):
        ((events, complete, _),) = recorded(tmp_path / "s", name)
        assert complete
        assert events[-1].status == "killed"
        assert len(logged(events)) == 1


INTERRUPTED = """
import random
caught = tried = 0
dice = random.Random(int(sys.argv[1].rpartition("-")[2]))
returned, armed = [], False
def interrupt(*_):
    global armed
    if armed:
        armed = False  # a second one in the same call is another test's
        raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
for value in range(4000):
    if value % 8 == 0:
        signal.setitimer(signal.ITIMER_REAL, dice.uniform(1e-5, 1e-4))
    try:
        armed = True
        run.log({"v": value}, value)
        armed = False
        returned.append(value)
    except KeyboardInterrupt:
        armed = False
        caught += 1
run.finish()
import json
print(json.dumps([caught, returned]))
"""


@pytest.mark.parametrize("seed", range(3))
def test_keyboard_interrupts_inside_log_leave_no_hole_no_double_and_no_deadlock(tmp_path, seed):
    store = tmp_path / f"s-{seed}"
    code, out, said = ended(store, INTERRUPTED, TRACKER_SEGMENT_BYTES="1000")
    assert code == 0, said
    caught, returned = json.loads(out)
    assert caught > 100
    assert finish_of(store)[0] == "finished"
    ((events, _, _),) = recorded(store)
    values = logged(events)
    assert values == sorted(set(values))
    assert set(returned) <= set(values)
    assert len(values) - len(returned) <= caught


INTERRUPTED_TWICE = """
import json, os, signal, sys
import tracker
from tracker.journal.files import Files
from tracker.journal.segment import Segment
places = []
def interrupted(call, place):
    def done(*arguments):
        answer = call(*arguments)
        if place in places:
            places.remove(place)
            signal.raise_signal(signal.SIGINT)
        return answer
    return done
Files.write = staticmethod(interrupted(os.write, "behind the write"))
Segment.beyond = interrupted(Segment.beyond, "as it is looked at")
run = tracker.init(project="p", id="run", dir=sys.argv[1])
returned = []
for value in range(9):
    if value % 3 == 1:
        places += "behind the write", "as it is looked at"
    try:
        run.log({"v": value}, value)
        returned.append(value)
    except KeyboardInterrupt:
        assert not places
run.finish()
print(json.dumps(returned))
"""


def test_a_log_call_that_is_interrupted_twice_goes_on_in_a_new_journal_with_nothing_lost(tmp_path):
    """Where the writer could not find out whether an event is in its file, it takes no more."""
    code, out, said = ended(tmp_path, INTERRUPTED_TWICE, head="", TRACKER_SILENT="")
    assert code == 0, said
    assert json.loads(out) == [0, 2, 3, 5, 6, 8]
    found = recorded(tmp_path)
    assert len(found) == 4
    assert sorted(value for events, _, _ in found for value in logged(events)) == list(range(9))
    assert "synced" not in said
    assert "refused" not in said


HANDLERS = """
import random
mine, handled = [], []
dice = random.Random(int(sys.argv[1].rpartition("-")[2]))
def handler(*_):
    number = len(handled)
    handled.append(number)
    row = {"h": number}
    run.log(row, number)
    row["h"] = -1
    if number % 3 == 0:
        run.flush()
    if number % 5 == 0:
        run.summary[f"k{number}"] = number
    signal.setitimer(signal.ITIMER_REAL, dice.uniform(1e-5, 4e-4))
signal.signal(signal.SIGALRM, handler)
def beside():
    for value in range(3000):
        run.log({"w": value}, value)
        if value % 50 == 0:
            run.flush()
thread = threading.Thread(target=beside)
thread.start()
signal.setitimer(signal.ITIMER_REAL, 1e-4)
for value in range(6000):
    run.log({"v": value}, value)
    if value % 100 == 0:
        run.flush()
thread.join()
signal.setitimer(signal.ITIMER_REAL, 0)
run.finish()
import json
print(json.dumps(len(handled)))
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_signal_handler_may_log_and_flush_whatever_it_interrupts(tmp_path, seed):
    store = tmp_path / f"s-{seed}"
    code, out, said = ended(
        store, HANDLERS, TRACKER_SEGMENT_BYTES="2000", TRACKER_SYNC_INTERVAL_S="0.002"
    )
    assert code == 0, said
    handled = json.loads(out)
    assert handled > 100
    assert finish_of(store)[0] == "finished"
    ((events, _, _),) = recorded(store)
    assert logged(events) == list(range(6000))
    assert logged(events, "w") == list(range(3000))
    assert logged(events, "h") == list(range(handled))
    summaries = [key for e in events if isinstance(e, Summary) for key in e.values]
    assert summaries == [f"k{n}" for n in range(0, handled, 5)]


@pytest.mark.parametrize("seed", range(12))
def test_a_signal_handler_may_finish_the_run_whatever_it_interrupts(tmp_path, seed):
    program = f"""
        def handler(*_):
            run.log({{"h": 1}})
            run.finish(status="killed")
        signal.signal(signal.SIGALRM, handler)
        import random
        signal.setitimer(signal.ITIMER_REAL, random.Random({seed}).uniform(0.002, 0.03))
        value = 0
        while not run._recording.finished:
            run.log({{"v": value}}, value)
            if value % 10 == 0:
                run.flush()
            value += 1
        run.log({{"v": -1}})
        print(value)
    """
    code, out, said = ended(
        tmp_path / "s", program, TRACKER_SEGMENT_BYTES="2000", TRACKER_SYNC_INTERVAL_S="0.001"
    )
    assert code == 0, said
    assert finish_of(tmp_path / "s")[0] == "killed"
    ((events, _, _),) = recorded(tmp_path / "s")
    values = logged(events)
    assert values == list(range(int(out)))[: len(values)]
    assert len(values) >= int(out) - 1
    assert logged(events, "h") == [1]


def test_a_forked_child_goes_on_in_a_journal_of_its_own_and_its_end_is_not_the_runs(tmp_path):
    program = """
        run.log({"v": 1})
        child = os.fork()
        if child == 0:
            run.log({"child": 1})
            run.finish()
            os._exit(0)
        os.waitpid(child, 0)
        child = os.fork()
        if child == 0:
            run.log({"child": 2})
            sys.exit(3)
        os.waitpid(child, 0)
        from tracker.journal import journals
        alive = [j.writer_id for j in journals(run.store.run(run.id)) if j.alive()]
        assert alive == [run._recording._writer.id]
        run.log({"v": 2})
    """
    code, _, said = ended(tmp_path / "s", program)
    assert code == 0, said
    found = recorded(tmp_path / "s")
    (parent,) = [events for events, _, _ in found if events[0].parent is None]
    children = [events for events, _, _ in found if events[0].parent is not None]
    assert logged(parent) == [1, 2]
    assert parent[-1].status == "finished"
    assert sorted(logged(events, "child") for events in children) == [[1], [2]]
    assert all(events[0].resumed for events in children)
    assert not [e for events in children for e in events if isinstance(e, Finish)]
    assert all(complete for _, complete, _ in found)


def test_forks_while_other_threads_log_never_hang_or_mix_journals(tmp_path):
    program = """
        stop = threading.Event()
        def train(number):
            step = 0
            while not stop.is_set():
                run.log({"t": number, "v": step}, step)
                step += 1
        threads = [threading.Thread(target=train, args=(n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        for number in range(25):
            child = os.fork()
            if child == 0:
                for value in range(5):
                    run.log({"child": number, "c": value})
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
    """
    code, _, said = ended(
        tmp_path / "s", program, PYTHONWARNINGS="ignore", TRACKER_SEGMENT_BYTES="2000"
    )
    assert code == 0, said
    found = [events for events, _, _ in recorded(tmp_path / "s")]
    children = [events for events in found if events[0].parent]
    assert sorted(logged(events, "child") for events in children) == [[n] * 5 for n in range(25)]
    assert all(logged(events, "c") == list(range(5)) for events in children)
    (parent,) = [events for events in found if events[0].parent is None]
    for number in range(3):
        own = [e.values["v"] for e in parent if isinstance(e, Log) and e.values["t"] == number]
        assert own == list(range(len(own)))


def test_a_child_that_lives_on_does_not_keep_its_dead_parents_journal_alive(tmp_path):
    program = """
        child = os.fork()
        if child == 0:
            run.log({"child": 1})
            time.sleep(60)
        time.sleep(60)
    """
    with start(tmp_path / "s", program) as process:
        try:
            limit = time.monotonic() + 30
            while not (children := [e for e, _, _ in recorded_yet(tmp_path / "s") if e[0].parent]):
                assert time.monotonic() < limit
                time.sleep(0.01)
            process.kill()
            process.wait()
            alive = {bool(e[0].parent): lives for e, _, lives in recorded(tmp_path / "s")}
            assert alive == {False: False, True: True}
        finally:
            for begin, *_ in children:
                os.kill(begin.about["pid"], signal.SIGKILL)


def recorded_yet(store):
    """As `recorded`, of a run that may not be there yet."""
    return [] if not (store / "journals").exists() else recorded(store)


WORKERS = """
import multiprocessing, sys
import tracker

def work(run_id, folder, number):
    run = tracker.init(project="p", id=run_id, dir=folder)
    for value in range(50):
        run.log({"worker": number, "v": value}, value)
    run.finish()

def inherit(run, number):
    for value in range(50):
        run.log({"worker": number, "v": value}, value)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[2])
    with tracker.init(project="p", id="run", dir=sys.argv[1]) as run:
        given = [(run.id, sys.argv[1], n) if sys.argv[2] == "spawn" else (run, n) for n in range(4)]
        target = work if sys.argv[2] == "spawn" else inherit
        workers = [context.Process(target=target, args=args) for args in given]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [worker.exitcode for worker in workers] == [0] * 4
"""


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_multiprocessing_workers_record_into_the_same_run(tmp_path, method):
    script = tmp_path / "train.py"
    script.write_text(WORKERS)
    environment = os.environ | {"TRACKER_SILENT": "1"}
    command = [sys.executable, str(script), str(tmp_path / "s"), method]
    subprocess.run(command, env=environment, check=True, timeout=120)
    found = [events for events, _, _ in recorded(tmp_path / "s")]
    assert len(found) == 5
    workers = sorted((logged(e, "worker")[0], logged(e)) for e in found if logged(e, "worker"))
    assert workers == [(number, list(range(50))) for number in range(4)]


def test_a_terminated_worker_dies_of_the_signal_and_the_run_goes_on(tmp_path):
    program = """
        import multiprocessing
        context = multiprocessing.get_context("fork")
        def work():
            while True:
                run.log({"child": 1})
        worker = context.Process(target=work)
        worker.start()
        time.sleep(0.1)
        worker.terminate()
        worker.join()
        assert worker.exitcode == -15, worker.exitcode
        run.log({"v": 1})
    """
    code, _, said = ended(tmp_path / "s", program)
    assert code == 0, said
    found = recorded(tmp_path / "s")
    finishes = [e for events, _, _ in found for e in events if isinstance(e, Finish)]
    assert [finish.status for finish in finishes] == ["finished"]


def test_after_an_end_by_exit_nothing_of_the_last_calls_is_missing(tmp_path):
    program = """
        run.tags += ["late"]
        run.summary["best"] = 0.5
        for value in range(100):
            run.log({"v": value})
    """
    code, _, said = ended(tmp_path / "s", program)
    assert code == 0, said
    ((events, _, _),) = recorded(tmp_path / "s")
    assert logged(events) == list(range(100))
    assert [e.set for e in events if isinstance(e, Tags)] == [{"late": ""}]
