"""Whatever dies, and however many work at once, the index says what the journals say."""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import tracker.index.history
import tracker.index.sheets  # noqa: F401 - before a child becomes a user who may not
from tests.doubles.ordinary_user import NOBODY, as_ordinary_user
from tests.unit.index.stories import LOG, begin, dump
from tracker.index import Index
from tracker.store import StoreFolder

ROOT = Path(__file__).parents[2]
LIMIT_S = 60
RUN = "a" * 32

WRITE = """
import sys, time
from tests.unit.index.stories import LOG, begin
from tracker.store import StoreFolder
folder = StoreFolder.open(sys.argv[1])
writer = begin(folder, sys.argv[2], segment_bytes=100_000)
print(writer.id, flush=True)
for step in range(int(sys.argv[3])):
    writer.append(LOG, step, {"loss": step / 2, "acc": float(step)})
    if step % 50 == 0:
        time.sleep(0.001)
print("done", flush=True)
sys.stdin.read()
"""

FOLLOW = """
import sys
from tracker.index import Index, catchup
from tracker.store import StoreFolder
catchup.COMMIT_INTERVAL_S = 0.0
index = Index(StoreFolder.open(sys.argv[1]))
seen, wanted = 0, int(sys.argv[2])
while seen < wanted:
    index.catch_up()
    rows = index.query("SELECT count, last, max FROM metrics WHERE key = 'acc'")
    for count, last, most in rows:
        assert count >= seen and last == most == count - 1, (seen, count, last, most)
        seen = count
    print(seen, flush=True)
"""


@pytest.fixture
def folder(tmp_path):
    return StoreFolder.open(tmp_path / "store", create=True)


@pytest.fixture
def start():
    """Start a Python program; whatever is left of it is killed at the end."""
    started = []

    def run(code, *arguments):
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", code, *map(str, arguments)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, cwd=ROOT,
            )
        )  # fmt: skip
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate(timeout=LIMIT_S)


def rebuilt(folder, path):
    """What an index made from nothing says of the same journals."""
    other = StoreFolder(folder.root, folder.id)
    path.mkdir()
    other.index = path / "index.db"
    index = Index(other)
    index.catch_up()
    said = dump(index)
    index.close()
    return said


def test_a_run_killed_with_sigkill_is_running_before_and_crashed_after(folder, start):
    process = start(WRITE, folder.root, RUN, 100)
    process.stdout.readline()
    assert process.stdout.readline() == "done\n"
    index = Index(folder)
    index.catch_up()
    assert index.query("SELECT status, ended_at FROM runs") == [("running", None)]
    process.send_signal(signal.SIGKILL)
    process.wait(LIMIT_S)
    index.catch_up()
    ((status, ended_at, started_at),) = index.query("SELECT status, ended_at, started_at FROM runs")
    assert status == "crashed"
    assert started_at < ended_at < time.time_ns()
    assert index.query("SELECT state FROM journals") == [("dead",)]
    assert index.query("SELECT count FROM metrics WHERE key = 'loss'") == [(100,)]
    index.close()


def test_two_processes_catch_up_while_a_third_writes_and_each_sees_all(folder, start, tmp_path):
    steps = 6000
    writer = start(WRITE, folder.root, RUN, steps)
    writer.stdout.readline()
    followers = [start(FOLLOW, folder.root, steps) for _ in range(2)]
    for follower in followers:
        out, err = follower.communicate(timeout=LIMIT_S)
        assert out.split()[-1:] == [str(steps)], err
    writer.kill()
    writer.wait(LIMIT_S)
    index = Index(folder)
    index.catch_up()
    assert dump(index) == rebuilt(folder, tmp_path / "other")
    index.close()


