"""`tracker top` in a real terminal: keys go in, the screen is read."""

from __future__ import annotations

import re
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest

from tests.e2e.recording import (
    TRACKER,
    environment,
    record,
    start_live,
    tracker,
)
from tests.terminals import Terminal

pytest.importorskip("textual")

MANY = """
import tracker
for number in range(30):
    with tracker.init(project="digits" if number % 2 else "letters", name=f"run{number:02}") as run:
        run.config["lr"] = number / 10
        for step in range(20):
            run.log({"loss": number + 1 / (step + 1), "val/accuracy": step / 20}, step=step)
        if number == 7:
            run.log_console("epoch 1\\n" * 40 + "the end of seven\\n")
            run.log_console("a warning \\x1b[31m\\x07\\n", stream="stderr")
            run.log_system({"cpu": 12.5, "gpu": {"0": 80.0}})
odd = "odd\\x07\\x1b[31m \\u65e5\\u672c\\u8a9e"
with tracker.init(project="p\\x1b[2J\\u202ee", name=odd * 3) as run:
    run.log({"loss": 1.0})
"""
COLOURS = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    store = tmp_path_factory.mktemp("top") / "store"
    assert record(store, MANY) == 0
    return store


@pytest.fixture
def store(made, tmp_path):
    """A store of the test's own, whose index is up to date."""
    shutil.copytree(made, tmp_path / "store")
    tracker(tmp_path / "store", "ls")
    return tmp_path / "store"


def top(store, columns=80, lines=24, **more):
    env = environment(store, TERM="xterm-256color", LANG="C.UTF-8", **more)
    return Terminal([TRACKER, "top"], env, columns, lines)


def modes(at):
    """Whether each mode that was ever switched is on at last."""
    return {mode: on == b"h" for mode, on in re.findall(rb"\x1b\[\?(\d+)([hl])", at.written)}


def cursor(at):
    """The line that the cursor is on."""
    return next((line for line in at.lines if line.startswith(">")), "")


def last(at):
    """The newest value of the curve, "" where none is shown."""
    found = re.search(r"last (\d+)", at.text)
    return found[1] if found else ""


def test_the_first_screen_has_runs_the_newest_ones_curve_and_the_keys(made):
    with top(made) as at:
        at.wait("loss  last 1  min 1  max 1  1 point")
        at.wait(lambda: "31 runs  0 running  sync: no remote" in at.lines[0])
        at.wait(lambda: " ".join(at.lines[1].split()) == "NAME PROJECT STATUS STARTED▼ TOOK LOSS")
        at.wait(lambda: "run29" in at.lines[3])
        at.wait(lambda: at.lines[-1].startswith("q quit  / filter"))
        at.press("q")
        assert at.ended() == 0


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("ctrl-c", 130)])
def test_leaving_restores_the_terminal(made, key, code):
    with top(made) as at:
        at.wait("run29")
        assert not at.as_before
        at.press(key)
        assert at.ended() == code
        assert at.as_before
        assert {mode for mode, on in modes(at).items() if on} == {b"7", b"25"}  # wrap, cursor


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_restores_the_terminal(made, number):
    with top(made) as at:
        at.wait("run29")
        at.process.send_signal(number)
        assert at.ended() == 128 + number
        assert at.as_before
        assert not modes(at)[b"1049"]  # the alternate screen


def test_what_is_typed_ahead_is_taken_in_its_order(made):
    with top(made) as at:
        at.wait("run29")
        at.press("down")
        at.wait("loss  last 29.05")
        at.press("mval", "enter", "/run1", "enter", "down", "s")
        at.wait("10 of 31 runs like 'run1'")
        at.wait("val/accuracy  last 0.95")
        at.wait(lambda: "NAME▼" in at.lines[1] and "VAL/ACCURACY" in at.lines[1])
        at.wait(lambda: "run17" in cursor(at))


