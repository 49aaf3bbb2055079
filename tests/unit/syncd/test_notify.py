"""What systemd is told arrives at the socket it names, as sd_notify(3) has it."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
import threading
import time

import pytest

from syncd.daemon import Daemon
from syncd.outlet import Outlet
from syncd.service.notify import Notifier
from tests.fault.delivering import wait_for
from tests.unit.syncd.test_daemon import add
from tracker.settings import load


@pytest.fixture(params=["file", "abstract"])
def channel(request, tmp_path):
    """A manager's socket, and its address as NOTIFY_SOCKET has it."""
    if request.param == "abstract" and not sys.platform.startswith("linux"):
        pytest.skip("abstract sockets are of Linux")
    name = f"syncd-test-{os.getpid()}-{os.urandom(4).hex()}"
    path = f"\0{name}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(path)
        listening.settimeout(5)
        yield listening, path.replace("\0", "@")


def heard(listening):
    return listening.recv(4096).decode()


def test_each_state_is_one_datagram(channel):
    listening, address = channel
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.ready("delivers\nto lab")
    assert heard(listening) == "READY=1\nSTATUS=delivers to lab"
    notifier.reloading()
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", heard(listening))
    notifier.stopping()
    assert heard(listening) == "STOPPING=1"


def test_signs_of_life_come_at_half_the_watchdogs_time(channel, monkeypatch):
    """However often it is asked to tell; the first at once."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    listening, address = channel
    listening.setblocking(False)
    notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "4000000"})
    told = []
    for _ in range(9):
        notifier.alive()
        with contextlib.suppress(BlockingIOError):
            told.append((now[0] - 100, heard(listening)))
        now[0] += 0.5
    assert told == [(0.0, "WATCHDOG=1"), (2.0, "WATCHDOG=1"), (4.0, "WATCHDOG=1")]


@pytest.mark.parametrize(
    "env", [{}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}]
)
def test_nobody_is_told_who_did_not_ask(channel, env):
    listening, address = channel
    listening.setblocking(False)
    Notifier({"NOTIFY_SOCKET": address, **env}).alive()
    with pytest.raises(BlockingIOError):
        heard(listening)


def test_without_a_manager_nothing_fails(tmp_path, caplog):
    Notifier({}).ready("here")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).stopping()
    assert "the service manager cannot be told 'STOPPING=1'" in caplog.text


class Counted(Notifier):
    """Counts the signs of life that it is to tell."""

    def __init__(self):
        super().__init__({})
        self.lives = 0

    def alive(self):
        self.lives += 1


@pytest.mark.usefixtures("platforms")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("way", ["goes on", "dies", "hangs"])
def test_only_a_daemon_whose_outlets_go_on_gives_signs_of_life(way, store, monkeypatch):
    """One that died or hangs lets the watchdog fire, though all the rest goes on."""
    monkeypatch.setattr("syncd.daemon._PUBLISH_S", 0.02)
    monkeypatch.setattr("syncd.daemon._TURN_S", 0.2)
    monkeypatch.setenv("TRACKER_POLL_INTERVAL_S", "0.1")
    let_go = threading.Event()
    whole = Outlet.turn

    def turn(self, names, notices):
        if way == "dies":
            raise SystemExit
        if way == "hangs":
            let_go.wait(30)
        return whole(self, names, notices)

    monkeypatch.setattr(Outlet, "turn", turn)
    add(store, "lab")
    with Daemon(store, load(store)) as daemon:
        daemon.notifier = counted = Counted()
        serving = threading.Thread(target=daemon.run)
        serving.start()
        try:
            if way == "goes on":
                wait_for("signs of life", lambda: counted.lives > 50, 20)
            else:
                wait_for("the last of them", lambda: _same_for(1.0, lambda: counted.lives), 20)
        finally:
            let_go.set()
            daemon.stop()
            serving.join(10)


def _same_for(seconds, look):
    before = look()
    time.sleep(seconds)
    return look() == before