def test_killed_while_projecting_it_goes_on_where_it_was(folder, start, tmp_path):
    seed = 20_240
    print("seed", seed)  # noqa: T201 - shown when it fails
    dice = random.Random(seed)
    for run_id in (RUN, "b" * 32):
        writer = begin(folder, run_id, segment_bytes=500_000)
        for step in range(30_000):
            writer.append(LOG, step, {"loss": step / 3, "acc": float(step)})
        writer.close()
    kills = 0
    for _ in range(15):
        process = start(FOLLOW, folder.root, 10**9)
        try:
            process.wait(dice.uniform(0.1, 0.9))
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        _, err = process.communicate(timeout=LIMIT_S)
        assert not err
    assert kills == 15
    index = Index(folder)
    index.catch_up()
    assert index.query("SELECT sum(count) FROM metrics") == [(120_000,)]
    assert dump(index) == rebuilt(folder, tmp_path / "other")
    index.close()


def test_deleted_again_and_again_while_others_follow_nothing_wrong_is_said(folder, start):
    """Up to three times in each of their looks: a look gives up when five indexes went away."""
    steps = 30_000
    writer = start(WRITE, folder.root, RUN, steps)
    writer.stdout.readline()
    follower = start(FOLLOW, folder.root, steps + 1)
    said, deletions, in_this_look, limit = b"", 0, 0, time.monotonic() + LIMIT_S
    while deletions < 5 or said.split()[-1:] != [str(steps).encode()]:
        assert time.monotonic() < limit, (deletions, said[-100:])
        if select.select([follower.stdout], [], [], 0.02)[0]:
            said += os.read(follower.stdout.fileno(), 4096)
            in_this_look = 0
        assert follower.poll() is None, follower.communicate()[1]
        if in_this_look < 3 and folder.index.exists():
            folder.index.unlink(missing_ok=True)
            deletions += 1
            in_this_look += 1
    follower.kill()
    assert follower.communicate(timeout=LIMIT_S)[1] == ""


REBUILD = """
import sys
from tracker.index import Index, catchup
from tracker.store import StoreFolder
folder = StoreFolder.open(sys.argv[1])
def held(self):
    print("holding", flush=True)
    sys.stdin.readline()
catchup.CatchUp._commit_if_due = held
folder.index.unlink(missing_ok=True)
Index(folder).catch_up()
print("made", flush=True)
"""

READ = """
import contextlib, os, sys
from tracker.cli.program import run
from tracker.index import index
index.Index.__init__.__kwdefaults__["wait_s"] = float(sys.argv[2])
for words in (["ls"], ["history", "loss", "--json"], ["history", "loss", "a" * 32]):
    with open(os.devnull, "w") as out, contextlib.redirect_stdout(out):
        print(run([*words, "--dir", sys.argv[1]]), file=sys.stderr)
"""


def test_commands_answer_while_runs_are_written_and_others_read(folder, start):
    """Four processes write, six read as commands do: each is answered, none hears of a lock."""
    writers = [start(WRITE, folder.root, letter * 32, 3000) for letter in "abcd"]
    for writer in writers:
        writer.stdout.readline()
    readers = [start(READ, folder.root, 30) for _ in range(6)]
    for reader in readers:
        _, err = reader.communicate(timeout=LIMIT_S)
        assert err.split() == ["0", "0", "0"]


def test_while_another_process_makes_the_index_anew_commands_say_so(folder, start):
    """What is found in a part of it is said to be one; what is not there may be still to come."""
    writer = begin(folder, RUN)
    writer.append(LOG, 0, {"loss": 1.0})
    writer.close()
    maker = start(REBUILD, folder.root)
    assert maker.stdout.readline() == "holding\n"
    _, err = start(READ, folder.root, 0.05).communicate(timeout=LIMIT_S)
    listed, trend, curve = err.split("\n0\n", 1)[0], *err.splitlines()[-4::2]
    assert listed == "another process is at the index; this may not be all yet"
    assert "no run has a metric 'loss'" in trend
    assert "no run 'aaaa" in curve
    for line in (trend, curve):
        assert line.endswith("at the index, so this may not be all: try again in a moment.")
    maker.communicate("\n" * 5, timeout=LIMIT_S)
    _, err = start(READ, folder.root, 30).communicate(timeout=LIMIT_S)
    assert err.split() == ["0", "0", "0"]


