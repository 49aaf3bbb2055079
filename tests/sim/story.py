"""A story drawn by a seed: trainings, syncd, its stores, the network, the clock and the power.

Trainings and syncd act in turn, and into each other: before and after every request and every
transaction of syncd a training may act, the clock may be set, syncd may be killed and the power
may go. What becomes of requests is in `network`, what a power cut leaves of journals in
`tests.doubles.power`, of syncd.db in `machine`. Then all faults stop, the backlog has to drain
within `DRAIN_S`, a further pass has nothing to ask, and the `oracle` looks at what the platforms
hold.

All of syncd that decides or remembers is the real code: outlets, visits, lanes, breakers, tails
and the ledger in SQLite; so are the writers. Virtual are the clock, the network and the remotes;
the workers' threads are calls, as a story has to be the same each time that it is told.

A seed that fails says so: ``SIM_SEED=17 pytest tests/sim/test_simulated.py`` tells it alone.
"""

from __future__ import annotations

import contextlib
import gc
import os
import tempfile
from pathlib import Path

from syncd.owner import Owned
from tests.doubles.power import MEMORY, PowerCut
from tests.sim.clock import NS, YEAR_S
from tests.sim.machine import Crash, Process
from tests.sim.oracle import check
from tests.sim.trainings import Training
from tests.sim.world import World

DRAIN_S = 220.0
"""Virtual seconds in which all is delivered once faults stop: the longest pause that a remote
asked for (60), then that of the slow schedule (40) or of an open breaker (10), once more the
former where the clock was put back meanwhile, so that a moment kept lies too far ahead, the
requests, and some looks, 12 seconds apart."""

QUIET_S = 15.0
"""After which each syncd has looked at all runs once more, though no notice came."""

IDLE_S = 12.0
"""For how long a syncd that has delivered all is looked at: it asks nothing."""

SEEDS = 100 * int(os.environ["SOAK_ROUNDS"]) if os.environ.get("SOAK") else 5000
ALONE = os.environ.get("SIM_SEED")
"""A seed to be told alone, as a failure says."""

IN_A_BLOCK = 50
BLOCKS = 1 if ALONE else SEEDS // IN_A_BLOCK

_ACTS = {
    "act": 10, "turn": 9, "rest": 3, "weather": 3, "jump": 1, "forget": 1, "move": 1, "copy": 2,
    "second": 1, "killed": 1, "cut_off": 1, "outage": 1,
}  # fmt: skip
"""What happens, and how often."""

_JUMPS_S = (-10 * YEAR_S, -3600, -2, 2, 3600, 100 * YEAR_S)
_LATEST_NS = 2**62


