"""A lane: one run on its way to one remote. Decides what is next; no I/O, no clock.

`decide` looks at the facts in this order and gives the first step that applies:

    fact                                            step       why
    a failure, and its pause is not over            WAIT       slow schedule; nobody else waits
    no remote run known, or its look-up too old     OPEN       find by run id, or create
    a frozen batch                                  SEND       unknown outcome: the same again
    the remote says finished, the run goes on       RUNNING    it was resumed
    events pending, and enough, old enough, or
      no more will come, or asked to hurry          SEND       scalars, config, tags first
    events pending of a young run                   SEND       its first points are waited for
    the run ended and its events are there, its
      documents not as they are                     DOCUMENTS  texts and the whole truth
    files pending, none of them being put, within
      the hours for files                           PUT        media before other artifacts
    files or events pending, none of these;
      or it is live                                 REST       until the oldest has waited enough
    the remote holds events that are not here       REST       a copy elsewhere knows the end
    the run ended, the remote not told how          FINISH     last, so that finished means whole
    otherwise                                       REST       nothing to do

Events go in the order of their journal, as a cursor is one number: text and summary go with the
scalars around them, in batches too small to hold anything up. Files are put beside the visits
(see `syncd.puts`), so that the events of their own run do not wait for them either.

What comes back moves the lane so:

    outcome                    lane                                         remote's breaker
    acknowledged               failures forgotten                           success
    Retryable                  (after the quick attempts) slow schedule     failure
    Rejected, entries named    these are parked, the rest acknowledged      success
    Rejected, a file           parked with its artifact, or as "documents";  success
                               FINISH follows all the same
    Retryable, a file          the run's files on a slow schedule of their   failure
                               own; its events go on
    Rejected, none named       looked up anew at once; if refused again,    success
                               slow schedule: the run is not there to take
                               anything, until a person mends it
    the store cannot be read   slow schedule                                -
    Unauthorized               as it was; the whole remote stops            success

After any failure the run is looked up anew before the next attempt. A `Retry-After` holds for
all lanes of the remote; what else keeps a remote closed is the table of `syncd.gate`. What is
parked is tried again by `syncd retry`, and is nothing that a lane waits for.
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
    just_looked_up: bool = False
    """In this visit: no setting makes it too old for that."""
    frozen: bool = False
    pending: int = 0
    """Events that may be sent and are not acknowledged."""
    waited_s: float = 0.0
    """How long the oldest of them has been waiting."""
    complete: bool = False
    """No more events will come to what is pending: its writer is gone."""
    hurry: bool = False
    young: bool = False
    """At most one batch of it was sent yet: often its start alone, without a point."""
    files: int = 0
    """Artifacts with files that are not there."""
    putting: bool = False
    """Some of them are being put, or wait for another try or for the hours of files."""
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
        at = facts.looked_up_at
        if at is None or (self._aged(at, now) and not facts.just_looked_up):
            return Step.OPEN
        if facts.frozen:
            return Step.SEND
        if not facts.ended and facts.told not in (None, "running"):
            return Step.RUNNING
        if facts.pending and self._due(facts):
            return Step.SEND
        whole = facts.ended and not facts.pending and not facts.behind
        if whole and not facts.documented:
            return Step.DOCUMENTS
        if facts.files:
            return Step.REST if facts.putting else Step.PUT
        if not whole:
            return Step.REST
        return Step.REST if facts.told == facts.status else Step.FINISH

    def _aged(self, looked_up_at: float, now: float) -> bool:
        """Whether a look-up is too old, or of a time that the clock was set back from."""
        return abs(now - looked_up_at) > self.settings.lookup_cache_s

    def _due(self, facts: Facts) -> bool:
        return (
            facts.hurry
            or facts.complete
            or facts.young
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
