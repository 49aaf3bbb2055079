"""Many daemons and one server that was away, in virtual time; they decide as `syncd` does.

What is real is `syncd.retry`: the quick attempts, the slow schedule, the breaker. What is
modelled: a daemon has some lanes with batches to send and `workers` that visit them; a lane
that failed is due when its pause is over; where the breaker lets nobody in, the daemon looks
again at its next poll. The server takes requests at its capacity from a bounded queue; beyond
that it answers 503, which costs it a tenth of a request.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from syncd.retry import Breaker
from syncd.sinks import Retryable
from tracker.settings import Settings

REFUSAL_COST = 0.1
"""Of a request's work, what it takes the server to refuse one."""


class World:
    """What is to happen, in order of virtual time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._ahead: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Have something happen."""
        heapq.heappush(self._ahead, (when, next(self._number), what))

    def run(self, until: float) -> None:
        """Let it happen."""
        while self._ahead and self._ahead[0][0] < until:
            self.now, _, what = heapq.heappop(self._ahead)
            what()


@dataclass
class Server:
    """One that is away until `back_at`.

    Attributes:
        asked: requests in each second.
        refused: how many it answered with 503 since it is back.
        served: the others.
        last_at: when the last of these was done.
    """

    back_at: float
    capacity: float
    queue: int
    retry_after: float | None
    asked: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    served: int = 0
    last_at: float = 0.0

    def ask(self, now: float) -> tuple[float, Retryable | None]:
        """Make a request: when it is answered, and with which error."""
        self.asked[int(now)] += 1
        if now < self.back_at:
            return now, Retryable("connection refused")
        self.last_at = max(self.last_at, now)
        if (self.last_at - now) * self.capacity >= self.queue:
            self.refused += 1
            self.last_at += REFUSAL_COST / self.capacity
            return now, Retryable("503", self.retry_after)
        self.served += 1
        self.last_at += 1 / self.capacity
        return self.last_at, None


Attempts = Callable[[int, "float | None", Settings], "float | None"]
"""As `syncd.retry.quick_pause`."""

_SETTINGS = Settings()
_PROBE = msgspec.structs.replace(_SETTINGS, quick_attempts=1)


@dataclass
class Lane:
    """A run with batches left to send."""

    left: int
    due: float
    failures: int = 0
    flying: bool = False


@dataclass
class Daemon:
    """One `syncd` with its lanes."""

    world: World
    server: Server
    lanes: list[Lane]
    policy: Policy
    breaker: Breaker
    flying: int = 0
    polls: bool = False

    def turn(self) -> None:
        """Visit the lanes that are due."""
        now = self.world.now
        for lane in self.lanes:
            if lane.flying or not lane.left or lane.due > now:
                continue
            if self.flying >= _SETTINGS.workers:
                return
            if not self.breaker.allows(now):
                self._poll()
                return
            self.flying += 1
            lane.flying = True
            probing = self.breaker.state == "half-open"
            self._go_on(lane, self._visit(lane, _PROBE if probing else _SETTINGS))

    def _poll(self) -> None:
        if not self.polls:
            self.polls = True
            self.world.at(self.world.now + _SETTINGS.poll_interval_s, self._polled)

    def _polled(self) -> None:
        self.polls = False
        self.turn()

    def _go_on(self, lane: Lane, visit: Iterator[float]) -> None:
        try:
            until = next(visit)
        except StopIteration:
            self.breaker.succeeded()
        except Retryable as error:
            lane.failures += 1
            lane.due = self.world.now + self.policy.pause(lane.failures, error.retry_after)
            self.breaker.failed(self.world.now)
            self.world.at(lane.due, self.turn)
        else:
            self.world.at(until, lambda: self._go_on(lane, visit))
            return
        lane.flying = False
        self.flying -= 1
        self.turn()

    def _visit(self, lane: Lane, settings: Settings) -> Iterator[float]:
        """Send batch after batch, the first under these settings; yields until when it waits."""
        while lane.left:
            for attempt in itertools.count(1):
                until, error = self.server.ask(self.world.now)
                yield until
                if error is None:
                    break
                pause_s = self.policy.attempts(attempt, error.retry_after, settings)
                if pause_s is None:
                    raise error
                yield self.world.now + pause_s
            lane.left -= 1
            lane.failures = 0
            settings = _SETTINGS


@dataclass(frozen=True)
class Policy:
    """How a fleet goes about an outage, and what Retry-After the server gives it.

    `pause` is that of a lane, of its failures and a Retry-After.
    """

    attempts: Attempts
    pause: Callable[[int, float | None], float]
    breaker: Callable[[], Breaker]
    retry_after: float | None = None


@dataclass(frozen=True)
class Fleet:
    """What comes back after an outage, and to which server."""

    daemons: int = 10_000
    lanes: int = 4
    batches: int = 5
    """To be sent by each lane."""
    away_s: float = 3_600.0
    capacity: float = 200.0
    """Requests that the server takes in a second."""
    queue: int = 400
    noticed_s: float = 5.0
    """Within so many seconds all lanes notice that the server is away: a flush is due."""

    @property
    def work(self) -> int:
        """Batches to be sent in all."""
        return self.daemons * self.lanes * self.batches

    def comes_back(self, policy: Policy, limit_s: float, seed: int) -> Server:
        """Live through the outage, and until all is sent or `limit_s` are over."""
        random.seed(seed)  # what `syncd.retry` draws from
        world = World()
        server = Server(self.away_s, self.capacity, self.queue, policy.retry_after)
        for _ in range(self.daemons):
            daemon = self._daemon(world, server, policy)
            for lane in daemon.lanes:
                world.at(lane.due, daemon.turn)
        world.run(self.away_s + limit_s)
        return server

    def _daemon(self, world: World, server: Server, policy: Policy) -> Daemon:
        lanes = [
            Lane(self.batches, random.uniform(0, self.noticed_s)) for _ in range(self.lanes)
        ]  # fmt: skip
        return Daemon(world, server, lanes, policy, policy.breaker())
