"""Files on their way to one remote, on threads of their own, beside the visits to its runs.

A visit begins a put and leaves; the run's next events are sent meanwhile, so that they never
wait behind gigabytes. What was put is written down by the visit that finds it landed: nothing
but a visit changes a lane.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from syncd.clock import Clock
from syncd.receipts import Pending
from syncd.retry import slow_pause
from syncd.sinks import File, Note, RemoteRun, Version
from tracker.errors import ArtifactError
from tracker.settings import Settings

SLICE_S = 5.0
"""Many small files make room for those of other runs after this long."""

_AT_ONCE_S = 0.25
"""So long a visit waits for the files that it began to put: small ones need no second visit."""


@dataclass
class Put:
    """Files of one artifact being put.

    Attributes:
        left: those to be put, the next one last.
        version: what they are, until the remote took it as one or said that it does not.
        done: those that the remote took, and in how many seconds.
        notes: what the version is called there.
    """

    run: RemoteRun
    artifact: Pending
    left: list[File]
    version: Version | None = None
    done: list[tuple[File, float]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    future: Future[None] = field(default_factory=Future)


@dataclass
class _Trouble:
    failures: int
    until: float
    error: str


class Puts:
    """All puts to one remote, one at a time for each run. Safe to use from several visits.

    Args:
        put: puts one file of a remote run, with the quick attempts.
        deliver: has the remote take a version as one, the same way; None if it has no such.
        pool: where they are made, `file_workers` at the same time.
        landed: is told the run whose put ended, from the thread that made it.
    """

    def __init__(
        self, put: Callable[[RemoteRun, File], object], settings: Settings, clock: Clock, *,
        stop: threading.Event, pool: Executor | None = None,
        deliver: Callable[[RemoteRun, Version], list[Note] | None] = lambda *_: None,
        landed: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._put = put
        self._deliver = deliver
        self._settings = settings
        self._clock = clock
        self._stop = stop
        self._landed = landed
        self._pool = pool or ThreadPoolExecutor(settings.file_workers, thread_name_prefix="puts")
        self._puts: dict[str, Put] = {}
        self._troubles: dict[str, _Trouble] = {}

    def begin(self, run_id: str, put: Put) -> None:
        """Put files of a run that has no put; small ones have landed when this returns."""
        put.future = self._pool.submit(self._work, put)
        self._puts[run_id] = put
        landed, _ = wait([put.future], _AT_ONCE_S)
        if not landed:
            put.future.add_done_callback(lambda _: self._landed(run_id))

    def begun(self, run_id: str) -> bool:
        """Whether there is a put of the run, flying or landed."""
        return run_id in self._puts

    def flying(self, run_id: str) -> bool:
        """Whether files of the run are being put."""
        put = self._puts.get(run_id)
        return put is not None and not put.future.done()

    def paused(self, run_id: str) -> bool:
        """Whether the run's files wait for another try."""
        trouble = self._troubles.get(run_id)
        return trouble is not None and self._clock.monotonic() < trouble.until

    def take(self, run_id: str) -> Put | None:
        """Give the put that has landed, which is then forgotten; None if there is none."""
        return self._puts.pop(run_id, None)

    def failed(self, run_id: str, error: str, retry_after: float | None) -> None:
        """The remote may take the run's files later: they wait, its events do not."""
        known = self._troubles.get(run_id)
        failures = known.failures + 1 if known else 1
        pause_s = slow_pause(failures, retry_after, self._settings)
        self._troubles[run_id] = _Trouble(failures, self._clock.monotonic() + pause_s, error)

    def succeeded(self, run_id: str) -> None:
        """The remote takes the run's files."""
        self._troubles.pop(run_id, None)

    def trouble(self, run_id: str) -> str | None:
        """Why the run's files wait for another try; None if they do not."""
        trouble = self._troubles.get(run_id)
        return trouble.error if trouble else None

    def hurry(self, run_id: str) -> None:
        """Have another try at once."""
        if run_id in self._troubles:
            self._troubles[run_id].until = 0.0

    def futures(self) -> list[Future[None]]:
        """Those that have not landed."""
        return [put.future for put in list(self._puts.values()) if not put.future.done()]

    def close(self) -> None:
        """Begin no more. One under way may go on until its connection is closed."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _work(self, put: Put) -> None:
        until = self._clock.monotonic() + SLICE_S
        if put.version is not None and not self._stop.is_set():
            self._as_one(put, put.version)
        while put.left and not self._stop.is_set():
            file = put.left[-1]
            _check_there(file)
            began = self._clock.monotonic()
            self._put(put.run, file)
            ended = self._clock.monotonic()
            put.done.append((put.left.pop(), ended - began))
            if ended >= until:
                return

    def _as_one(self, put: Put, version: Version) -> None:
        """Deliver a version; its files are left where the remote does not take it as one."""
        for file in version.files:
            _check_there(file)
        began = self._clock.monotonic()
        notes = self._deliver(put.run, version)
        put.version = None
        if notes is None:
            return
        took_s = (self._clock.monotonic() - began) / max(len(put.left), 1)
        put.notes = notes
        put.done = [(file, took_s) for file in put.left]
        put.left = []


def _check_there(file: File) -> None:
    if not file.source.exists():
        raise ArtifactError(
            f"the content of {file.path} ({file.digest}) is not in this store; "
            "deliver from a copy of the store that has it."
        )
