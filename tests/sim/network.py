"""The way to a remote: requests that do not arrive, answers that do not, and both too late."""

from __future__ import annotations

from types import SimpleNamespace

from syncd.sinks import OutcomeUnknown, Retryable, Unauthorized

RETRY_AFTER_S = 60
"""The longest pause that a remote asks for."""

WEATHERS = {
    "fine": {},
    "bad": {
        "refused": 0.04, "error": 0.04, "lost": 0.07, "hung": 0.06, "twice": 0.07, "busy": 0.03,
    },
    "silent": {"lost": 0.4, "hung": 0.4},
    "down": {"refused": 1.0},
    "busy": {"busy": 0.7},
    "locked": {"locked": 1.0},
}  # fmt: skip
"""Per kind of weather, how likely is what becomes of a request.

    refused   it does not arrive
    error     it arrives, and is answered 500 without having been done
    busy      429, with a Retry-After or without one
    locked    401
    lost      it is done, and the answer does not come
    hung      the answer does not come, and it is done later, behind others
    twice     it is done and answered, and done once more later, behind others
"""


class Network:
    """All requests to one remote go through here; `world` knows the dice and the time.

    Attributes:
        late: whether what is done just now is a request that comes late.
    """

    def __init__(self, world, name):
        self.traffic = SimpleNamespace(requests_total=0, data_requests=0)
        self.weather = "fine"
        self.late = False
        self._world, self._name = world, name
        self._hanging = []

    def ask(self, process, what, act, *, may_hang=True):
        """Make a request of a syncd process: `act` is what the remote does.

        Raises:
            SinkError: by what becomes of it.
        """
        world = self._world
        world.sends(process)
        world.point(f"{what} to {self._name}")
        self.traffic.requests_total += 1
        fate = self._fate()
        if fate in ("hung", "twice") and not may_hang:
            fate = "lost"
        if fate is not None:
            world.note(f"{what} to {self._name}: {fate}")
        self._fail_before(fate)
        if fate == "hung":
            self._hang(act)
        else:
            answer = act()
        world.point(f"{what} done by {self._name}")
        if fate == "twice":
            self._hang(act)
        elif fate in ("lost", "hung"):
            world.clock.move(10.0)
            raise OutcomeUnknown("no answer")
        else:
            world.clock.move(world.dice.choice((0.01, 0.02, 0.7)))
        return answer

    def arrive(self, *, all_of_them=False):
        """Do what hung for long enough."""
        now = self._world.clock.passed
        due = [each for each in self._hanging if all_of_them or each[0] <= now]
        if due:
            self._hanging = [each for each in self._hanging if each not in due]
            self.late = True
            for _, act in due:
                act()
            self.late = False

    def _fate(self):
        rest = self._world.dice.random()
        for fate, rate in WEATHERS[self.weather].items():
            rest -= rate
            if rest < 0:
                return fate
        return None

    def _fail_before(self, fate):
        dice = self._world.dice
        if fate == "refused":
            raise Retryable("connection refused")
        if fate == "error":
            raise Retryable("500")
        if fate == "busy":
            raise Retryable("429", dice.choice((None, 1, 5, RETRY_AFTER_S)))
        if fate == "locked":
            raise Unauthorized("401")

    def _hang(self, act):
        wait_s = self._world.dice.choice((0.5, 5, 11, 30, 100))
        self._hanging.append((self._world.clock.passed + wait_s, act))
