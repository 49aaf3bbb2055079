"""Files of sources that need not be read again, and a hint that must do no harm."""

import json
import os
import threading
from types import SimpleNamespace

import pytest

from syncd.sources import Sources
from tests.wandb_material import Made
from tracker.events import Log
from tracker.integrations.wandb import imports
from tracker.integrations.wandb.imports import Import
from tracker.journal import journals
from tracker.settings import Settings

ROWS = 20


def made(rows=ROWS, *, ended=True, value=0.5):
    """A run's file."""
    run = Made("r1")
    for step in range(rows):
        run.row(step, loss=step * value)
    if ended:
        run.exit()
    return run


@pytest.fixture
def place(tmp_path):
    """A folder of runs."""
    folder = tmp_path / "wandb"
    folder.mkdir()
    return folder


@pytest.fixture
def reads(monkeypatch):
    """The files that were looked at, and not passed over."""
    found = []

    class Taking(imports.Taking):
        def go_on(self, tell):
            found.append(self.log.name)
            super().go_on(tell)

    monkeypatch.setattr(imports, "Taking", Taking)
    return found


def once(store, place):
    """What a syncd that starts does with its sources."""
    owner = SimpleNamespace(lost=False, confirm=lambda: None)
    sources = Sources(store, Settings(sources=[str(place)]), owner, threading.Event())
    sources.once()
    assert sources.trouble == {}


def steps(store, run="r1"):
    found = [event for journal in journals(store.run(run)) for event in journal.events()]
    return [event.step for event in found if isinstance(event, Log)]


def test_a_file_that_ended_is_read_once(store, place, reads):
    """However often syncd starts."""
    made().put(place)
    for _ in range(3):
        once(store, place)
    assert reads == ["run-r1.wandb"]
    assert steps(store) == list(range(ROWS))


def test_a_file_that_may_grow_is_looked_at_again(store, place, reads):
    """One without an end is no case for the hint; once it has grown to its end, it is."""
    whole = made()
    whole.put(place, whole.content[: whole.ends[7]])
    once(store, place)
    once(store, place)
    whole.put(place)
    once(store, place)
    once(store, place)
    assert len(reads) == 3
    assert steps(store) == list(range(ROWS))


def test_a_file_that_goes_on_behind_its_end_is_read(store, place, reads):
    """A run that was resumed into the same file."""
    whole = made()
    whole.put(place)
    once(store, place)
    whole.row(ROWS, loss=1.0)
    whole.exit()
    whole.put(place)
    once(store, place)
    assert len(reads) == 2
    assert steps(store) == list(range(ROWS + 1))


def test_a_run_that_is_no_longer_there_comes_back(store, place, reads):
    """The journals are the truth: where they are gone, or cut short, the file is read."""
    made().put(place)
    once(store, place)
    (journal,) = journals(store.run("r1"))
    path = journal.path(1)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    once(store, place)
    assert steps(store) == list(range(ROWS))
    for each in store.run("r1").iterdir():
        each.unlink()
    once(store, place)
    assert steps(store) == list(range(ROWS))
    assert len(reads) == 3


def test_another_file_in_its_place_is_read(store, place, reads):
    """Of the same size and time, under the same inode: its ends tell."""
    log = made().put(place)
    before = log.stat()
    once(store, place)
    other = Made("r2")
    for step in range(ROWS):
        other.row(step, loss=step * 0.5)
    other.exit()
    log.write_bytes(other.content)
    os.utime(log, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (log.stat().st_size, log.stat().st_ino) == (before.st_size, before.st_ino)
    once(store, place)
    assert len(reads) == 2
    assert steps(store, "r2") == list(range(ROWS))


@pytest.mark.parametrize(
    "wrong", [b"", b"no json", b"[]", b'{"x": 1}', "run", "journals", "none", "size"]
)
def test_a_hint_that_is_wrong_costs_a_read_and_no_more(store, place, reads, wrong):
    """Nothing is lost and nothing doubled."""
    log = made().put(place)
    once(store, place)
    hint = store.sync / "sources.json"
    told = json.loads(hint.read_bytes())
    of_file = told[str(log.resolve())]
    if wrong == "run":
        of_file["run"] = "another"
    elif wrong == "journals":
        of_file["journals"] = {writer: seq + 1 for writer, seq in of_file["journals"].items()}
    elif wrong == "none":
        of_file["journals"] = {}
    elif wrong == "size":
        of_file["file"]["size"] -= 1
    hint.write_bytes(wrong if isinstance(wrong, bytes) else json.dumps(told).encode())
    once(store, place)
    once(store, place)
    assert len(reads) == 2
    assert steps(store) == list(range(ROWS))


def test_a_hint_that_cannot_be_kept_is_no_trouble(store, place, reads, monkeypatch):
    """A full disk: it is tried again at the next look, and the file is read until then."""

    def full(*_):
        raise OSError(28, "No space left on device")

    made().put(place)
    with monkeypatch.context() as patch:
        patch.setattr("syncd.ended.replace_file", full)
        once(store, place)
    once(store, place)
    once(store, place)
    assert len(reads) == 2
    assert steps(store) == list(range(ROWS))


def test_names_of_any_bytes(store, place, reads):
    """A folder whose name is no UTF-8 is passed over as others are."""
    odd = place / os.fsdecode(b"odd\xff")
    odd.mkdir()
    made().put(odd)
    once(store, odd)
    once(store, odd)
    assert len(reads) == 1


def test_who_imports_by_hand_has_it_read(store, place):
    """The hint is for syncd; a person asked to look."""
    made().put(place)
    once(store, place)
    with Import(store, Settings(), [place]) as runs:
        (found,) = runs.once(lambda _: None)
    assert (found.taken.records, found.taken.known) == (0, ROWS + 2)
