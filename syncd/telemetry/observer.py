"""The one seam between delivery and those who watch it."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


class What(enum.Enum):
    """What can happen; see the package's table."""

    RUN_STARTED = "run_started"
    METRICS_LOGGED = "metrics_logged"
    ARTIFACT_CACHED = "artifact_cached"
    ARTIFACT_UPLOADED = "artifact_uploaded"
    SYNC_DELAYED = "sync_delayed"
    DEGRADATION_CHANGED = "degradation_changed"
    AUTH_FAILED = "auth_failed"
    UPLOAD_FAILED = "upload_failed"
    TRACKING_UNAVAILABLE = "tracking_unavailable"


@dataclass(frozen=True)
class Where:
    """The remote that something is about, of which platform it is, and the run on its way there."""

    remote: str
    platform: str
    run_id: str | None = None
    project: str | None = None


Note = Callable[..., None]
"""Adds facts, as keywords, to what is going on."""


def nothing(**facts: object) -> None:
    """Take facts for which nobody asked."""


class Observer:
    """Is told what happens. This one has no interest; `Telemetry` has. Never raises."""

    def tell(self, what: What, where: Where | None = None, /, **facts: Any) -> None:
        """Something happened; `facts` can be JSON."""

    def during(
        self, name: str, where: Where | None = None, /, **facts: Any
    ) -> contextlib.AbstractContextManager[Note]:
        """Something goes on for as long as the context lasts: a "batch", a "request"."""
        del name, where, facts
        return contextlib.nullcontext(nothing)


NOBODY = Observer()

observing: ContextVar[Observer] = ContextVar("observing", default=NOBODY)
"""Who watches what this thread does: so a sink's requests are seen, and no sink knows of it."""
