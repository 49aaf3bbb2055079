"""Appending: what was found in a run's sources into journals of ours, each entry once.

A source is a sequence of numbered entries, and an entry stands for events, the same ones whenever
it is read. Events are appended in that order, and behind each batch an event Source says up to
which entry that is; another one stands before the first batch of another source. A death in the
middle leaves some of the next batch without its mark, and those are known to be of the source of
the last mark. So every entry is taken once, however often an import is killed and begun again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from tracker.errors import RunError, StoreError
from tracker.events import LOG, MEDIA, OF_ARTIFACT, SOURCE, START, Event, Json
from tracker.integrations.known import NOWHERE, Known, Place, known, turn
from tracker.integrations.taken import Taken
from tracker.journal import Writer, newest
from tracker.settings import Settings
from tracker.store import StoreFolder

Happened = tuple[Any, ...]
"""An event as `tracker.journal.Writer.take` has it: (kind, time, *body)."""

BATCH_EVENTS = 500
"""Events between two marks: a mark follows once there are so many, or one tells of files."""


class Head(NamedTuple):
    """How a run begins: its Start event, without what only a writer knows; `time` in ns."""

    time: int
    project: str
    name: str
    group: str | None
    job_type: str | None
    notes: str | None
    tags: dict[str, str]
    about: dict[str, Json]


class Appending:
    """Appends the events of one run's sources, and counts them in `taken`.

    Args:
        store: where the run is to be.
        settings: of the journals.
        tool: whose sources they are; it stands in `about` of the head too.
        taken: names the run.
        head: tells how the run begins; is asked for each journal.
    """

    def __init__(
        self, store: StoreFolder, settings: Settings, tool: str, taken: Taken,
        head: Callable[[], Head],
    ) -> None:  # fmt: skip
        self._store = store
        self._settings = settings
        self._tool = tool
        self._taken = taken
        self._head = head
        self._known = Known({}, frozenset())
        self._sources: set[str] = set()  # those that are taken here
        self._source = ""  # that of the last mark
        self._writer: Writer | None = None

    @property
    def journals(self) -> frozenset[str]:
        """Writers that the run had when the store was looked at."""
        return self._known.journals

    @property
    def open(self) -> bool:
        """Whether a journal is being written."""
        return self._writer is not None

    def look(self, learn: Callable[[Event], object] | None = None) -> None:
        """Read from the store how far each source is; `learn` hears of every event.

        Raises:
            RunError: the run is there and not from the tool, or somebody takes it now.
        """
        with turn(self._store):
            self._known = known(self._store, self._tool, self._taken.run, learn)

    def place(self, source: str) -> Place:
        """How far a source that is to be taken is."""
        self._sources.add(source)
        return self._known.places.get(source, NOWHERE)

    def take(self, source: str, events: Sequence[Happened], at: int, time: int) -> None:
        """Append events and the mark that covers them; no journal is begun for a mark alone.

        `time` is the mark's.

        Raises:
            StoreError: the store takes no more.
            RunError: the run was taken by another import meanwhile.
        """
        if not events and (self._writer is None or at <= self.place(source).at):
            return
        writer = self._writer or self._open(source, time)
        before = [] if source == self._source else [self._mark(source, time)]
        if not writer.take([*before, *events, (SOURCE, time, self._tool, source, at)]):
            raise self._refusal(writer)
        self._source = source
        self._known.places[source] = Place(at, 0, time)
        kinds = Counter(map(itemgetter(0), events))
        if kinds[MEDIA]:  # a note of an artifact came with that
            kinds[MEDIA] -= sum(e[0] == MEDIA and e[4] == OF_ARTIFACT for e in events)
        for kind, number in (+kinds).items():
            self._taken.count(kind, number)
        self._taken.points += sum(len(event[3]) for event in events if event[0] == LOG)

    def sync(self) -> None:
        """Make what was taken survive power loss.

        Raises:
            StoreError: the device refuses.
        """
        if self._writer is not None and not self._writer.sync():
            raise self._refusal(self._writer)

    def close(self) -> None:
        """Let go of the journal; what comes later is taken into another one."""
        if self._writer is not None:
            self._writer.close()
            self._known = self._known._replace(journals=self.journals | {self._writer.id})
            self._writer = None

    def _open(self, source: str, time: int) -> Writer:
        """Begin a journal, with a Start and a mark that says where it goes on."""
        run_id = self._taken.run
        folder = self._store.run(run_id)
        with turn(self._store):
            found = known(self._store, self._tool, run_id)
            if not self._agrees(found):
                raise RunError(
                    f"run {run_id} was taken by another import meanwhile. Import again: it goes "
                    "on from there."
                )
            writer = self._writer = Writer(
                folder, run_id, segment_bytes=self._settings.segment_bytes,
                sync_interval_s=self._settings.sync_interval_s, after=newest(folder),
            )  # fmt: skip
            head, begins = self._head(), not found.journals
            start = (START, head.time if begins else time, *head[1:6], head.tags if begins else {},
                     head.about, not begins)  # fmt: skip
            if not writer.take([start, self._mark(source, time)]):
                raise self._refusal(writer)
        self._source = source
        return writer

    def _agrees(self, found: Known) -> bool:
        """Whether what is taken here is in the store as far as is known."""
        now, then = found.places, self._known.places
        return all(now.get(s, NOWHERE)[:2] == then.get(s, NOWHERE)[:2] for s in self._sources)

    def _mark(self, source: str, time: int) -> Happened:
        return (SOURCE, time, self._tool, source, max(self.place(source).at, 0))

    def _refusal(self, writer: Writer) -> StoreError:
        self.close()
        return StoreError(
            f"run {self._taken.run}: the store {self._store.root} takes no more "
            f"({writer.last_error}). What was taken stands. Free some space or mend the disk, then "
            "import again: it goes on from there."
        )
