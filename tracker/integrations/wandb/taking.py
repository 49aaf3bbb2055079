"""Taking: a `.wandb` file and the folder around it into a journal, each record once.

A record is an entry of its file (see `tracker.integrations.appending`). What is behind a mark is
synced before an import says that it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tracker.artifacts import Blobs
from tracker.errors import RunError, TrackerError
from tracker.integrations import appending
from tracker.integrations.appending import Appending, Happened, Head
from tracker.integrations.taken import Taken
from tracker.integrations.wandb.beginning import TOOL, Beginning, begun
from tracker.integrations.wandb.records import Parser
from tracker.integrations.wandb.source import Source
from tracker.integrations.wandb.translation import Translation
from tracker.settings import Settings
from tracker.store import StoreFolder, check_run_id


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
        self._passing = 0  # events that stand behind the last mark and are not to be repeated
        self._appending = Appending(store, settings, TOOL, self.taken, self._head)

    @property
    def ended(self) -> bool:
        """Whether the run's exit record was met."""
        return self.taken.status != "open"

    @property
    def offset(self) -> int:
        """Bytes of the file that were read."""
        return self._source.offset

    @property
    def share(self) -> float:
        """How much of the file was read."""
        return self._source.offset / max(self.log.stat().st_size, 1)

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
        self._appending.close()

    def _begin(self) -> None:
        beginning = begun(self.log, self._parser)
        if beginning is None:
            return
        run_id = self.taken.run = check_run_id(beginning.run.run_id)
        self._appending.look()
        place = self._appending.place(beginning.source)
        if beginning.made_up and self._appending.journals and place.at < 0:
            self.taken.run = ""
            raise RunError(
                f"run {run_id}: the record with which {self.log} should begin is damaged, and the "
                "run is in the store already, perhaps from the same file. Nothing was changed."
            )
        self._beginning, self._passing = beginning, place.beyond
        blobs = Blobs(self._store.blobs)
        self._translation = Translation(self.log, beginning, self._parser, blobs, links=self._links)
        self._translation.time = place.time or beginning.time
        self.taken.project, self.taken.name, *_ = beginning.start()
        if beginning.made_up:
            self.taken.trouble.append("the run's own record is damaged; its project is not known")

    def _head(self) -> Head:
        assert self._beginning is not None  # noqa: S101 - nothing is taken before it is read
        return Head(self._beginning.time, *self._beginning.start())

    def _take(
        self, beginning: Beginning, translation: Translation, tell: Callable[[Taking], object]
    ) -> None:
        batch: list[Happened] = []
        source = beginning.source
        done = at = self._appending.place(source).at
        for first, entries in self._source.more():
            known = min(max(done - first + 1, 0), len(entries))
            translation.learn(entries[:known])
            self.taken.known += known
            at = first + known - 1
            for number, events in translation.events(entries[known:]):
                if self._passing:
                    passed = min(self._passing, len(events))
                    self._passing -= passed
                    del events[:passed]
                if translation.looked:  # at files, which are others if it is looked at again
                    self._appending.take(source, batch, at, translation.time)
                    batch = []
                batch += events
                at += number
                self.taken.records += number
                if translation.looked or len(batch) >= appending.BATCH_EVENTS:
                    self._appending.take(source, batch, at, translation.time)
                    batch = []
                    tell(self)
        self._appending.take(source, batch, at, translation.time)
        self._appending.sync()
        self._say(translation)

    def _say(self, translation: Translation) -> None:
        self.taken.left_out = {what: n for what, n in translation.left_out.items() if n}
        self.taken.trouble += translation.trouble
        translation.trouble = []
        if translation.exit_code is not None:
            self.taken.status = "failed" if translation.exit_code else "finished"