def test_the_filter_takes_the_query_language_and_says_what_is_wrong(made):
    with top(made) as at:
        at.wait("run29")
        at.press("/metrics.loss < 4 a")
        at.wait("the query cannot be read at column 18")
        at.press("nd config.lr > 0.1 order by metrics.loss")
        at.wait(lambda: "2 of 31 runs" in at.text and "run02" in at.lines[2])
        at.press("esc")
        at.wait("31 runs  0 running")


def test_marked_runs_lie_over_each_other_with_their_letters(made):
    with top(made) as at:
        at.wait("run29")
        at.press("/run0", "enter", " ", " ")
        at.wait("a run09  b run08")
        at.wait(lambda: [line[:7] for line in at.lines[2:5]] == ["a run09", "b run08", "> run07"])
        at.press("l", "x")
        at.wait(lambda: "seconds since the start" in at.text and "log scale" in at.lines[0])
        at.press("5")  # is about the run at the cursor all the same
        at.wait("lr  0.7")
        at.press("1", "u")
        at.wait("loss  last 7")


def test_the_list_is_sorted_by_each_column_and_turned(made):
    with top(made) as at:
        at.wait("run29")
        at.press("s")
        at.wait("NAME▼")
        at.wait(lambda: "odd" in at.lines[2])
        at.press("r")
        at.wait("NAME▲")
        at.press("end")
        at.wait(lambda: "odd" in cursor(at))
        at.press("s", "s", "s", "s")
        at.wait("LOSS▼")
        at.press("home")
        at.wait(lambda: "run29" in at.lines[2])


def test_each_pane_shows_its_part_of_the_run_at_the_cursor(made):
    with top(made) as at:
        at.wait("run29")
        at.press("/run07", "enter", "3")
        at.wait("the end of seven")
        at.wait(r"a warning \x07")
        at.press("tab", "home")
        at.wait("1-13 of 42")
        at.press("2")
        at.wait("gpu/0")
        at.wait("last 12.5")
        at.press("4")
        at.wait("the store has no remote; add one: tracker remote add")
        at.press("5")
        at.wait("lr  0.7")


def test_names_cannot_steer_the_terminal(made):
    with top(made, 140, 40) as at:
        at.wait(lambda: "q quit" in at.lines[-1])
        at.press("z")
        at.wait(r"p\x1b[2J\u2")
        at.wait(r"odd\x07\x1b[31m 日本語")
        assert b"\x1b[2J" not in at.written
        assert b"\x07" not in at.written.replace(b"\x1b]22;default\x07", b"")  # textual's pointer


def test_no_color_means_no_colour_at_all(made):
    with top(made, NO_COLOR="1") as at:
        at.wait("run29")
        at.press(" ", " ")
        at.wait("a odd")
        assert not COLOURS.search(at.written)


def test_colours_are_those_of_the_terminal_and_its_background_stays(made):
    with top(made) as at:
        at.wait("loss  last 1")
        assert COLOURS.search(at.written)
        assert {char.bg for row in at.screen.buffer.values() for char in row.values()} == {
            "default"
        }


def test_another_size_of_the_window_is_used(made):
    with top(made) as at:
        at.wait("run29")
        at.resize(140, 40)
        at.wait(lambda: "1 curves" in at.lines[1] and "q quit" in at.lines[39])
        at.resize(40, 10)
        at.wait(
            lambda: "run29" in at.text and "1 curves" in at.text and "? all keys" in at.lines[9]
        )
        assert at.process.poll() is None


def test_a_live_run_is_followed(store, tmp_path):
    with top(store) as at, start_live(store, tmp_path / "stop") as process:
        at.wait("32 runs  1 running")
        at.wait(lambda: "live" in cursor(at))
        at.wait(lambda: last(at))
        seen = last(at)
        at.wait(lambda: last(at) not in ("", seen))
        (tmp_path / "stop").touch()
        process.wait(30)
        at.wait(lambda: "failed" in cursor(at))
        at.wait("loss  last -1")


