"""A platform in memory, for tests of the engine: what it is asked, and what it answers."""

# ruff: noqa: ARG002 - the contract's arguments

from __future__ import annotations

import threading
from hashlib import sha256
from types import MappingProxyType, SimpleNamespace

import msgspec

from syncd.delivery import Delivery
from syncd.ledger import Ledger
from syncd.sinks import Ack, Cursors, Entries, Held, Limits, Point, Rejected, RemoteRun, Sink
from tracker.events import Config, Log
from tracker.journal import Writer
from tracker.settings import Settings
from tracker.store import StoreFolder

START, LOG, CONFIG, ARTIFACT, FINISH = 16, 17, 18, 21, 22


class Memory(Sink):
    """Keeps what it is sent; `answers` are raised, one per call of `send`, None for no error."""

    kind = "memory"
    promises = MappingProxyType({})
    limits = Limits(points=10, bytes=100_000)
    traffic = SimpleNamespace(requests_total=0, data_requests=0)

    def __init__(self, answers=()):
        self.answers = list(answers)
        self.calls = []
        self.sent = []
        self.files = {}
        self.cursors = Cursors()
        self.status = self.ended_at = None
        self.acknowledged = []
        self.put_error = None
        self.id = "r1"
        self.open_error = None

    def check(self):
        raise NotImplementedError

    def open(self, head):
        self.calls.append("open")
        if self.open_error:
            raise self.open_error
        return RemoteRun(self.id, f"memory:{self.id}")

    def position(self, remote_run):
        self.calls.append("position")
        return self.cursors

    def translate(self, state, item):
        event = item.event
        if isinstance(event, Log):
            time_ms = event.time // 10**6
            points = [
                Point(key, event.step, time_ms, value)
                for key, value in event.values.items() if not isinstance(value, str)
            ]  # fmt: skip
            return Entries(points), {"ordinal": state.get("ordinal", 0) + 1}
        if isinstance(event, Config):
            return Entries(params={k: str(v) for k, v in event.values.items()}), state
        return Entries(), state

    def send(self, remote_run, batch):
        self.calls.append("send")
        self.sent.append(batch)
        state = batch.state
        for item in batch.items:
            _, state = self.translate(state, item)
        if self.answers and (error := self.answers.pop(0)) is not None:
            raise error
        self.cursors = batch.cursors
        self.acknowledged += batch.items
        return Ack({"points": len(batch.items)}, state)

    def put(self, remote_run, file):
        self.calls.append("put")
        if self.put_error:
            raise self.put_error
        content = b"".join(file.pieces(1 << 20))
        if sha256(content).hexdigest() != file.digest:
            raise Rejected(f"{file.path} is not what was recorded")
        self.files[self.path(file.path)] = content

    def keep(self, remote_run, cursors):
        self.calls.append("keep")
        self.cursors = cursors

    def finish(self, remote_run, status, ended_at, state):
        self.calls.append(f"finish {status}")
        self.status, self.ended_at = status, ended_at

    def read_back(self, remote_run):
        entries = [self.translate({}, item)[0] for item in self.acknowledged]
        return Held(
            points=iter([point for entry in entries for point in entry.points]),
            params={k: v for entry in entries for k, v in entry.params.items()},
            tags={},
            files={path: sha256(content).hexdigest() for path, content in self.files.items()},
            status=self.status or "running",
            ended_at_ms=None if self.ended_at is None else self.ended_at // 10**6,
        )

    def key(self, key):
        return key.upper()

    def path(self, path):
        return path.replace("#", "_")


def sealed(batch):
    """A batch as bytes: what must not change from one attempt to the next."""
    return msgspec.json.encode((batch.number, batch.items, batch.state, batch.cursors))


class Place:
    """A store with one run, a ledger, and a delivery to a `Memory`."""

    def __init__(self, folder, sink=None, **settings):
        self.store = StoreFolder.open(folder / "store", create=True)
        self.settings = msgspec.structs.replace(
            Settings(retry_first_s=0.001, retry_most_s=0.002, slow_retry_s=0.001), **settings
        )
        self.sink = sink or Memory()
        self.run_id = "0" * 31 + "1"
        self.folder = self.store.run(self.run_id)
        self.open()

    def open(self):
        """Open the ledger (again)."""
        self.ledger = Ledger(self.store.sync / "syncd.db")
        self.delivery = Delivery(
            self.store,
            self.sink,
            "lab",
            self.ledger,
            settings=self.settings,
            stop=threading.Event(),
        )

    def reopen(self, *, lose=False):
        """As after a crash of syncd; with `lose` without its file."""
        self.ledger.close()
        if lose:
            for file in self.store.sync.glob("syncd.db*"):
                file.unlink()
        self.open()

    def writer(self, **options):
        """A writer of the run, its Start written."""
        made = Writer(self.folder, self.run_id, sync_interval_s=3600, **options)
        made.append(START, "project", "name")
        return made

    def visit(self, *, hurry=True, waited_s=0.0, go_on=lambda: True, probing=False):
        return self.delivery.visit(
            self.run_id,
            self.folder,
            waited_s=waited_s,
            hurry=hurry,
            go_on=go_on,
            probing=probing,
        )

    @property
    def record(self):
        return self.ledger.lane("lab", self.run_id)


def finish(writer, status="finished"):
    writer.append(FINISH, status, 0, None, {})
    writer.close()
