"""The threads that visit runs for one remote, and what comes of each visit for its gate."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from typing import Any

from syncd.catalog import Entry
from syncd.clock import Clock
from syncd.delivery import Delivery, Outcome
from syncd.gate import Gate
from syncd.retry import slow_pause
from syncd.sinks import Unauthorized
from tracker.settings import Settings
from tracker.unexpected import unexpected

_MOMENT_S = 0.5
"""After which a stop is noticed, though nothing ends."""

_log = logging.getLogger("syncd")


class Crew:
    """Visits under way to runs of one remote.

    Args:
        delivery: makes them.
        gate: is told what came of each.
        pool: where they are made; `workers` threads, and one more for running runs.
    """

    def __init__(
        self, name: str, delivery: Delivery, gate: Gate, *,
        settings: Settings, clock: Clock, pool: Executor | None,
    ) -> None:  # fmt: skip
        self._name = name
        self._delivery = delivery
        self._gate = gate
        self._settings = settings
        self._clock = clock
        self._flying: dict[Future[Outcome], str] = {}
        self._pool = pool or ThreadPoolExecutor(
            settings.workers + 1, thread_name_prefix=f"to-{name}"
        )

    def __len__(self) -> int:
        return len(self._flying)

    @property
    def runs(self) -> list[str]:
        """Those being visited."""
        return list(self._flying.values())

    def start(
        self, entry: Entry, go_on: Callable[[], bool], *, waited_s: float, hurry: bool
    ) -> Future[Outcome]:
        """Begin a visit to a run that is not being visited."""
        flying = self._pool.submit(
            self._delivery.visit, entry.run_id, entry.folder, waited_s=waited_s, hurry=hurry,
            go_on=go_on, probing=self._gate.breaker.state == "half-open",
        )  # fmt: skip
        self._flying[flying] = entry.run_id
        return flying

    def wait(self) -> None:
        """Wait until a visit or a put ends, or for a moment; none at all is no wait."""
        under_way: list[Future[Any]] = [*self._flying, *self._delivery.puts.futures()]
        wait(under_way, _MOMENT_S, FIRST_COMPLETED)

    def landed(self) -> list[tuple[str, Outcome]]:
        """Runs whose visits have ended, and what came of each."""
        done = [flying for flying in self._flying if flying.done()]
        return [(self._flying.pop(flying), self._outcome(flying)) for flying in done]

    def close(self) -> None:
        """End: visits under way are waited for, puts are not."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._delivery.puts.close()

    def _outcome(self, flying: Future[Outcome]) -> Outcome:
        try:
            outcome = flying.result()
        except Unauthorized as error:
            if self._gate.refused(str(error), self._clock.monotonic()):
                _log.warning("%s: nothing is sent: %s", self._name, error)
            return Outcome(error=str(error), untouched=True)
        except Exception as error:  # noqa: BLE001 - the edge of a worker's thread: one run must not end all
            text, pause_s = unexpected(error), slow_pause(1, None, self._settings)
            outcome = Outcome(error=text, next_try_s=pause_s)
        self._tell_gate(outcome)
        return outcome

    def _tell_gate(self, outcome: Outcome) -> None:
        if outcome.reached is None:
            self._gate.unasked()
        elif outcome.reached:
            self._gate.succeeded()
        else:
            self._gate.failed(self._clock.monotonic())
