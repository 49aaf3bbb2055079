"""A lane: one run on its way to one remote. Decides what is next; no I/O, no clock.

`decide` looks at the facts in this order and gives the first step that applies:

    fact                                            step       why
    a failure, and its pause is not over            WAIT       slow schedule; nobody else waits
    no remote run known, or its look-up too old     OPEN       find by run id, or create
    a frozen batch                                  SEND       unknown outcome: the same again
    the remote says finished, the run goes on       RUNNING    it was resumed
    events pending, and enough, old enough, or
      no more will come, or asked to hurry          SEND       scalars, config, tags first
    files pending                                   PUT        artifacts never hold up scalars
    events pending, none of these; or it is live    REST       until the oldest has waited enough
    the remote holds events that are not here       REST       a copy elsewhere knows the end
    the run ended, documents not there as they are  DOCUMENTS  texts and the whole truth
    the run ended, the remote not told how          FINISH     last, so that finished means whole
    otherwise                                       REST       nothing to do

What comes back moves the lane so:

    outcome                    lane                                         remote's breaker
    acknowledged               failures forgotten                           success
    Retryable                  (after the quick attempts) slow schedule     failure
    Rejected, entries named    these are parked, the rest acknowledged      success
    Rejected, a file           parked with its artifact, or as "documents";  success
                               FINISH follows all the same
    Rejected, none named       looked up anew at once; if refused again,    success
                               slow schedule: the run is not there to take
                               anything, until a person mends it
    the store cannot be read   slow schedule                                -
    Unauthorized               as it was; the whole remote stops            success

After any failure the run is looked up anew before the next attempt.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from syncd.retry import slow_pause
from tracker.settings import Settings


class Step(enum.Enum):
    """What a lane does next."""

    WAIT = "wait"
    OPEN = "open"
    SEND = "send"
    PUT = "put"
    DOCUMENTS = "documents"
    RUNNING = "running"
    FINISH = "finish"
    REST = "rest"


@dataclass
class Facts:
    """What is so now. Times and ages are in seconds."""

    looked_up_at: float | None = None
    frozen: bool = False
    pending: int = 0
    """Events that may be sent and are not acknowledged."""
    waited_s: float = 0.0
    """How long the oldest of them has been waiting."""
    complete: bool = False
    """No more events will come to what is pending: its writer is gone."""
    hurry: bool = False
    files: int = 0
    ended: bool = False
    """No writer of the run is alive."""
    behind: bool = False
    """The remote holds events of this run that this store does not."""
    documented: bool = False
    told: str | None = None
    """The status that the remote was told last."""
    status: str = "running"


@dataclass
class Lane:
    """Failures and pauses of one lane, and its decisions."""

    settings: Settings
    failures: int = 0
    next_try: float = 0.0
    error: str | None = None

    def decide(self, facts: Facts, now: float) -> Step:  # noqa: PLR0911 - the table's rows
        """Give the next step; see the table."""
        if now < self.next_try:
            return Step.WAIT
        if facts.looked_up_at is None or self._aged(facts.looked_up_at, now):
            return Step.OPEN
        if facts.frozen:
            return Step.SEND
        if not facts.ended and facts.told not in (None, "running"):
            return Step.RUNNING
        if facts.pending and self._due(facts):
            return Step.SEND
        if facts.files:
            return Step.PUT
        if facts.pending or not facts.ended or facts.behind:
            return Step.REST
        if not facts.documented:
            return Step.DOCUMENTS
        return Step.REST if facts.told == facts.status else Step.FINISH

    def _aged(self, looked_up_at: float, now: float) -> bool:
        """Whether a look-up is too old, or of a time that the clock was set back from."""
        return abs(now - looked_up_at) > self.settings.lookup_cache_s

    def _due(self, facts: Facts) -> bool:
        return (
            facts.hurry
            or facts.complete
            or facts.pending >= self.settings.flush_events
            or facts.waited_s >= self.settings.flush_interval_s
        )

    def succeeded(self) -> None:
        """A call was acknowledged."""
        self.failures, self.next_try, self.error = 0, 0.0, None

    def failed(self, error: str, now: float, retry_after: float | None) -> None:
        """A visit failed after its quick attempts."""
        self.failures += 1
        self.error = error
        self.next_try = now + slow_pause(self.failures, retry_after, self.settings)
