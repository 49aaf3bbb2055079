"""Where a run's events go in this process: a journal, and another one when it breaks."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tracker import identity
from tracker.errors import StoreError
from tracker.journal import Writer, WriterBroken
from tracker.notice import Notice
from tracker.settings import Settings
from tracker.store import StoreFolder

START, LOG, CONFIG, SUMMARY, TAGS, ARTIFACT, FINISH = range(16, 23)
KINDS = {
    START: "starts", LOG: "log calls", CONFIG: "config", SUMMARY: "summary", TAGS: "tags",
    ARTIFACT: "artifacts", FINISH: "finish",
}  # fmt: skip
"""What is counted under which name when it could not be kept."""

REOPEN_INTERVAL_S = 0.25
"""While no journal can be opened, attempts are this far apart."""


class Recording:
    """The open journal of a run, where there is one.

    Attributes:
        append: the writer's own `append`, for those who cannot wait; it may raise
            `WriterBroken`, and then `record` is the way.
        finished: the run's end is recorded; nothing more is kept.
        parent: in a forked child, the writer id of the process it was forked from.
    """

    append: Callable[..., bool]

    def __init__(
        self, store: StoreFolder | None, run_id: str, head: dict[str, Any], settings: Settings,
        notice: Notice, *, begun: bool, introduced: bool,
    ) -> None:  # fmt: skip
        self.store = store
        self.run_id = run_id
        self.finished = False
        self.parent: str | None = None
        self._head = head
        self._settings = settings
        self._notice = notice
        self._begun = begun  # the run has a journal
        self._introduced = introduced  # a Start in one of them has the run's tags
        self._lock = threading.RLock()
        self._writer: Writer | None = None
        self._earlier = 0
        self._unsynced = 0  # events in earlier journals that the disk refused to sync
        self._dropped: Counter[str] = Counter()
        self._reopen_at = 0.0
        self._opening: int | None = None  # the thread that opens a journal
        self._actions: list[Callable[[], object]] = []
        self.append = self._nowhere
        if store is not None:
            self._reopen()

    @property
    def kept(self) -> int:
        """Events written by this process."""
        return self._earlier + (self._writer.seq if self._writer is not None else 0)

    @property
    def dropped(self) -> dict[str, int]:
        """What could not be kept, by kind."""
        total = Counter(self._dropped)
        if self._writer is not None:
            for kind, number in list(self._writer.dropped.items()):
                total[KINDS.get(kind, str(kind))] += number
        return dict(total)

    def count_dropped(self, what: str, number: int = 1) -> None:
        """Count what could not be kept for other reasons than a journal's."""
        with self._lock:
            self._dropped[what] += number

    def record(self, kind: int, *body: Any) -> bool:
        """Append an event, to a new journal where the old one takes no more.

        Raises:
            TypeError, ValueError, OverflowError: the event cannot be encoded.
            StoreError: only if strict; the event was not kept.
        """
        if self.store is None:
            return False
        if self.finished and kind != FINISH:
            self.count_dropped(KINDS[kind])
            self._notice.warn(
                f"run {self._head['name']} is finished; what is recorded now is not kept. "
                f'To go on: tracker.init(id="{self.run_id}")', once="finished",
            )  # fmt: skip
            return False
        for _ in range(2):
            try:
                kept = self.append(kind, *body)
            except WriterBroken:
                self._reopen()
                continue
            if not kept:
                self.say_trouble()
            return kept
        self.count_dropped(KINDS[kind])
        self.say_trouble()
        return False

    def when_free(self, action: Callable[[], object]) -> None:
        """Do `action` now, or right after the call that a signal handler interrupted."""
        writer = self._writer
        if self._opening == threading.get_ident():
            self._actions.append(action)
        elif writer is None:
            action()
        else:
            writer.when_free(action)

    def finish(self, status: str, exit_code: int, error: str | None) -> None:
        """Record the run's end; the one event for which a full disk is tried once more."""
        with self._lock:
            if self.finished:
                return
            if self._writer is not None:
                self._writer.retry_now()
            self._reopen_at = 0.0
            self.record(FINISH, status, exit_code, error, self.dropped)
            self.finished = True

    def sync(self) -> bool:
        """Make what was recorded survive power loss; False if it may not."""
        writer = self._writer
        return writer is not None and writer.sync() and not self._unsynced

    def close(self) -> bool:
        """Let go of the journal; False if some of what was recorded may not survive power loss."""
        with self._lock:
            self.finished = True
            self.append = self._nowhere
            if self._writer is None:
                return not self._unsynced
            self._writer.close()
            return self._writer.synced_seq == self._writer.seq and not self._unsynced

    def after_fork(self) -> None:
        """In a forked child: the next event opens a journal of the child's own."""
        self._lock = threading.RLock()  # another thread of the parent may have held it
        self.parent = self._writer.id if self._writer is not None else (self.parent or "unknown")
        self._writer, self.append = None, self._nowhere
        self._dropped = Counter()  # the parent says what it lost
        self._earlier = self._unsynced = 0
        self._reopen_at, self._opening = 0.0, None

    def say_trouble(self) -> None:
        """Warn, once, that events are not kept.

        Raises:
            StoreError: only if strict.
        """
        writer = self._writer
        self._trouble(writer.last_error if writer is not None else None)

    # -- journals --------------------------------------------------------------------------

    def _nowhere(self, kind: int, *body: Any) -> bool:
        """Stands in for a journal where there is none."""
        del kind, body
        if self.store is None:
            return True
        raise WriterBroken(self.run_id)

    def _reopen(self) -> None:
        with self._lock:
            old = self._writer
            if self._opening is not None or time.monotonic() < self._reopen_at:
                return
            if self.finished or (old is not None and not old.broken):
                return
            self._opening = threading.get_ident()
            try:
                if old is not None:
                    self._let_go_of(old)
                self._open()
            except (OSError, StoreError) as error:
                self._reopen_at = time.monotonic() + REOPEN_INTERVAL_S
                self._trouble(error)
            finally:
                self._opening = None
        while self._actions:
            self._actions.pop(0)()

    def _let_go_of(self, old: Writer) -> None:
        old.close(final=False)  # first: who finishes meanwhile must meet the writer he may be in
        self._writer, self.append = None, self._nowhere
        self._earlier += old.seq
        self._unsynced += old.seq - old.synced_seq
        for kind, number in old.dropped.items():
            self._dropped[KINDS.get(kind, str(kind))] += number
        self._notice.warn(
            f"run {self._head['name']}: its journal could not be synced ({old.last_error}), so "
            "what it recorded last may not survive a power cut. It goes on in a new journal.",
            once="sync",
        )

    def _open(self) -> None:
        store, settings = self.store, self._settings
        assert store is not None  # noqa: S101 - only a run with a store has journals
        store.restore()
        writer = Writer(
            store.run(self.run_id), self.run_id, segment_bytes=settings.segment_bytes,
            sync_interval_s=settings.sync_interval_s, sync=settings.sync,
        )  # fmt: skip
        try:
            if not self._introduce(writer):
                raise writer.last_error or OSError("its first event was not kept")  # noqa: TRY301
        except BaseException:
            writer.close()
            raise
        self._begun = self._introduced = True
        self._writer, self.append = writer, writer.append

    def _introduce(self, writer: Writer) -> bool:
        head = self._head
        return writer.append(
            START, head["project"], head["name"], head["group"], head["job_type"], head["notes"],
            {} if self._introduced else head["tags"], identity.about(), self._begun, self.parent,
        )  # fmt: skip

    def _trouble(self, error: Exception | None) -> None:
        root = self.store.root if self.store else "the store"
        text = (
            f"run {self._head['name']}: the store {root} takes no more ({error or 'no journal'}). "
            "Training goes on; what is not kept is counted and said at the end. "
            "Free some space or mend the disk."
        )
        self._notice.warn(text, once="storage")
        if self._settings.strict:
            raise StoreError(text) from error
