"""A notebook: a real kernel that is interrupted, restarted and killed while a run goes on."""

from __future__ import annotations

import os
import sys
import time

import pytest
from jupyter_client import KernelManager

import tracker
from tracker.events import Finish
from tracker.journal import journals
from tracker.store import StoreFolder

LIMIT_S = 60


@pytest.fixture
def kernel(tmp_path):
    """A kernel of this environment, and how to run a cell in it: its output, or its error."""
    manager = KernelManager()
    spec = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.kernel_spec.argv = spec
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRACKER_")}
    environment |= {"TRACKER_DIR": str(tmp_path / "store"), "IPYTHONDIR": str(tmp_path / "ipython")}
    manager.start_kernel(env=environment, cwd=tmp_path)
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(LIMIT_S)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def cell(client, code):
    """Run a cell to its end; what it printed on stdout."""
    said = []

    def hear(message):
        if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
            said.append(message["content"]["text"])

    reply = client.execute_interactive(code, timeout=LIMIT_S, output_hook=hear)
    return reply["content"]["status"], "".join(said)


def restart(manager, client, *, now):
    manager.restart_kernel(now=now)
    client.wait_for_ready(LIMIT_S)


BEGIN = "import tracker; run = tracker.init('nb', resume='auto'); print(run.id)"


def curve(tmp_path, run_id):
    return tracker.open(tmp_path / "store").run(run_id).history("v").steps.tolist()


@pytest.mark.parametrize("now", [True, False], ids=["killed", "asked to end"])
def test_a_restarted_kernel_keeps_all_that_cells_logged(kernel, tmp_path, now):
    manager, client = kernel
    status, said = cell(client, BEGIN)
    assert status == "ok"
    run_id = said.split()[-1]
    assert cell(client, "for step in range(50): run.log({'v': step})")[0] == "ok"
    assert cell(client, "raise ValueError('a cell that fails ends no run')")[0] == "error"
    assert cell(client, "run.log({'v': 50})")[0] == "ok"
    restart(manager, client, now=now)
    assert curve(tmp_path, run_id) == list(range(51))
    _, said = cell(client, BEGIN)
    again = said.split()[-1]
    # Killed, the run is unfinished and goes on; asked to end, the kernel finished it.
    ends = [
        event for journal in journals(StoreFolder(tmp_path / "store", "").run(run_id))
        for event in journal.events() if isinstance(event, Finish)
    ]  # fmt: skip
    assert (again == run_id) == (not ends)
    assert not (now and ends)
    assert cell(client, "run.log({'v': 1}); run.finish()")[0] == "ok"


def test_a_cell_interrupted_inside_log_leaves_a_run_that_goes_on(kernel, tmp_path):
    manager, client = kernel
    _, said = cell(client, BEGIN)
    run_id = said.split()[-1]
    endless = "from itertools import count\nfor n in count():\n    run.log({'v': n}, n)"
    client.execute(endless, stop_on_error=False)  # else what comes next may be let go with it
    limit = time.monotonic() + LIMIT_S
    while not (steps := logged(tmp_path, run_id)):
        assert manager.is_alive()
        assert time.monotonic() < limit
    manager.interrupt_kernel()
    assert client.get_shell_msg(timeout=LIMIT_S)["content"]["ename"] == "KeyboardInterrupt"
    status, said = cell(client, "run.log({'w': n}); run.flush(); print(n)")
    assert status == "ok"
    last = int(said.split()[-1])
    assert last >= steps[-1]
    found = curve(tmp_path, run_id)
    assert found == list(range(len(found)))
    assert len(found) - 1 in (last, last - 1)  # the call under way may have been let go before
    assert cell(client, "run.finish()")[0] == "ok"
    assert tracker.open(tmp_path / "store").run(run_id).status == "finished"


def logged(tmp_path, run_id):
    try:
        return curve(tmp_path, run_id)
    except tracker.RunError:
        return []