def strange(kind, path, sound):
    """Put something that is no segment where one was."""
    path.unlink()
    acts = {
        "folder": path.mkdir,
        "link": lambda: path.symlink_to(sound),
        "dangling link": lambda: path.symlink_to("nowhere"),
        "pipe": lambda: os.mkfifo(path),
        "empty": path.touch,
        "sparse": lambda: (path.touch(), os.truncate(path, 1 << 40)),
        "newer": lambda: path.write_bytes(b"TRKSEG" + (9).to_bytes(2, "little") + bytes(99)),
    }
    acts[kind]()


@pytest.mark.parametrize(
    "kind", ["folder", "link", "dangling link", "pipe", "empty", "sparse", "newer"]
)
def test_what_is_no_segment_hides_nothing_else_of_the_run(folder, tmp_path, kind):
    writer = begin(folder, RUN, segment_bytes=500)
    for step in range(30):
        writer.append(LOG, step, {"loss": step / 7})
    writer.close()
    second = folder.run(RUN) / f"{writer.id}-000002.seg"
    shutil.copy(second, tmp_path / "sound")
    strange(kind, second, tmp_path / "sound")
    index = Index(folder)
    index.catch_up()
    assert not index.unreadable
    steps = index.history(RUN, "loss").steps.tolist()
    assert steps[0] == 0
    assert steps[-1] == 29
    ((first, last),) = index.query(
        "SELECT first_seq, last_seq FROM gaps WHERE file = ? AND first_seq NOT NULL", (second.name,)
    )
    assert set(range(30)) - set(steps) == set(range(first - 2, last - 1))  # the Start is event 1
    assert dump(index) == rebuilt(folder, tmp_path / "other")
    index.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a child becomes another user")
def test_a_segment_that_may_not_be_read_is_read_as_soon_as_it_may():
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        folder = StoreFolder.open(Path(place) / "store", create=True)
        writer = begin(folder, RUN, segment_bytes=500)
        for step in range(30):
            writer.append(LOG, step, {"loss": step / 7})
        writer.close()
        second = folder.run(RUN) / f"{writer.id}-000002.seg"
        for path in (folder.root, *folder.root.rglob("*")):
            if os.geteuid() == 0:
                os.chown(path, NOBODY, NOBODY)
            long_ago = time.time() - 3600
            os.utime(path, (long_ago, long_ago))
        second.chmod(0)

        def look():
            index = Index(folder)
            index.catch_up()
            assert index.query("SELECT file, kind FROM gaps") == [(second.name, "unreadable")]
            second.chmod(0o600)
            index.catch_up()
            assert index.query("SELECT * FROM gaps") == []
            assert len(index.history(RUN, "loss").steps) == 30
            index.close()

        as_ordinary_user(look)


def test_with_any_byte_of_a_journal_flipped_the_index_says_nothing_wrong(folder):
    writer = begin(folder, RUN)
    for step in range(6):
        writer.append(LOG, step, {"loss": step / 7, "note": f"n{step}"})
    writer.close()
    (file,) = folder.run(RUN).iterdir()
    whole = file.read_bytes()
    index = Index(folder)
    index.catch_up()
    truth = {(step, step / 7) for step in range(6)}
    for at in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        file.unlink()
        file.write_bytes(damaged)
        index.close()
        folder.index.unlink()
        index.catch_up()
        history = index.history(RUN, "loss")
        found = set(zip(history.steps.tolist(), history.values.tolist(), strict=True))
        assert found <= truth, at
        assert len(found) >= 5, at
        assert index.query("SELECT * FROM gaps"), at
    index.close()
