"""Stores on a machine that can be killed and lose its power, and the syncd that serves each."""

from __future__ import annotations

import contextlib
import shutil
import threading
from concurrent.futures import Future
from unittest import mock

from syncd.catalog import Catalog
from syncd.clock import SYSTEM
from syncd.database import Database
from syncd.ledger import Ledger
from syncd.notices import Notices
from syncd.outlet import Outlet
from syncd.owner import Ownership
from syncd.sinks import Remote
from tests.sim.paths import Remembered
from tracker.settings import RemoteSettings, Settings
from tracker.store import StoreFolder

_CHECKPOINT_BYTES = 4_000_000
"""Where SQLite may have begun to use its log anew, so that its length tells nothing."""


class Crash(BaseException):  # not an Exception: no code may take it for trouble of its own
    """syncd is killed here."""


class Landed(Future):
    """A call that was made; of a fixed order in sets, so that a story can be told again."""

    made = 0

    def __init__(self):
        super().__init__()
        Landed.made += 1
        self._number = Landed.made

    def __hash__(self):
        return self._number

    def __eq__(self, other):
        return self is other


class Inline:
    """An executor whose calls are made at once, by who asks for them."""

    def submit(self, call, *args, **options):
        landed = Landed()
        try:
            landed.set_result(call(*args, **options))
        except Exception as error:  # noqa: BLE001 - as a pool does; a crash goes on
            landed.set_exception(error)
        return landed

    def shutdown(self, **_):
        pass


def settings_for(platforms):
    """Settings under which little happens often."""
    return Settings(
        flush_events=10, retry_first_s=0.2, retry_most_s=4.0, slow_retry_s=40.0,
        breaker_failures=3, breaker_pause_s=10.0,
        remotes={p.name: RemoteSettings("sim", f"sim://{p.name}") for p in platforms},
    )  # fmt: skip


class Looking(type(SYSTEM)):
    """The clock by which who wants a store looks at who has it: meanwhile these renew the lease.

    Leases are of real time, and threads that renew them at any moment are nothing for a story
    that has to be the same each time: `keep` is in their place.
    """

    def __init__(self, place):
        self._place = place

    def wait(self, event, _):
        for process in self._place.processes:
            process.ownership._lease.renew()
        return event.is_set()

    def keep(self):
        """Do nothing, as `Ownership` does between two renewals."""


class Process:
    """A syncd process: what `syncd.daemon` does in its threads, a turn at a time.

    Raises:
        Owned: another one serves the store.
    """

    def __init__(self, world, place):
        self._world, self.place = world, place
        self._context = contextlib.ExitStack()
        self.ownership = self._context.enter_context(Ownership(place.store, clock=Looking(place)))
        self.ledger = Ledger(place.database, clock=world.clock)
        settings = settings_for(world.platforms)
        self.ledger.meet(settings.remotes)
        self.outlets = [self._outlet(platform, settings) for platform in world.platforms]
        self._awake = [Notices() for _ in self.outlets]

    def _outlet(self, platform, settings):
        remote = Remote(platform.name, "sim", f"sim://{platform.name}")
        return Outlet(
            self.place.store, remote, platform.sink(self), self.ledger, settings=settings,
            stop=threading.Event(), clock=self._world.clock, pool=Inline(), file_pool=Inline(),
        )  # fmt: skip

    def turn(self, names):
        """A turn of each remote; seconds until the next one, never quite none."""
        pauses = []
        for outlet, notices in zip(self.outlets, self._awake, strict=True):
            pauses.append(outlet.turn(names, notices))
            if outlet.busy:  # a visit that ended wakes it
                pauses.append(0.05)
        return max(0.05, min(pauses))

    def once(self):
        """One pass, as `syncd once`; the errors of it."""
        return [error for outlet in self.outlets for error in outlet.once(None).errors.values()]

    @property
    def left(self):
        """What is left to do, as far as it knows."""
        stopped = [outlet.stopped for outlet in self.outlets if outlet.stopped]
        runs = Catalog(self.place.store).runs()
        lanes = [self.ledger.lane(o.remote.name, run_id) for o in self.outlets for run_id in runs]
        return stopped + [
            (lane.remote, lane.run_id, lane.pending, lane.error)
            for lane in lanes if lane.pending or lane.error
        ]  # fmt: skip

    def end(self):
        """It ends by itself, or its files are closed by the kernel."""
        self.ledger.close()
        self._context.close()


class Place:
    """A store at a place, and who serves it.

    Attributes:
        processes: those that believe to serve it; one, unless there is a bug.
    """

    def __init__(self, world, root):
        self._world = world
        self.root = root
        self._open(create=True)
        self.processes = []
        self._sure = 0  # bytes of the database's log that a power cut leaves

    @property
    def process(self):
        """The syncd that serves it; started if there is none."""
        if not self.processes:
            self.processes.append(Process(self._world, self))
        return self.processes[0]

    def committed(self, *, durable):
        """A transaction was committed."""
        if durable:
            self._sure = self._log.stat().st_size

    def stop(self):
        """All is ended in order, and all that was committed is sure."""
        for process in self.processes:
            process.end()
        self.processes, self._sure = [], 0

    def die(self, *, power):
        """What serves it is killed; with the power goes the end of the database's log."""
        parts = {part: part.read_bytes() for part in (self.database, self._log) if part.exists()}
        for process in self.processes:
            process.end()
        self.processes = []
        for part, content in parts.items():  # as they lay there: to close is to tidy up
            part.write_bytes(content)
        if power and len(log := parts.get(self._log, b"")) < _CHECKPOINT_BYTES:
            self._sure = self._world.dice.randint(min(self._sure, len(log)), len(log))
            self._log.write_bytes(log[: self._sure])

    def lose_database(self):
        """Somebody deletes it."""
        self.stop()
        for file in self.store.sync.glob("syncd.db*"):
            file.unlink()

    def copy(self, root):
        """Another place with the same store."""
        self.stop()
        shutil.copytree(self.root, root, symlinks=True)
        return Place(self._world, root)

    def move(self, root):
        """Put the folder elsewhere."""
        self.stop()
        self.root.rename(root)
        self.root = root
        self._open()

    def _open(self, **options):
        store_id = StoreFolder.open(self.root, **options).id
        self.store = StoreFolder(Remembered(self.root), store_id)
        self.database = self.store.sync / "syncd.db"
        self._log = self.store.sync / "syncd.db-wal"


def watched(world):
    """While this lasts, each transaction can be the last, and the model knows what is sure."""
    real = Database.transaction

    @contextlib.contextmanager
    def transaction(self, *, durable=False):
        world.point("transaction")
        with real(self, durable=durable) as db:
            yield db
        world.committed(self._path, durable=durable)
        world.point("committed")

    return mock.patch.object(Database, "transaction", transaction)
