"""Trainings: processes that write a run's journals, and what they were told."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tests.sim import artifacts
from tests.sim.platforms import BAD
from tracker.events import ARTIFACT, CONFIG, FINISH, LOG, START, TAGS
from tracker.journal import Writer, newest

_SEGMENTS = (300, 500, 4000)


@dataclass
class Told:
    """An event for which the journal said that it is kept; `sure` in a power cut too."""

    time: int
    body: tuple
    sure: bool = False
    doubtful: bool = False
    """It was not sure when the power went."""


@dataclass
class Run:
    """A run: its events by (writer id, seq), its writers in the order in which they began."""

    id: str
    told: dict = field(default_factory=dict)
    writers: list = field(default_factory=list)

    def lose_power(self):
        """What is not sure may be lost."""
        for told in self.told.values():
            told.doubtful |= not told.sure


class Training:
    """One writer. Each value it logs is logged once, but for twins."""

    def __init__(self, world, place, run):
        self.place, self.run = place, run
        self._world = world
        folder = place.store.run(run.id)
        self._writer = Writer(
            folder, run.id, segment_bytes=world.dice.choice(_SEGMENTS), after=newest(folder)
        )
        self._writer._thread = threading.current_thread()  # its syncs are acts of the story
        self.writer_id = self._writer.id
        self.tag = f"tag{len(run.writers)}"
        run.writers.append(self.writer_id)
        self.say(START, "project", "name")

    def say(self, kind, *body):
        """Append an event."""
        assert self._writer.append(kind, *body)
        told = Told(self._world.clock.ns, (kind, *body))
        self.run.told[self.writer_id, self._writer.seq] = told

    def log(self):
        """Log some, of any kind, some of it in the same millisecond."""
        dice, world = self._world.dice, self._world
        for _ in range(dice.randint(1, 6)):
            number = world.number()
            kind = dice.choice((LOG, LOG, LOG, LOG, LOG, CONFIG, TAGS, ARTIFACT))
            if kind == LOG:
                self._points(number)
            elif kind == CONFIG:
                self.say(CONFIG, {f"c{number}": number})
            elif kind == TAGS:
                self.say(TAGS, {self.tag: str(number)}, [])
            else:
                manifest, size = artifacts.drawn(dice)
                self.say(ARTIFACT, f"a{number}", "model", manifest, 1, size)
            world.clock.ns += dice.choice((0, 300_000, 5_000_000))

    def _points(self, number):
        dice = self._world.dice
        values = {"loss": float(number)}
        if dice.random() < 0.3:
            values["acc"] = number / 7
        if dice.random() < 0.06:
            values[BAD] = 1.0
        self.say(LOG, number, values)
        if len(self.run.writers) == 1 and dice.random() < 0.15:
            self.say(LOG, number, values)

    def sync(self):
        assert self._writer.sync()
        self._note_sure()

    def _note_sure(self):
        for (writer, seq), told in self.run.told.items():
            if writer == self.writer_id and seq <= self._writer.synced_seq:
                told.sure = True

    def finish(self):
        self.say(FINISH, self._world.dice.choice(("finished", "failed", "killed")), 0, None, {})
        self._writer.close()
        self._note_sure()

    def vanish(self):
        """Its process is killed, perhaps in the middle of a write."""
        segment, files = self._writer._chain.current, self._writer._files
        if self._world.dice.random() < 0.4:
            files.write(segment.fd, self._world.dice.randbytes(self._world.dice.randint(1, 40)))
        self._writer.abandon()
