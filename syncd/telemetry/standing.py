"""How the remotes of a store stand: cheap to ask, as nothing but syncd.db and memory is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from syncd.cursors import Queue


@dataclass(frozen=True)
class RemoteStanding:
    """How one remote stands.

    Attributes:
        breaker: "closed", "half-open" or "open"; see `syncd.retry.Breaker`.
        answers: whether it did when it was last asked, if it was.
        stopped: why nothing is sent to it at all, None if all is well.
    """

    name: str
    platform: str
    queue: Queue = field(default_factory=Queue)
    breaker: str = "closed"
    answers: bool = True
    stopped: str | None = None

    @property
    def away(self) -> bool:
        """Whether nothing can be sent to it now, as far as is known."""
        return self.stopped is not None or not self.answers


@dataclass(frozen=True)
class Standing:
    """How all of them stand, and how many bytes are free where the store is (None: unknown)."""

    remotes: list[RemoteStanding]
    free_bytes: int | None = None

    @property
    def away(self) -> list[str]:
        """Names of the remotes to which nothing can be sent now."""
        return [remote.name for remote in self.remotes if remote.away]

    @property
    def pending(self) -> int:
        """Events that wait for any of them."""
        return sum(remote.queue.events for remote in self.remotes)
