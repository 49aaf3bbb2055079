"""What a story is told of: a machine with its stores, a clock, platforms, and who knows of all."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import shutil
import tempfile
from types import SimpleNamespace
from unittest import mock

from syncd import owner
from tests.doubles.power import MEMORY, Disk
from tests.sim import artifacts
from tests.sim.clock import Clock
from tests.sim.machine import Looking, Place, watched
from tests.sim.platforms import Appends, Offsets, Platform, Rows
from tests.sim.trainings import Run
from tracker.journal import segment as segment_module
from tracker.journal import writer as writer_module


class World:
    """The state of a story. `point` is called wherever something may come in between.

    Attributes:
        notes: what happened, for who looks into a seed that fails.
        copied: the store is copied some time, and both copies are delivered from. Then both
            platforms know rows by what is in them; where a row is known by its place, or by
            what was sent with it, two senders who do not know of each other spoil it.
        wrong: what must not happen, where raising would make it a matter of the engine's.
        relearned: lanes began anew from what remotes say, and these do not say what they refused.
    """

    def __init__(self, seed, folder):
        self.dice = random.Random(seed)
        self.clock = Clock()
        self.clock.heard = self._time_passed
        self.notes, self.wrong = [], []
        self.folder = folder
        self.copied = self.dice.random() < 0.15
        self.relearned = False
        second = Rows if self.copied else self.dice.choice((Offsets, Appends))
        self.platforms = [Platform(self, "rows", Rows), Platform(self, "second", second)]
        self.runs = [Run(f"{n:032x}") for n in range(1, self.dice.randint(2, 3))]
        self.trainings = []
        self.places = []
        self._number = 0

    # -- what the parts ask ----------------------------------------------------------------

    @property
    def requests(self):
        """Requests that reached the network, to all remotes."""
        return sum(platform.network.traffic.requests_total for platform in self.platforms)

    def note(self, what):
        self.notes.append(f"{self.clock.passed:8.2f}  {what}")

    def number(self):
        """One that was never given."""
        self._number += 1
        return self._number

    def point(self, what):
        """Something may come in between what syncd does."""

    def sends(self, process):
        """Of the syncds that serve a store only one may send."""
        if any(other is not process for other in process.place.processes):
            self.wrong.append("two syncds send from one store")

    def committed(self, path, *, durable):
        """A transaction of some syncd.db was committed."""
        for place in self.places:
            if place.database == path:
                place.committed(durable=durable)

    def arrive(self, *, all_of_them=False):
        """Requests that hung arrive, those that are due or all."""
        for platform in self.platforms:
            platform.network.arrive(all_of_them=all_of_them)

    def _time_passed(self):
        self.arrive()

    # -- beginning and end -----------------------------------------------------------------

    @contextlib.contextmanager
    def there(self):
        """While this lasts, the product lives in this world."""
        artifacts.shelf()  # on no disk that can lose it
        with contextlib.ExitStack() as stack:
            for patch in self._patches():
                stack.enter_context(patch)
            self._disk_context = stack.enter_context(contextlib.ExitStack())
            self.renew_disk()
            self.places.append(self.furnished(Place(self, self.folder / "store")))
            stack.callback(self._close)
            yield

    def _patches(self):
        random.seed(self.dice.random())  # jitter
        time = SimpleNamespace(time_ns=self.clock.time_ns)
        yield mock.patch.object(writer_module, "_now", self.clock.time_ns)
        yield mock.patch.object(segment_module, "time", time)
        yield mock.patch.object(os, "urandom", self.dice.randbytes)
        yield mock.patch.object(tempfile, "tempdir", MEMORY)
        yield mock.patch.object(logging.getLogger("syncd"), "disabled", new=True)
        yield mock.patch.object(owner.Ownership, "_keep", Looking.keep)
        yield watched(self)

    def furnished(self, place):
        """A place that shares the artifacts of all."""
        artifacts.lend(place.store)
        return place

    def _close(self):
        for training in self.trainings:
            training.vanish()
        for place in self.places:
            place.stop()

    # -- the disk --------------------------------------------------------------------------

    def renew_disk(self):
        """All that is on the disk now is sure."""
        self._disk_context.close()
        self.disk = Disk(self.folder)
        self._disk_context.enter_context(self.disk.installed())

    def lose_power(self):
        """Leave on the disk what could be found after a power cut now."""
        times = self._folder_times()
        left = self.folder.with_name("left")
        self.disk.cut(self.dice, left)
        for place in self.places:
            shutil.rmtree(place.store.journals)
            (left / place.root.name / "journals").rename(place.store.journals)
        shutil.rmtree(left)
        for folder, at in times.items():
            if folder.exists():
                os.utime(folder, ns=(at, at))
        self.renew_disk()

    @contextlib.contextmanager
    def stamped(self):
        """Folders of runs that change meanwhile do so at the virtual time."""
        before = self._folder_times()
        yield
        for folder, at in self._folder_times().items():
            if before.get(folder) != at:
                os.utime(folder, ns=(self.clock.ns, self.clock.ns))

    def _folder_times(self):
        times = {}
        for place in self.places:
            for folder in [place.store.run(run.id) for run in self.runs]:
                with contextlib.suppress(FileNotFoundError):
                    times[folder] = folder.stat().st_mtime_ns
        return times
