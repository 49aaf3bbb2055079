"""Errors under wandb's names; those of tracker are caught by the same ones."""

from __future__ import annotations

from tracker.errors import BadInput, TrackerError

Error = TrackerError
"""What wandb.Error is here: every error that tracker or this face raises."""

UsageError = BadInput
"""An argument cannot be used as it is."""


class CommError(TrackerError):
    """What was asked for is not in the store."""


class ConfigError(TrackerError):
    """Never raised here: a changed config value is taken and said. Scripts catch it by name."""


class NoRun(TrackerError):
    """A call that needs a run came before `wandb.init`, or after `wandb.finish`."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no run for {what}: call wandb.init() first.")
