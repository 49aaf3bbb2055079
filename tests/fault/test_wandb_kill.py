"""An import of a `.wandb` file that is killed again and again: every record once."""

import json
import random
import subprocess
import sys

import pytest

from tests.wandb_material import Made
from tracker.events import Artifact, Config, Console, Finish, Log, Media
from tracker.journal import journals
from tracker.store import StoreFolder

ROUNDS = 25
IMPORT = """
import json, os, signal, sys
from pathlib import Path
from tracker.integrations import appending
from tracker.integrations.wandb import translation
from tracker.integrations.wandb.imports import Import
from tracker.journal.files import Files
from tracker.settings import Settings
from tracker.store import StoreFolder

store, folder, kills = StoreFolder.open(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
appending.BATCH_EVENTS = translation.MOST_AT_ONCE = 16
write = Files.write

def run(kill_at, share):
    calls = 0
    def killing(fd, data):
        nonlocal calls
        calls += 1
        if calls == kill_at:
            write(fd, bytes(data)[: int(len(data) * share)])
            os.kill(os.getpid(), signal.SIGKILL)
        return write(fd, data)
    Files.write = staticmethod(killing)
    with Import(store, Settings(), [folder]) as runs:
        for found in runs.once(lambda _: None):
            assert not found.taken.error, found.taken.error
    os._exit(0)

import tracker.integrations.wandb.records
tracker.integrations.wandb.records.Parser()  # once, for all children
ends = []
for kill_at, share in kills:
    child = os.fork()
    if not child:
        run(kill_at, share)
    ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(ends))
"""


def material(folder):
    """A run with something of every kind."""
    made = Made("killed", tags=["a"])
    made.config(lr=0.1)
    for step in range(150):
        made.row(step, loss=float(step), **({"note": "n"} if step % 50 < 10 else {}))
        if step % 20 == 5:
            made.console(f"line {step}\n")
        if step % 30 == 7:
            made.row(step, img={"_type": "image-file", "path": "media/a.png"})
            record = made.new()
            record.files.files.add(path="saved.txt")
            made.add(record)
    made.exit()
    files = made.put(folder).parent / "files"
    (files / "media").mkdir()
    (files / "media" / "a.png").write_bytes(b"picture")
    (files / "saved.txt").write_text("saved")


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_write(tmp_path, seed):
    """Killed before, in and behind writes, then run to its end: all is there, and once."""
    rng = random.Random(seed)
    store = StoreFolder.open(tmp_path / "store", create=True)
    material(tmp_path / "wandb")
    kills = [(rng.randrange(1, 12), rng.choice((0.0, rng.random(), 1.0))) for _ in range(ROUNDS)]
    arguments = [str(store.root), str(tmp_path / "wandb"), json.dumps([*kills, (10**9, 0)])]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, *arguments],
        capture_output=True, text=True, timeout=250, check=True,
    )  # fmt: skip
    ends = json.loads(done.stdout)
    assert ends[-1] == 0
    assert ends.count(-9) > 3, seed
    events = [e for journal in journals(store.run("killed")) for e in journal.events()]
    logged = [(e.step, e.values["loss"]) for e in events if isinstance(e, Log)]
    assert logged == [(step, float(step)) for step in range(150)], seed
    counted = [sum(isinstance(e, k) for e in events) for k in (Config, Console, Media, Artifact)]
    assert counted == [1, 8, 5, 5], seed
    assert [e.status for e in events if isinstance(e, Finish)] == ["finished"]
