"""`tracker tail` on runs that end, die, and go on."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.e2e.recording import (
    LIMIT_S,
    TRACKER,
    environment,
    full_store,
    refused,
    start_live,
    strict,
    tracker,
    wait_until,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return full_store(tmp_path_factory.mktemp("tail"))


@pytest.fixture
def live(store, tmp_path):
    """A run that is being recorded; gives its process and the file that ends it."""
    stop = tmp_path / "stop"
    with start_live(store, stop) as process:
        wait_until(lambda: "running" in tracker(store, "ls", "--status", "running").stdout)
        yield process, stop
        stop.touch()
        process.wait(LIMIT_S)


def live_id(store):
    listed = tracker(store, "ls", "--status", "running", "--json").stdout
    return strict(listed)["runs"][0]["id"]


def tailing(store, *arguments):
    return subprocess.Popen(
        [TRACKER, "tail", *arguments],
        env=environment(store), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_finished_run_prints_its_last_calls_and_how_it_ended(store):
    lines = tracker(store, "tail", "good", "--lines", "3").stdout.splitlines()

    assert len(lines) == 5
    assert lines[0].startswith("good (")
    assert lines[1].split()[1] == "98"
    assert 'verdict="fine"' in lines[3]
    assert lines[4].startswith("finished after")


def test_lines_may_be_none_or_more_than_there_are(store):
    assert len(tracker(store, "tail", "good", "-n", "0").stdout.splitlines()) == 2
    assert len(tracker(store, "tail", "good", "-n", "1000").stdout.splitlines()) == 103


def test_a_failed_and_a_crashed_run_say_so(store):
    assert "ValueError: no good \\x1b[31mred" in tracker(store, "tail", "failed").stdout
    lines = tracker(store, "tail", "crashed").stdout.splitlines()
    assert lines[-2].split()[1:] == ["29", "loss=29"]
    assert lines[-1].startswith("crashed after")


def test_json_is_a_document_a_line(store):
    *calls, end = map(strict, tracker(store, "tail", "failed", "--json").stdout.splitlines())

    assert calls[0]["type"] == "log"
    assert calls[0]["metrics"] == {"loss": "NaN", "up": "Infinity", "down": "-Infinity"}
    assert calls[0]["texts"] == {}
    assert end["type"] == "end"
    assert (end["status"], end["exit_code"]) == ("failed", 1)


def test_a_live_run_is_followed_to_its_end_without_a_missing_call(store, live):
    """Every call from the first one printed to the last is there, once, and then the end."""
    process, stop = live
    run = live_id(store)
    with tailing(store, run, "--json", "-n", "2") as tail:
        first = strict(tail.stdout.readline())["step"]
        steps = [first]
        while len(steps) < 40:
            steps.append(strict(tail.stdout.readline())["step"])
        stop.touch()
        rest = [strict(line) for line in tail.stdout.read().splitlines()]
        assert tail.wait(LIMIT_S) == 0
    steps += [call["step"] for call in rest[:-1]]
    assert steps == list(range(first, first + len(steps)))
    assert rest[-2]["metrics"] == {"loss": -1}
    assert (rest[-1]["status"], rest[-1]["exit_code"]) == ("failed", 3)
    process.wait(LIMIT_S)


def test_a_run_that_is_killed_while_it_is_followed_ends_as_crashed(store, live):
    process, _ = live
    with tailing(store, live_id(store), "--json", "-n", "1") as tail:
        tail.stdout.readline()
        process.kill()
        *_, end = map(strict, tail.stdout.read().splitlines())
        assert tail.wait(LIMIT_S) == 0
    assert end["status"] == "crashed"


@pytest.mark.usefixtures("live")
def test_no_follow_leaves_a_live_run_and_says_so(store):
    done = tracker(store, "tail", live_id(store), "--no-follow")

    assert done.returncode == 0
    assert "still running" in done.stdout


@pytest.mark.usefixtures("live")
def test_ctrl_c_ends_it_with_130_and_no_trace(store):
    with tailing(store, live_id(store)) as tail:
        tail.stdout.readline()
        tail.stdout.readline()
        tail.send_signal(signal.SIGINT)
        tail.stdout.read()
        assert tail.wait(LIMIT_S) == 130
        assert tail.stderr.read().strip() == ""


def test_a_wrong_number_of_lines_is_refused(store):
    refused(tracker(store, "tail", "good", "--lines", "some"), 2, "--lines", "some")
