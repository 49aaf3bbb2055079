"""What happens to one run on its way to one remote, in the words of an observer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from syncd.sinks import File, Item, Refused
from syncd.telemetry.observer import Note, Observer, What, Where
from tracker.events import Artifact

_MS = 1000.0


class Passage:
    """Tells of one visit to a lane; `project` is asked for once something is told.

    Times are in seconds, and become milliseconds in what is told.
    """

    def __init__(
        self, observer: Observer, remote: str, platform: str, run_id: str,
        project: Callable[[], str],
    ) -> None:  # fmt: skip
        self._observer = observer
        self._names = (remote, platform, run_id)
        self._project = project

    @cached_property
    def _where(self) -> Where:
        project = None
        with contextlib.suppress(OSError):  # the store is away; what is told is not held up by it
            project = self._project()
        return Where(*self._names, project)

    def started(self, url: str) -> None:
        """The run was opened at a remote that held nothing of it."""
        self._observer.tell(What.RUN_STARTED, self._where, url=url)

    def sending(self, number: int, events: int) -> contextlib.AbstractContextManager[Note]:
        """A batch is on its way for as long as the context lasts."""
        return self._observer.during("batch", self._where, batch=number, events=events)

    def acknowledged(
        self, number: int, items: Iterable[Item], counts: Mapping[str, int], took_s: float
    ) -> None:
        """A batch was; the files of its artifacts wait to be put."""
        self._observer.tell(
            What.METRICS_LOGGED, self._where, batch=number, counts=dict(counts), ms=took_s * _MS
        )
        for item in items:
            if isinstance(event := item.event, Artifact):
                self._observer.tell(
                    What.ARTIFACT_CACHED, self._where, artifact=event.name, type=event.type,
                    files=event.files, bytes=event.size,
                )  # fmt: skip

    def put(self, file: File, took_s: float) -> None:
        """A file of an artifact is there."""
        self._observer.tell(
            What.ARTIFACT_UPLOADED, self._where, path=file.path, bytes=file.size, ms=took_s * _MS
        )

    def parked(self, refused: Iterable[Refused]) -> None:
        """Entries of one call were refused for good, if any; the first stands for all."""
        if entries := list(refused):
            self._observer.tell(
                What.UPLOAD_FAILED, self._where, what=entries[0].what, error=entries[0].reason,
                entries=len(entries),
            )  # fmt: skip

    def delayed(self, error: str, pause_s: float) -> None:
        """The lane goes to the slow schedule."""
        self._observer.tell(What.SYNC_DELAYED, self._where, error=error, next_try_s=pause_s)
