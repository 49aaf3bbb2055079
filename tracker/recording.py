"""Where a run's events go in this process: a journal, and another one when it breaks."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tracker import identity
from tracker.closing import Closing
from tracker.errors import StoreError
from tracker.events import (
    ARTIFACT,
    CONFIG,
    CONSOLE,
    FINISH,
    LOG,
    MEDIA,
    REWIND,
    SOURCE,
    START,
    SUMMARY,
    SYSTEM,
    TAGS,
    Json,
)
from tracker.journal import Journal, Reserve, Writer, WriterBroken, newest
from tracker.notice import Notice
from tracker.resume import Past
from tracker.settings import Settings
from tracker.store import StoreFolder, nearly_full

KINDS = {
    START: "starts", LOG: "log calls", CONFIG: "config", SUMMARY: "summary", TAGS: "tags",
    ARTIFACT: "artifacts", FINISH: "finish", REWIND: "rewinds", SYSTEM: "system",
    CONSOLE: "console", MEDIA: "media", SOURCE: "sources",
}  # fmt: skip
"""What is counted under which name when it could not be kept."""

FIRST_TO_GO = frozenset((SYSTEM, CONSOLE, MEDIA))
"""Kinds that are not kept where the disk is nearly full (degradation level 3)."""

_LOOK_INTERVAL_S = 1.0
"""For those, the disk is looked at this often."""

REOPEN_INTERVAL_S = 0.25
"""While no journal can be opened, attempts are this far apart."""


class Recording:
    """The open journal of a run, where there is one.

    Attributes:
        log: the writer's own `log`, for those who cannot wait; where it raises or returns
            None, `record` is the way.
        finished: the run ends or has ended; nothing more is kept.
        parent: in a forked child, the writer id of the process it was forked from.
        put_off: keys of config and summary whose last values were not kept; `finish` is given
            them once more.
    """

    log: Callable[[int, dict[str, Any]], bool | None]

    def __init__(
        self, store: StoreFolder | None, run_id: str, head: dict[str, Any], settings: Settings,
        notice: Notice, *, past: Past,
    ) -> None:  # fmt: skip
        self.store = store
        self.run_id = run_id
        self.finished = False
        self.parent: str | None = None
        self.put_off: dict[int, set[str]] = {CONFIG: set(), SUMMARY: set()}
        self._put_off_events: Counter[int] = Counter()
        self._reserve = None if store is None else Reserve(store.run(run_id))
        self._closed = False
        self._head = head
        self._settings = settings
        self._notice = notice
        self._begun = past.known  # the run has a journal
        self._introduced = past.start is not None  # a Start in one of them has the run's tags
        self._attempts = list(past.attempts)  # writers whose steps a rewind leaves behind
        self._reached = past.reached  # until the first log call tells where this attempt begins
        self._lock = threading.RLock()
        self._writer: Writer | None = None
        self._earlier = 0
        self._unsynced = 0  # events in earlier journals that the disk refused to sync
        self._dropped: Counter[str] = Counter()
        self._reopen_at = self._look_at = 0.0
        self._low = False  # the disk was nearly full when it was looked at
        self._error: Exception | None = None  # why no journal could be opened
        self._opening: int | None = None  # the thread that opens a journal
        self._actions: list[Callable[[], object]] = []
        self.log = self._nowhere
        if store is not None:
            self._reopen()
            if self._writer is None:
                self.say_trouble()

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
        return {kind: number for kind, number in total.items() if number}

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
        if not self._open_to(kind):
            return False
        if kind == LOG and self._reached is not None:
            self._stitch(body[0], self._reached)
        kept = self._keep(kind, lambda _: body)
        if kind in self.put_off:
            self._note(kind, body[0], kept=kept)
        if not kept:
            self.say_trouble()
        return kept

    def record_with(self, kind: int, body: Callable[[Writer], tuple[Any, ...]]) -> bool:
        """As `record`, of an event made for the writer that takes it, with files in its packs.

        Raises:
            As `record`, and as `body`, whose OSError says that the disk did not take a file.
        """
        if not self._open_to(kind):
            return False
        kept = self._keep(kind, body)
        if not kept:
            self.say_trouble()
        return kept

    def _open_to(self, kind: int) -> bool:
        """Whether events of a kind are kept now, as far as it does not depend on the journal."""
        if self.store is None:
            return False
        if self.finished and kind != FINISH:
            self.count_dropped(KINDS[kind])
            self._notice.warn(
                f"run {self._head['name']} is finished; what is recorded now is not kept. "
                f'To go on: tracker.init(id="{self.run_id}")', once="finished",
            )  # fmt: skip
            return False
        if kind in FIRST_TO_GO and self.nearly_full():
            self.count_dropped(KINDS[kind])
            self._say_nearly_full()
            return False
        return True

    def nearly_full(self) -> bool:
        """Whether what goes first is not kept now, as the disk has little room left."""
        if self.store is not None and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _LOOK_INTERVAL_S
            self._low = nearly_full(self.store.free_bytes(), self._settings.storage_low_bytes)
        return self._low

    def _keep(self, kind: int, body: Callable[[Writer], tuple[Any, ...]]) -> bool:
        for _ in range(2):
            writer = self._writer
            try:
                if writer is not None:
                    return writer.append(kind, *body(writer))
            except WriterBroken:
                pass
            except OSError:  # of a pack file; the writer knows it
                break
            self._reopen()
        self.count_dropped(KINDS[kind])
        return False

    def rewind(self, step: int) -> bool:
        """Record that the run goes on from `step`: what it holds from there on is left behind."""
        self._reached = None
        return self.record(REWIND, step, self._attempts)

    def _stitch(self, step: int, reached: int) -> None:
        """At the first log call after earlier attempts: does it go on, or has it gone back?"""
        self._reached = None
        if self._writer is not None:
            self.log = self._writer.log
        if step <= reached:
            self.rewind(step)

    def _note(self, kind: int, values: dict[str, Json], *, kept: bool) -> None:
        """Remember what `finish` has to be given again."""
        if kept:
            self.put_off[kind].difference_update(values)
        else:
            self.put_off[kind].update(values)
            self._put_off_events[kind] += 1

    def when_free(self, action: Callable[[], object]) -> None:
        """Do `action` now, or right after the call that a signal handler interrupted."""
        writer = self._writer
        if self._opening == threading.get_ident():
            self._actions.append(action)
        elif writer is None:
            action()
        else:
            writer.when_free(action)

    def finish(
        self, status: str, exit_code: int, error: str | None, last: dict[int, dict[str, Json]]
    ) -> None:
        """Record the run's end, before it the last values that were put off.

        On a full disk the reserve is given up for these, and nothing else is kept any more.

        Raises:
            StoreError: only if strict; something of this was not kept.
        """
        with self._lock:
            if self.finished:
                return
            self.finished, self.log = True, self._nowhere
            closing = Closing(self._try, self._make_room)
            for kind, values in last.items():
                lost = closing.values(kind, values)
                self.count_dropped(KINDS[kind], -self._put_off_events[kind])
                self.count_dropped(f"{KINDS[kind]} values", lost)
            kept = closing.finish(FINISH, status, exit_code, error, self.dropped)
            self.count_dropped(KINDS[FINISH], int(not kept))
        if not kept or closing.lost:
            self.say_trouble()

    def _try(self, kind: int, *body: Any) -> bool:
        """Keep an event of the end at once; if it is not kept, the caller counts it."""
        if self._writer is not None:
            self._writer.retry_now()
        self._reopen_at = 0.0
        kept = self._keep(kind, lambda _: body)
        if not kept:
            self.count_dropped(KINDS[kind], -1)
        return kept

    def _make_room(self) -> bool:
        return self._reserve is not None and self._reserve.give_up()

    def sync(self) -> bool:
        """Make what was recorded survive power loss; False if it may not."""
        writer = self._writer
        return writer is not None and writer.sync() and not self._unsynced

    def close(self) -> bool:
        """Let go of the journal; False if some of what was recorded may not survive power loss."""
        with self._lock:
            self.finished = self._closed = True
            self.log = self._nowhere
            try:
                if self._writer is None:
                    return not self._unsynced
                self._writer.close()
                return self._writer.synced_seq == self._writer.seq and not self._unsynced
            finally:
                self._make_room()

    def pack(self) -> None:
        """Pack what the closed journal holds. A failure is no harm: what is raw stays raw."""
        from tracker.journal import packer  # noqa: PLC0415 - for those who ask for it

        if self._writer is None:
            return
        try:
            packer.sweep(self._writer.folder)
            packer.pack(Journal(self._writer.folder, self._writer.id))
        except Exception:  # noqa: BLE001, S110 - the run is whole without it
            pass

    def after_fork(self) -> None:
        """In a forked child: the next event opens a journal of the child's own."""
        self._lock = threading.RLock()  # another thread of the parent may have held it
        self.parent = self._writer.id if self._writer is not None else (self.parent or "unknown")
        self._writer, self.log = None, self._nowhere
        self._dropped = Counter()  # the parent says what it lost
        self._put_off_events.clear()
        self.put_off = {CONFIG: set(), SUMMARY: set()}
        self._reserve = None  # a child's end is not the run's
        self._earlier = self._unsynced = 0
        self._reopen_at, self._opening = 0.0, None
        self._attempts, self._reached = [], None

    def say_trouble(self) -> None:
        """Warn, once, that events are not kept.

        Raises:
            StoreError: only if strict.
        """
        writer = self._writer
        error = writer.last_error if writer is not None else self._error
        root = self.store.root if self.store else "the store"
        text = (
            f"run {self._head['name']}: the store {root} takes no more ({error or 'no journal'}). "
            "Training goes on; what is not kept is counted and said at the end. "
            "Free some space or mend the disk."
        )
        self._notice.warn(text, once="storage")
        if self._settings.strict:
            raise StoreError(text) from error

    def _say_nearly_full(self) -> None:
        root = self.store.root if self.store else "the store"
        text = (
            f"run {self._head['name']}: the disk of {root} is nearly full: media, system measures "
            "and console are not kept until there is room (setting storage_low_bytes). Free some."
        )
        self._notice.warn(text, once="nearly full")
        if self._settings.strict:
            raise StoreError(text)

    # -- journals --------------------------------------------------------------------------

    def _nowhere(self, step: int, values: dict[str, Any]) -> bool | None:
        """Stands in for `log` where there is no journal, or `record` has to look at the step."""
        del step, values
        return True if self.store is None else None

    def _reopen(self) -> None:
        with self._lock:
            old = self._writer
            if self._opening is not None or time.monotonic() < self._reopen_at:
                return
            if self._closed or (old is not None and not old.broken):
                return
            self._opening = threading.get_ident()
            try:
                if old is not None:
                    self._let_go_of(old)
                self._open()
            except (OSError, StoreError) as error:
                self._reopen_at = time.monotonic() + REOPEN_INTERVAL_S
                self._error = error
            finally:
                self._opening = None
        while self._actions:
            self._actions.pop(0)()

    def _let_go_of(self, old: Writer) -> None:
        old.close(final=False)  # first: who finishes meanwhile must meet the writer he may be in
        self._writer, self.log = None, self._nowhere
        self._earlier += old.seq
        self._attempts.append(old.id)
        unsynced = old.seq - old.synced_seq
        self._unsynced += unsynced
        for kind, number in old.dropped.items():
            self._dropped[KINDS.get(kind, str(kind))] += number
        if unsynced:  # else a signal handler threw twice in one call, no more
            self._notice.warn(
                f"run {self._head['name']}: its journal could not be synced ({old.last_error}), so "
                "what it recorded last may not survive a power cut. It goes on in a new journal.",
                once="sync",
            )

    def _open(self) -> None:
        store, settings = self.store, self._settings
        assert store is not None  # noqa: S101 - only a run with a store has journals
        store.restore()
        folder = store.run(self.run_id)
        writer = Writer(
            folder, self.run_id, segment_bytes=settings.segment_bytes,
            sync_interval_s=settings.sync_interval_s, sync=settings.sync, after=newest(folder),
            reserve=self._reserve,
        )  # fmt: skip
        try:
            if not self._introduce(writer):
                raise writer.last_error or OSError("its first event was not kept")  # noqa: TRY301
        except BaseException:
            writer.close()
            raise
        self._begun = self._introduced = True
        self._writer = writer
        if not self.finished:
            self.log = writer.log if self._reached is None else self._nowhere

    def _introduce(self, writer: Writer) -> bool:
        head = self._head
        return writer.append(
            START, head["project"], head["name"], head["group"], head["job_type"], head["notes"],
            {} if self._introduced else head["tags"], identity.about(), self._begun, self.parent,
            identity.rank(),
        )  # fmt: skip