class Story(World):
    """One story; `tell` it once."""

    def __init__(self, seed, folder):
        super().__init__(seed, folder)
        choose = self.dice.choice
        self._rates = {
            "kill": choose((0, 0.01, 0.03)), "cut": choose((0, 0, 0.01)),
            "jump": choose((0, 0, 0.01)), "act": choose((0, 0.03, 0.15)),
        }  # fmt: skip
        self._calm = True  # nothing comes in between
        self._moves = 0

    def tell(self):
        """AssertionError where a promise is broken."""
        with self.there():
            self._live()
            self._heal()
            self._drain()
            self._idle()
            check(self)
            assert not self.wrong, self.wrong

    def point(self, what):
        if self._calm:
            return
        throw = self.dice.random()
        for name, rate in self._rates.items():
            throw -= rate
            if throw < 0:
                self.note(f"{name} at: {what}")
                getattr(self, f"_{name}")()
                return

    def _live(self):
        acts = [
            name for name, share in _ACTS.items() for _ in range(share)
            if self.copied or name != "copy"
        ]  # fmt: skip
        for _ in range(self.dice.randint(6, 15)):
            self._calm = False
            act = self.dice.choice(acts)
            try:
                getattr(self, f"_{act}")()
            except Crash:
                self._killed()
            except PowerCut:
                self._cut_off()
            self._calm, self.disk.last = True, None

    # -- acts of trainings -----------------------------------------------------------------

    def _act(self):
        """Something that a training does, also in the middle of what syncd does."""
        self.disk.last = None
        with self.stamped():
            if not self.trainings or self.dice.random() < 0.1:
                self._begin()
                return
            training = self.dice.choice(self.trainings)
            self._let(training, ("log", "log", "log", "sync", "sync", "finish", "vanish"))

    def _begin(self):
        if len(self.trainings) < 3:
            run, place = self.dice.choice(self.runs), self.dice.choice(self.places)
            self.note(f"run {run.id[-1]} begins in {place.root.name}")
            self.trainings.append(Training(self, place, run))

    def _let(self, training, acts):
        act = self.dice.choice(acts)
        self.note(f"run {training.run.id[-1]}: {act}")
        getattr(training, act)()
        if act in ("finish", "vanish"):
            self.trainings.remove(training)

    # -- acts of syncd, and what becomes of it ---------------------------------------------

    def _turn(self):
        place = self.dice.choice(self.places)
        process = self._process(place)
        if self._rates["cut"] and self.dice.random() < 0.1:
            self.disk.last = self.disk.calls + self.dice.randrange(4)
        self.note(f"turn in {place.root.name}")
        self.clock.move(process.turn(self._noticed(place)))

    def _process(self, place):
        """The syncd of a place; nothing comes in between its start."""
        calm, self._calm = self._calm, True
        process = place.process
        self._calm = calm
        return process

    def _noticed(self, place):
        """Folders that were written to, as far as notices arrive."""
        folders = [place.store.run(run.id) for run in self.runs]
        return [f.name for f in folders if f.exists() and self.dice.random() < 0.7]

    def _second(self):
        """Another syncd is started on the same store."""
        place = self.dice.choice(self.places)
        self._process(place)
        self._calm = True
        with contextlib.suppress(Owned):
            place.processes.append(Process(self, place))
            place.processes[-1].turn(self._noticed(place))

    def _kill(self):
        raise Crash

    def _cut(self):
        raise PowerCut

    def _killed(self):
        self.note("syncd is killed")
        for place in self.places:
            place.die(power=False)

    def _cut_off(self):
        """The machine has no power for a while."""
        self.note("power cut")
        self.disk.last = None
        for place in self.places:
            place.die(power=True)
        for training in self.trainings:
            training.vanish()
        self.trainings = []
        for run in self.runs:
            run.lose_power()
        self.lose_power()
        self.clock.restart()
        self.clock.move(30.0)

    # -- acts of people and of the world ---------------------------------------------------

    def _rest(self):
        self.clock.move(self.dice.choice((0.3, 2.0, 20.0)))

    def _weather(self):
        platform = self.dice.choice(self.platforms)
        platform.network.weather = self.dice.choice(
            ("fine", "bad", "bad", "bad", "silent", "down", "busy", "locked")
        )
        self.note(f"{platform.name}: {platform.network.weather}")

    def _outage(self):
        """A remote is away for longer than anybody would wait."""
        platform = self.dice.choice(self.platforms)
        platform.network.weather = self.dice.choice(("silent", "down", "busy", "locked"))
        self.note(f"{platform.name}: {platform.network.weather} for long")
        for _ in range(self.dice.randint(3, 6)):
            self._turn()
            self.clock.move(self.dice.choice((10.0, 30.0, 60.0)))

    def _jump(self):
        seconds = self.dice.choice(_JUMPS_S)
        if 0 < self.clock.ns + seconds * NS < _LATEST_NS:
            self.note(f"the clock jumps by {seconds} s")
            self.clock.jump(seconds)

    def _forget(self):
        """Somebody deletes syncd.db."""
        place = self.dice.choice(self.places)
        self.note(f"syncd.db of {place.root.name} is lost")
        self._take_time()
        place.lose_database()

    def _move(self):
        """A store goes to another place, with nobody at work in it."""
        place = self.dice.choice(self.places)
        for training in [t for t in self.trainings if t.place is place]:
            training.vanish()
            self.trainings.remove(training)
        self.note(f"{place.root.name} is moved")
        self._take_time()
        self._moves += 1
        place.move(self.folder / f"moved{self._moves}")
        self.disk.appear(place.root)

    def _copy(self):
        """A store is copied while trainings go on; from then on both are delivered from."""
        if len(self.places) < 2:
            self.note("the store is copied")
            self._take_time()
            self.places.append(self.furnished(self.places[0].copy(self.folder / "copy")))
            self.disk.appear(self.folder / "copy")

    def _take_time(self):
        """What people do takes longer than a request can hang; lanes begin anew behind it."""
        self.arrive(all_of_them=True)
        self.relearned = True

    # -- the end ---------------------------------------------------------------------------

    def _heal(self):
        self.note("faults stop")
        for platform in self.platforms:
            platform.network.weather = "fine"
        with self.stamped():
            for training in list(self.trainings):
                self._let(training, ("finish", "vanish", "finish", "vanish", "sync"))
        self.clock.move(3.0)  # so that folders' times tell what comes later

    def _drain(self):
        for place in self.places:
            until, turns = self.clock.passed + DRAIN_S, 0
            quiet_since, asked = self.clock.passed, self.requests
            while self.clock.passed < quiet_since + QUIET_S or place.process.left:
                assert self.clock.passed < until, f"not drained: {place.process.left}"
                pause = place.process.turn([])
                turns += 1
                self.clock.move(pause if turns < 9 else max(pause, 12.0))
                if self.requests != asked:
                    quiet_since, asked = self.clock.passed, self.requests

    def _idle(self):
        asked = self.requests
        for place in self.places:
            until = self.clock.passed + IDLE_S
            while self.clock.passed < until:
                self.clock.move(place.process.turn([]))
            errors = place.process.once()
            assert not errors, errors
        assert self.requests == asked, "a pass that has nothing to do asks the remote"


def campaign(seed):
    """Tell the story of a seed; AssertionError where a promise is broken."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        place = Path(folder, "world")
        place.mkdir()
        story = Story(seed, place)
        try:
            story.tell()
        except BaseException:
            print("\n".join(story.notes[-80:]))  # noqa: T201 - what led to it
            print(f"replay: SIM_SEED={seed} pytest tests/sim/test_simulated.py")  # noqa: T201
            raise


def stories(block):
    """Tell the stories of a block of seeds, or the one that is asked for."""
    first = block * IN_A_BLOCK
    gc.disable()  # a tenth of the time
    try:
        for seed in [int(ALONE)] if ALONE else range(first, first + IN_A_BLOCK):
            campaign(seed)
    finally:
        gc.enable()
