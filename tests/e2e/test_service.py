"""syncd as a service: what it tells its manager, what signals and pauses do, what people see."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from scripts.benchmarks.double import Double
from tests.e2e.test_syncd import record
from tests.fault.delivering import Syncd, environment, make_store, syncd, wait_for

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _silent(monkeypatch):
    monkeypatch.setenv("TRACKER_SILENT", "1")


@pytest.fixture
def server():
    with Double().serving() as double:
        yield double


@pytest.fixture
def store(tmp_path, server):
    return make_store(tmp_path / "store", server.url)


@pytest.fixture
def manager(tmp_path):
    """A service manager's socket; its address is in `env`, what it was told in `heard()`."""

    class Manager:
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}  # noqa: RUF012

        def __init__(self, listening):
            self._listening = listening
            self._told = []

        def heard(self):
            while select.select([self._listening], [], [], 0)[0]:
                self._told.append(self._listening.recv(4096).decode())
            return self._told

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(Manager.env["NOTIFY_SOCKET"])
        yield Manager(listening)


def count(manager, word):
    return sum(told.startswith(word) for told in manager.heard())


def test_a_manager_is_told_of_start_life_reload_and_end(store, manager):
    """And it ends within 5 s of SIGTERM, which is said too."""
    with Syncd(store, "run", **manager.env) as process:
        wait_for("ready", lambda: count(manager, "READY=1"))
        assert f"delivers {store.root} to lab" in manager.heard()[0]
        wait_for("signs of life", lambda: count(manager, "WATCHDOG=1") >= 2)
        process.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: count(manager, "RELOADING=1"))
        wait_for("ready again", lambda: count(manager, "READY=1") == 2)
        began = time.monotonic()
        code, out = process.stop()
    assert (code, time.monotonic() - began < 5) == (0, True)
    assert "reads settings and credentials again" in out
    assert count(manager, "STOPPING=1") == 1


def test_sighup_reads_the_users_file_which_nobody_watches(store, server, tmp_path):
    """Only the store's own file is looked at by itself."""
    home = tmp_path / "config"
    (home / "tracker").mkdir(parents=True)
    with Syncd(store, "run", XDG_CONFIG_HOME=str(home)) as process:
        wait_for("the first look", (store.sync / "status.json").exists)
        (home / "tracker" / "settings.json").write_text('{"workers": "x"}')
        process.process.send_signal(signal.SIGHUP)
        told = record(store, "p")
        wait_for("the delivery", lambda: server.points >= 20)
        assert told.run_id
        log = store.sync / "syncd.log"
        wait_for("the word", lambda: "goes on with the settings from before" in log.read_text())
        _, out = process.stop()
    assert "goes on with the settings from before" in out


def test_a_pause_holds_for_a_running_daemon_and_the_next_one_until_it_is_resumed(store, server):
    """Seen in status, and said by `once`, which has nothing else to do and ends well."""
    with Syncd(store, "run") as process:
        wait_for("the first look", (store.sync / "status.json").exists)
        assert syncd(store, "pause", "--remote", "lab", "--for", "2h")[0] == 0
        wait_for(
            "the pause", lambda: "paused since" in (store.sync / "status.json").read_text(), 10
        )
        record(store, "p")
        seen = json.loads(syncd(store, "status", "--json")[1])
        assert seen["daemon"]["pid"] == process.process.pid
        assert seen["paused"]["lab"]["until"] - seen["paused"]["lab"]["since"] == 7200
        process.stop()
    code, out = syncd(store, "once")
    assert (code, server.points) == (0, 0)
    assert re.search(r"lab: paused since .*, until .*; go on: syncd resume", out)
    assert (
        "lab: 0 runs up to date, 22 events of 1 run pending\n  paused since"
        in (syncd(store, "status")[1])
    )
    with Syncd(store, "run") as process:
        wait_for("the owner", (store.sync / "syncd.db").exists)
        assert syncd(store, "resume", "--remote", "lab")[0] == 0
        wait_for("the delivery", lambda: server.points == 20, 15)
        process.stop()


@contextlib.contextmanager
def terminal(store, *command):
    """A command on a terminal of 12 lines of 40 columns; gives what was printed so far."""
    pid, fd = pty.fork()
    if pid == 0:  # pragma: no cover - the command
        os.chdir(ROOT)
        words = [sys.executable, "-m", "syncd", *command, "--dir", str(store.root)]
        os.execve(  # noqa: S606 - a terminal has no other way
            sys.executable, words, {**environment(), "COLUMNS": "40", "LINES": "12"}
        )
    shown = bytearray()

    def look():
        with contextlib.suppress(OSError):  # it ended
            while select.select([fd], [], [], 0)[0]:
                shown.extend(os.read(fd, 65536))
        return shown.decode()

    try:
        yield pid, look
    finally:
        os.close(fd)


def test_status_is_drawn_again_in_its_place_until_ctrl_c(store):
    with terminal(store, "status", "--watch") as (pid, look):
        wait_for("two drawings", lambda: look().count("lab: 0 runs up to date") >= 2)
        os.kill(pid, signal.SIGINT)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        drawn = look()
    first, *again = drawn.split("\x1b[H")
    assert first.startswith("\x1b[2J")
    lines = [line.removesuffix("\x1b[K") for each in again for line in each.splitlines()]
    assert max(map(len, lines)) < 40, "a longer line would go on in the next one"


def test_status_elsewhere_is_plain_documents_again_and_again(store):
    with Syncd(store, "status", "--watch", "--json") as process:
        documents = [json.loads(process.process.stdout.readline()) for _ in range(2)]
        process.process.send_signal(signal.SIGINT)
        assert process.end(10)[0] == 0
    assert [each["daemon"] for each in documents] == [None, None]


def test_logs_are_shown_for_a_person_and_followed_through_a_rotation(store):
    log = store.sync / "syncd.log"
    line = '{"timestamp": "2026-01-02T03:04:05Z", "level": "%s", "event": "%s", "remote": "la b"}\n'
    log.write_text("half a li\n" + line % ("INFO", "run_started") + line % ("ERROR", "auth_failed"))
    code, out = syncd(store, "logs")
    assert (code, out.splitlines()[0]) == (0, "half a li")
    assert re.search(r'^2026-01-0\d .* INFO  run_started remote="la b"$', out, re.MULTILINE)
    code, out = syncd(store, "logs", "--json", "--level", "error")
    assert [json.loads(each)["event"] for each in out.splitlines()] == ["auth_failed"]
    with Syncd(store, "logs", "-f", "-n", "0", "--json") as process:
        wait_for("it to follow", lambda: _has_open(process.process.pid, log))
        log.replace(log.with_name("syncd.log.1"))
        log.write_text(line % ("WARN", "sync_delayed"))
        assert json.loads(process.process.stdout.readline())["event"] == "sync_delayed"
        process.process.send_signal(signal.SIGINT)
        assert process.end(10) == (0, "")


def _has_open(pid, path):
    links = Path(f"/proc/{pid}/fd").iterdir()
    return any(os.path.realpath(link) == str(path) for link in links)