def test_the_cursor_stays_on_its_run_while_others_come(store):
    with top(store) as at:
        at.wait("run29")
        at.press("down", "down")
        at.wait(lambda: "run28" in cursor(at))
        assert record(store, "import tracker; tracker.init(name='new').finish()") == 0
        at.wait(lambda: "32 runs" in at.text and "run28" in cursor(at))


def test_an_index_that_is_made_anew_is_said_and_does_not_stop_the_screen(store):
    """Another process holds the index, as one that makes it anew does; then it lets go."""
    lock = store / "index.lock"
    code = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"  # noqa: E501
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        with top(store) as at:
            at.wait("reading the journals: 31 of 31 runs are in the index")
            at.press("down")
            at.wait(lambda: "run29" in cursor(at))
            at.wait("another process is reading the journals")
            holder.communicate(b"\n")
            at.wait(lambda: "reading the journals" not in at.text)


def test_without_an_index_it_is_made_behind_the_screen(store):
    for file in store.glob("index.db*"):
        file.unlink()
    with top(store) as at:
        at.wait("31 runs  0 running")
        at.wait("run29")


def test_a_damaged_index_heals(store):
    tracker(store, "ls")
    with sqlite3.connect(store / "index.db") as index:
        index.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (store / "index.db").open("r+b") as file:
        file.seek(8192 * 3)
        file.write(b"\xff" * 8192 * 4)
    with top(store) as at:
        at.wait("31 runs  0 running")
        at.wait("loss  last 1")


def test_a_store_that_vanishes_is_said_and_one_that_comes_back_is_read(store):
    said = "cannotbebroughtuptodate"  # wherever the line is folded
    with top(store) as at:
        at.wait("run29")
        away = store.rename(store.with_name("away"))
        at.wait(lambda: said in "".join(at.text.split()) and "run29" in at.text)
        away.rename(store)
        at.wait(lambda: said not in "".join(at.text.split()))
        at.press("q")
        assert at.ended() == 0


@pytest.mark.parametrize(
    ("what", "said"),
    [("absent", "tracker: error: there is no store"), ("dumb", "tracker top needs a terminal")],
)
def test_what_keeps_it_from_beginning_is_one_line(made, tmp_path, what, said):
    place = tmp_path / "nothing" if what == "absent" else made
    env = environment(place, TERM="dumb" if what == "dumb" else "xterm")
    with Terminal([TRACKER, "top"], env) as at:
        assert at.ended() == (1 if what == "absent" else 2)
        assert said in at.text.replace("\n", "")
        assert "Traceback" not in at.text


def test_without_a_terminal_it_says_what_prints_runs(made):
    done = tracker(made, "top")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "tracker ls" in done.stderr


def test_without_textual_it_says_what_to_install(made):
    code = "import sys; sys.modules['textual'] = None; from tracker.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "top"],
        env=environment(made), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "pip install 'tracker-syncd[top]'" in done.stderr


def test_a_defect_leaves_the_terminal_clean_and_one_line(made):
    code = (
        "from tracker.top.runlist import RunList\n"
        "from tracker.cli import main\n"
        "RunList.mark = lambda self: 1 / 0\nmain()"
    )
    with Terminal([sys.executable, "-c", code, "top"], environment(made, TERM="xterm")) as at:
        at.wait("run29")
        at.press(" ")
        assert at.ended() == 1
        assert at.as_before
        assert "unexpected ZeroDivisionError" in at.text
        assert "Traceback" not in at.text


def test_the_sync_pane_says_what_waits_for_each_remote_and_of_the_run(store):
    assert tracker(store, "remote", "add", "lab", "mlflow", "http://127.0.0.1:9").returncode == 0
    with top(store) as at:
        at.wait("sync: nothing delivered yet")
        at.press("4")
        at.wait("syncd is not running; deliver from now on: syncd run; once: tracker push")
        at.wait(lambda: re.search(r"lab  \d+ events pending of 31 runs", at.text))
        at.wait(lambda: re.search(r"run odd.*\nlab  \d+ events pending", at.text))
