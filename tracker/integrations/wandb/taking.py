"""Taking: a `.wandb` file and the folder around it into a journal, each record once.

A record's events are appended in its order, and behind each batch of them an event Source says
up to which record that is. A death in the middle leaves some of the next batch without its mark.
As the same records give the same events, going on passes over as many of them as stand there
behind the last mark. So every record is taken once, however often an import is killed and begun
again. What is behind a mark is synced before an import says that it is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path

from tracker.artifacts import Blobs
from tracker.errors import RunError, StoreError, TrackerError
from tracker.events import LOG, MEDIA, OF_ARTIFACT, SOURCE, START
from tracker.integrations.wandb.beginning import TOOL, Beginning, begun
from tracker.integrations.wandb.known import Known, known, turn
from tracker.integrations.wandb.records import Parser
from tracker.integrations.wandb.source import Source
from tracker.integrations.wandb.taken import Taken
from tracker.integrations.wandb.translation import Happened, Translation
from tracker.journal import Writer, newest
from tracker.settings import Settings
from tracker.store import StoreFolder, check_run_id

BATCH_EVENTS = 500
"""Events between two marks: a mark follows once there are so many, or one tells of files."""


class Taking:
    """One `.wandb` file on its way into the store.

    Attributes:
        log: the file.
        taken: what was taken so far.
    """

    def __init__(
        self, store: StoreFolder, settings: Settings, log: Path, parser: Parser, *, links: bool
    ) -> None:
        self.log = log
        self.taken = Taken(str(log))
        self._store = store
        self._settings = settings
        self._parser = parser
        self._links = links
        self._source = Source(log)
        self._beginning: Beginning | None = None
        self._translation: Translation | None = None
        self._known = Known()
        self._passing = 0  # events that stand behind the last mark and are not to be repeated
        self._writer: Writer | None = None

    @property
    def ended(self) -> bool:
        """Whether the run's exit record was met."""
        return self.taken.status != "open"

    @property
    def offset(self) -> int:
        """Bytes of the file that were read."""
        return self._source.offset

    def grew(self) -> bool:
        """Whether the file has bytes that were not read; those of a torn entry count."""
        try:
            return self.log.stat().st_size > self._source.offset
        except OSError:
            return True  # reading it tells what is the matter

    def go_on(self, tell: Callable[[Taking], object]) -> None:
        """Take what the file holds beyond what was taken before; `tell` hears of each batch.

        When it returns, what was taken survives power loss. Errors stand in `taken.error`.
        """
        try:
            if self._translation is None:
                self._begin()
            if self._translation is not None and self._beginning is not None:
                self._take(self._beginning, self._translation, tell)
        except (TrackerError, OSError) as error:
            self.taken.error = str(error)
        finally:
            self.taken.lost = list(self._source.lost)

    def close(self) -> None:
        """Let go of the journal; what the file gets later is taken into another one."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _begin(self) -> None:
        beginning = begun(self.log, self._parser)
        if beginning is None:
            return
        run_id = check_run_id(beginning.run.run_id)
        with turn(self._store):
            found = known(self._store, run_id, beginning.source)
        if beginning.made_up and found.journals and found.at < 0:
            raise RunError(
                f"run {run_id}: the record with which {self.log} should begin is damaged, and the "
                "run is in the store already, perhaps from the same file. Nothing was changed."
            )
        self._beginning, self._known, self._passing = beginning, found, found.beyond
        blobs = Blobs(self._store.blobs)
        self._translation = Translation(self.log, beginning, self._parser, blobs, links=self._links)
        self._translation.time = found.time or beginning.time
        project, name, *_ = beginning.start()
        self.taken.run, self.taken.project, self.taken.name = run_id, project, name
        if beginning.made_up:
            self.taken.trouble.append("the run's own record is damaged; its project is not known")

    def _take(
        self, beginning: Beginning, translation: Translation, tell: Callable[[Taking], object]
    ) -> None:
        batch: list[Happened] = []
        at = self._known.at
        for first, entries in self._source.more():
            known = min(max(self._known.at - first + 1, 0), len(entries))
            translation.learn(entries[:known])
            self.taken.known += known
            at = first + known - 1
            for number, events in translation.events(entries[known:]):
                if self._passing:
                    passed = min(self._passing, len(events))
                    self._passing -= passed
                    del events[:passed]
                if translation.looked:  # at files, which are others if it is looked at again
                    self._write(beginning, translation, batch, at)
                    batch = []
                batch += events
                at += number
                self.taken.records += number
                if translation.looked or len(batch) >= BATCH_EVENTS:
                    self._write(beginning, translation, batch, at)
                    batch = []
                    tell(self)
        self._write(beginning, translation, batch, at)
        if self._writer is not None and not self._writer.sync():
            raise self._refusal(self._writer)
        self._say(translation)

    def _say(self, translation: Translation) -> None:
        self.taken.left_out = {what: n for what, n in translation.left_out.items() if n}
        self.taken.trouble += translation.trouble
        translation.trouble = []
        if translation.exit_code is not None:
            self.taken.status = "failed" if translation.exit_code else "finished"

    def _write(
        self, beginning: Beginning, translation: Translation, batch: list[Happened], at: int
    ) -> None:
        """Append events and the mark that covers them; no journal is begun for a mark alone."""
        if not batch and (self._writer is None or at <= self._known.at):
            return
        writer = self._writer or self._open(beginning, translation.time)
        mark = (SOURCE, translation.time, TOOL, beginning.source, at)
        if not writer.take([*batch, mark]):
            raise self._refusal(writer)
        self._known = self._known._replace(at=at, beyond=0)
        kinds = Counter(map(itemgetter(0), batch))
        if kinds[MEDIA]:  # a note of an artifact came with that
            kinds[MEDIA] -= sum(e[0] == MEDIA and e[4] == OF_ARTIFACT for e in batch)
        for kind, number in (+kinds).items():
            self.taken.count(kind, number)
        self.taken.points += sum(len(event[3]) for event in batch if event[0] == LOG)

    def _open(self, beginning: Beginning, time: int) -> Writer:
        """Begin a journal, with a Start and a mark that says where it goes on."""
        run_id = self.taken.run
        folder = self._store.run(run_id)
        with turn(self._store):
            found = known(self._store, run_id, beginning.source)
            if found[:2] != self._known[:2]:
                raise RunError(
                    f"run {run_id} was taken by another import meanwhile. Import again: it goes "
                    "on from there."
                )
            writer = self._writer = Writer(
                folder, run_id, segment_bytes=self._settings.segment_bytes,
                sync_interval_s=self._settings.sync_interval_s, after=newest(folder),
            )  # fmt: skip
            *head, tags, about = beginning.start()
            begins = not found.journals
            start = (START, beginning.time if begins else time, *head, tags if begins else {},
                     about, not begins)  # fmt: skip
            at = (SOURCE, time, TOOL, beginning.source, max(found.at, 0))
            if not writer.take([start, at]):
                raise self._refusal(writer)
        return writer

    def _refusal(self, writer: Writer) -> StoreError:
        self.close()
        return StoreError(
            f"run {self.taken.run}: the store {self._store.root} takes no more "
            f"({writer.last_error}). What was taken stands. Free some space or mend the disk, then "
            "import again: it goes on from there."
        )
