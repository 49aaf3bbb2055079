"""Measures of the machine and the console at W&B: read back through its API, and compared."""

from __future__ import annotations

import random

import pytest

from syncd.catalog import Entry
from syncd.daemon import Daemon
from syncd.removed import Removed
from syncd.sinks.wandb import reading as wandb_reading
from syncd.verified import Marks
from syncd.verify import Reading, Report, verify
from tests.doubles.wandb_server import KEY, WandbServer
from tests.fault.delivering import make_store
from tracker.artifacts import Blobs
from tracker.events import CONSOLE, FINISH, LOG, START, SYSTEM
from tracker.journal import Writer
from tracker.settings import load
from tracker.store import StoreFolder

RUN = "streams"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with WandbServer() as started:
        yield started


@pytest.fixture
def store(server, tmp_path):
    return make_store(tmp_path / "store", server.url, "wandb")


def record(store: StoreFolder, *, ranks=2, seed=5):
    """Ranks that measure and print, in pieces and with progress bars."""
    rng = random.Random(seed)
    writers = [Writer(store.run(RUN), RUN) for _ in range(ranks)]
    for rank, writer in enumerate(writers):
        writer.append(START, "p", "n", None, None, None, {}, {}, bool(rank))
    pieces = ("line\n", "no end", " 10%\r", "20%\r", "a\nb\nc", "\n", "ERROR 2026 odd\n", "é\n")
    for step in range(60):
        for writer in writers:
            writer.append(SYSTEM, {"cpu": rng.random(), "gpu.0.memory": float("nan")})
            for stream in ("stdout", "stderr"):
                writer.append(CONSOLE, stream, rng.choice(pieces))
        writers[0].append(LOG, step, {"loss": 1.0})
    for writer in writers:
        writer.append(FINISH, "finished", 0, None, {})
        writer.close()


def compared(store) -> Report:
    settings = load(store)
    (name,) = settings.remotes
    with Daemon(store, settings) as daemon:
        assert not daemon.once()[name].errors
        reading = Reading(
            daemon.sinks[name], daemon.ledger, name, name, settings.remotes[name],
            Blobs(store.blobs), Marks(store), Removed(store),
        )  # fmt: skip
        return verify(reading, Entry(RUN, store.run(RUN), 0))


def held(server):
    (run,) = server.runs.values()
    return run


def test_what_is_there_is_equal(server, store, monkeypatch):
    """Of several ranks, in pages; lines that were made anew count once."""
    monkeypatch.setattr(wandb_reading, "_LINES", 7)
    record(store)
    found = compared(store)
    assert found.equal, found.differences
    run = held(server)
    assert (found.system_local, found.system_remote) == (240, 240)
    assert found.lines_local == found.lines_remote == len(run.console) > 60


def test_what_is_not_there_or_is_another_is_a_difference(server, store):
    """A measure or a line that is lost, and one that was changed."""
    record(store, ranks=1)
    assert compared(store).equal
    run = held(server)
    whole_events, whole_console = run.events[:], run.console[:]
    run.events.pop()
    del run.console[3]
    lines = len(whole_console)
    assert compared(store).differences == [
        "system metrics differ: 118 there, 120 here",
        f"console lines differ: {lines - 1} there, {lines} here",
    ]
    run.events[:] = whole_events
    run.events[5] = run.events[5] | {"system.cpu": 77.0}
    run.console[:] = [*whole_console[:-1], whole_console[-1] + "!"]
    assert compared(store).differences == [
        "system metrics differ: 120 there, 120 here",
        f"console lines differ: {lines} there, {lines} here",
    ]


def test_what_a_server_does_not_tell_whole_is_not_compared(store, monkeypatch):
    """One that thins out, or has no such field, makes no difference of what may be there."""
    record(store, ranks=1)
    monkeypatch.setattr(wandb_reading, "PAGE", 4)
    monkeypatch.setattr(wandb_reading, "_MOST_SAMPLES", 8)
    found = compared(store)
    assert (found.equal, found.system_remote) == (True, None), found.differences

    def unknown(*_):
        raise wandb_reading.UnknownFieldError("Cannot query field")

    monkeypatch.setattr("syncd.sinks.wandb.api.Api.lines", unknown)
    monkeypatch.setattr("syncd.sinks.wandb.api.Api.events", unknown)
    found = compared(store)
    assert (found.system_remote, found.lines_remote) == (None, None)
    assert found.equal, found.differences
